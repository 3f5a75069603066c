import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import type { Sequence } from "./batch.ts";
import { Model } from "./model.ts";
import { randomSequences, smallConfig } from "./testing.ts";

const engine = await WasmEngine.create();
const config = smallConfig({ valueHead: { loss: "squared_error", outputs: 3 } });
const model = new Model(engine, config).initialize(5);

/** Outputs at every token of each sequence. */
async function outputs(
  sequences: Sequence[],
): Promise<{ logits: number[]; values: number[] }[]> {
  const rows = sequences.flatMap((s, sequence) =>
    s.tokens.map((_, token) => ({ sequence, token }))
  );
  const { logits, values } = await model.forward(sequences, rows);
  let at = 0;
  return sequences.map(({ tokens }) => {
    const start = at;
    at += tokens.length;
    return {
      logits: [...logits!.subarray(start * config.vocabularySize, at * config.vocabularySize)],
      values: [...values!.subarray(start * 3, at * 3)],
    };
  });
}

const batch = randomSequences(config, { count: 70, length: 20, seed: 1 });
const expected = await outputs(batch);

Deno.test("outputs of a sequence do not depend on its neighbours, their order or their number", async () => {
  assert.deepEqual(await outputs(batch.toReversed()), expected.toReversed());
  for (const i of [0, 16, 63, 69]) {
    assert.deepEqual(await outputs([batch[i]!]), [expected[i]], `sequence ${i}`);
  }
  assert.deepEqual(await outputs(batch.slice(3, 8)), expected.slice(3, 8));
});

Deno.test("outputs do not depend on how far a sequence is padded", async () => {
  const long = { tokens: Array.from({ length: 52 }, (_, i) => i % config.vocabularySize) };
  assert.deepEqual((await outputs([long, ...batch.slice(0, 9)])).slice(1), expected.slice(0, 9));
});

Deno.test("outputs depend on nothing that comes later", async () => {
  const s = batch[0]!, half = Math.floor(s.tokens.length / 2);
  const [prefix] = await outputs([{
    tokens: s.tokens.slice(0, half),
    positions: s.positions!.slice(0, half),
  }]);
  assert.deepEqual(prefix!.logits, expected[0]!.logits.slice(0, half * config.vocabularySize));
});

Deno.test("rows come in the order asked for, the same one as often as asked for", async () => {
  const at = (sequence: number, token: number) => ({ sequence, token });
  const { values } = await model.forward(batch, [
    at(69, 0),
    at(2, 1),
    at(69, 0),
    at(0, 3),
    at(2, 1),
  ]);
  const value = (sequence: number, token: number) =>
    expected[sequence]!.values.slice(3 * token, 3 * token + 3);
  const wanted = [value(69, 0), value(2, 1), value(69, 0), value(0, 3), value(2, 1)];
  assert.deepEqual([...values!], wanted.flat());
  assert.deepEqual((await model.forward(batch, [])).values, new Float32Array(0));
  assert.deepEqual((await model.forward([], [])).values, new Float32Array(0));
});

Deno.test("positions count from 0 where none are given", async () => {
  const { tokens } = batch[0]!;
  assert.deepEqual(
    await outputs([{ tokens }]),
    await outputs([{ tokens, positions: tokens.map((_, i) => i) }]),
  );
  assert.notDeepEqual(
    await outputs([{ tokens }]),
    await outputs([{ tokens, positions: tokens.map((_, i) => 2 * i) }]),
  );
});

Deno.test("rotary positions are relative", async () => {
  const { tokens } = batch[0]!;
  const shifted = async (by: number) =>
    (await outputs([{ tokens, positions: tokens.map((_, i) => i + by) }]))[0]!.logits;
  const zero = await shifted(0);
  (await shifted(30)).forEach((x, i) =>
    assert.ok(Math.abs(x - zero[i]!) < 1e-4, `logit ${i}: ${x}, not ${zero[i]}`)
  );
});

Deno.test("rows and ids that are not there are refused by name", async () => {
  const forward = (sequences: Sequence[], sequence: number, token: number) =>
    model.forward(sequences, [{ sequence, token }]);
  const one = [{ tokens: [1, 2, 3] }];
  await assert.rejects(forward(one, 0, 3), /token 3 of sequence 0: it has 3 tokens/);
  await assert.rejects(forward(one, 0, 1.5), /token 1.5 of sequence 0: it has 3 tokens/);
  await assert.rejects(forward(one, 0, -1), /token -1 of sequence 0/);
  await assert.rejects(forward(one, 1, 0), /token 0 of sequence 1: it has 0 tokens/);
  await assert.rejects(forward([{ tokens: [21] }], 0, 0), /tokens: 21: the model has 0 to 20/);
  await assert.rejects(
    forward([{ tokens: [1], positions: [64] }], 0, 0),
    /positions: 64: .*maxPosition 64/,
  );
});

Deno.test("any number of sequences and rows", async () => {
  const tiny = new Model(engine, smallConfig({ dModel: 16, layers: 1, mlpRatio: 1 })).initialize(1);
  const count = 130_000, classes = tiny.config.vocabularySize;
  // Every pair of tokens, again and again; rows from the last sequence to the first.
  const sequences = Array.from({ length: count }, (_, i) => ({
    tokens: [i % classes, Math.floor(i / classes) % classes],
  }));
  const rows = sequences.map((_, i) => ({ sequence: count - 1 - i, token: 1 }));
  const { logits } = await tiny.forward(sequences, rows);
  assert.equal(logits!.length, count * classes);
  for (const i of [0, 63, 64, 1000, count - 1]) {
    const { logits: alone } = await tiny.forward([sequences[count - 1 - i]!], [{
      sequence: 0,
      token: 1,
    }]);
    assert.deepEqual(logits!.slice(i * classes, (i + 1) * classes), alone, `row ${i}`);
  }
});
