import assert from "node:assert/strict";
import { log32 } from "../../kernels/wasm/testing.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { philox4x32, purposeId, RandomStream } from "../numeric/random.ts";
import type { GenerateOptions } from "./generate_options.ts";
import { Model, type Prompt } from "./model.ts";
import { keptTokens, smallConfig } from "./testing.ts";
import type { TransformerConfig } from "./transformer.ts";

const engine = await WasmEngine.create();
const config = smallConfig({ vocabularySize: 37, maxPosition: 80 });

/**
 * A model whose logits all lie within a few units in the last place: which one is largest depends on the last
 * bits of the hidden state, so that equal tokens mean equal bits.
 */
async function touchyModel(on = engine, changes: Partial<TransformerConfig> = {}): Promise<Model> {
  const model = new Model(on, { ...config, ...changes }).initialize(3);
  const tensors = await model.tensors(), head = tensors.head!.data;
  const random = new RandomStream({ seed: 1, purpose: "touchy" });
  for (let r = 0; r < config.dModel; r++) {
    const base = random.normal();
    for (let k = 0; k < config.vocabularySize; k++) {
      head[r * config.vocabularySize + k] = base * (1 + (random.integer(9) - 4) * 2 ** -23);
    }
  }
  model.setTensors(tensors);
  return model;
}

/** `count` prompts of 1 to 9 tokens whose responses start at position 20. */
function prompts(count: number): Prompt[] {
  return Array.from({ length: count }, (_, row) => {
    const random = new RandomStream({ seed: 2, purpose: "prompts", row });
    const tokens = Array.from(
      { length: 1 + random.integer(9) },
      () => random.integer(config.vocabularySize),
    );
    return {
      tokens,
      row: 1000 + row,
      position: (i) => i < tokens.length ? i : 20 + i - tokens.length,
    };
  });
}

const GREEDY: GenerateOptions = {
  maxTokens: 8,
  temperature: 0,
  stop: [],
  seed: 5,
  purpose: "test",
};
const SAMPLED: GenerateOptions = { ...GREEDY, temperature: 0.8 };

/** Several samples of each of some prompts, and of prompts that go on from them. */
function copies(count: number): Prompt[] {
  const own = prompts(Math.ceil(count / 6));
  return Array.from({ length: count }, (_, row) => {
    const { tokens } = own[row % own.length]!, longer = [...tokens, ...row % 3 === 0 ? [1, 2] : []];
    return { tokens: longer, row: 50 + row, position: (i) => i + (row % 5 === 0 ? 2 : 0) };
  });
}

/** The token that follows from the logits at step `step` of a row. */
function choose(logits: Float32Array, row: number, step: number, o: GenerateOptions): number {
  const words = new Uint32Array(4);
  const scores = logits.map((x, k) => {
    if (o.temperature === 0) return x;
    if (k % 4 === 0) philox4x32([k / 4, row, step, 0], [o.seed, purposeId(o.purpose)], words);
    const u = ((words[k % 4]! >>> 9) + 0.5) / 2 ** 23;
    return Math.fround(x * Math.fround(1 / o.temperature)) - log32(-log32(u));
  });
  const candidates = o.temperature === 0 ? [...scores.keys()] : keptTokens(logits, o);
  const best = Math.max(...candidates.map((token) => scores[token]!));
  return candidates.sort((a, b) => a - b).find((token) => scores[token] === best)!;
}

/** What full forward passes say that each token of the responses must have been. */
async function fromForward(
  model: Model,
  prompts: Prompt[],
  responses: number[][],
  o: GenerateOptions,
): Promise<number[][]> {
  const sequences = prompts.map((p, i) => {
    const tokens = [...p.tokens, ...responses[i]!];
    return { tokens, positions: tokens.map((_, t) => p.position(t)) };
  });
  const rows = prompts.flatMap((p, sequence) =>
    responses[sequence]!.map((_, t) => ({ sequence, token: p.tokens.length + t - 1 }))
  );
  const { logits } = await model.forward(sequences, rows);
  let at = 0;
  return prompts.map((p, i) =>
    responses[i]!.map((_, t) => {
      const row = logits!.subarray(at, at += config.vocabularySize);
      return choose(row, p.row, p.tokens.length + t - 1, o);
    })
  );
}

for (const [name, options] of Object.entries({ greedy: GREEDY, sampled: SAMPLED })) {
  for (const count of [1, 7, 70, 300]) {
    Deno.test(`${name} decoding of ${count} ragged prompts follows the full forward pass, bit for bit`, async () => {
      const model = await touchyModel(), batch = prompts(count);
      const responses = await model.generate(batch, options);
      assert.ok(responses.every((r) => r.length === options.maxTokens));
      assert.deepEqual(await fromForward(model, batch, responses, options), responses);
    });
  }
}

for (const count of [2, 9, 64, 150]) {
  Deno.test(`${count} prompts with shared starts are decoded as each alone would be, bit for bit`, async () => {
    const model = await touchyModel(), batch = copies(count);
    for (const options of [GREEDY, SAMPLED, { ...SAMPLED, stop: [0, 5, 11] }]) {
      const responses = await model.generate(batch, options);
      assert.deepEqual(await fromForward(model, batch, responses, options), responses);
    }
    const other = await WasmEngine.create({ threads: 2 });
    try {
      assert.deepEqual(
        await (await touchyModel(other)).generate(batch, SAMPLED),
        await model.generate(batch, SAMPLED),
      );
    } finally {
      other.close();
    }
  });
}

for (const filter of [{ topK: 5 }, { topP: 0.5 }, { topK: 20, topP: 0.33 }, { topK: 1 }]) {
  Deno.test(`sampling with ${JSON.stringify(filter)} follows the full forward pass, bit for bit`, async () => {
    const model = await touchyModel(), batch = copies(40), options = { ...SAMPLED, ...filter };
    const responses = await model.generate(batch, options);
    assert.deepEqual(await fromForward(model, batch, responses, options), responses);
    const other = await WasmEngine.create({ threads: 2 });
    try {
      assert.deepEqual(await (await touchyModel(other)).generate(batch, options), responses);
    } finally {
      other.close();
    }
    assert.notDeepEqual(await model.generate(batch, SAMPLED), responses);
    // A greedy token is always kept, and so is the only one.
    const greedy = await model.generate(batch, GREEDY);
    assert.deepEqual(await model.generate(batch, { ...GREEDY, ...filter }), greedy);
    if (filter.topK === 1) assert.deepEqual(responses, greedy);
  });
}

Deno.test("filters that leave all tokens are none", async () => {
  const model = await touchyModel(), batch = prompts(20);
  const responses = await model.generate(batch, SAMPLED);
  for (const filter of [{ topK: 37 }, { topK: 1e9, topP: 1 }, { topK: undefined }, { topP: 1 }]) {
    assert.deepEqual(await model.generate(batch, { ...SAMPLED, ...filter }), responses);
  }
});

Deno.test("decoding of a looped transformer follows its full forward pass, bit for bit", async () => {
  const model = await touchyModel(engine, { loops: 3 }), batch = prompts(20);
  for (const options of [GREEDY, SAMPLED]) {
    const responses = await model.generate(batch, options);
    assert.deepEqual(await fromForward(model, batch, responses, options), responses);
  }
});

Deno.test("the touchy model shows a difference in the last bit", async () => {
  const model = await touchyModel(), batch = prompts(70);
  const responses = await model.generate(batch, GREEDY);
  const tensors = await model.tensors(), gain = tensors["layers.0.norm1"]!.data;
  gain.forEach((g, i) => gain[i] = g * (1 + 2 ** -23));
  model.setTensors(tensors);
  const changed = await fromForward(model, batch, responses, GREEDY);
  const same = changed.flat().filter((token, i) => token === responses.flat()[i]).length;
  assert.ok(
    same < 0.9 * responses.flat().length,
    `${same} tokens of ${responses.flat().length} are the same`,
  );
});

Deno.test("responses do not depend on the batch, its order, or the number of threads", async () => {
  const model = await touchyModel(), batch = prompts(70);
  for (const options of [GREEDY, SAMPLED]) {
    const responses = await model.generate(batch, options);
    assert.deepEqual(
      await model.generate(batch.toReversed(), options),
      responses.toReversed(),
      "order",
    );
    for (const i of [0, 33, 69]) {
      assert.deepEqual(
        await model.generate([batch[i]!], options),
        [responses[i]],
        `prompt ${i} alone`,
      );
    }
    const other = await WasmEngine.create({ threads: 3 });
    try {
      assert.deepEqual(
        await (await touchyModel(other)).generate(batch, options),
        responses,
        "3 threads",
      );
    } finally {
      other.close();
    }
  }
});

Deno.test("a response ends with its stop token, those of the prompt are ignored", async () => {
  const model = await touchyModel(), batch = prompts(40);
  const stop = [0, 5, 11, 12];
  for (const options of [GREEDY, SAMPLED]) {
    const free = await model.generate(batch, options);
    const expected = free.map((r) => {
      const end = r.findIndex((token) => stop.includes(token));
      return end < 0 ? r : r.slice(0, end + 1);
    });
    assert.ok(
      expected.some((r) => r.length < options.maxTokens),
      "no response stops: a useless test",
    );
    assert.ok(batch.some((p) => p.tokens.some((token) => stop.includes(token))));
    assert.deepEqual(await model.generate(batch, { ...options, stop }), expected);
    // Alone too: nothing else keeps the lane from stopping at the prompt's token.
    for (const i of [0, 1, 2, 3, 4, 5]) {
      assert.deepEqual(await model.generate([batch[i]!], { ...options, stop }), [expected[i]]);
    }
  }
});

Deno.test("seed, purpose, row and temperature change what is sampled, and nothing else does", async () => {
  const model = new Model(engine, config).initialize(3), batch = prompts(20);
  const responses = await model.generate(batch, SAMPLED);
  for (const change of [{ seed: 6 }, { purpose: "other" }, { temperature: 2 }]) {
    assert.notDeepEqual(await model.generate(batch, { ...SAMPLED, ...change }), responses);
  }
  const rows = batch.map((p) => ({ ...p, row: p.row + 1 }));
  assert.notDeepEqual(await model.generate(rows, SAMPLED), responses);
  // Other lengths compile other programs, on the same memory.
  await model.generate(batch.slice(0, 3), { ...SAMPLED, maxTokens: 30 });
  assert.deepEqual(await model.generate(batch, SAMPLED), responses);
  const short = await model.generate(batch, { ...SAMPLED, maxTokens: 3 });
  assert.deepEqual(short, responses.map((r) => r.slice(0, 3)));
});

Deno.test("a short row's unused positions may lie outside the model", async () => {
  const model = await touchyModel();
  const position = (i: number) => config.maxPosition - 8 + i;
  const short = { tokens: [1], row: 0, position },
    long = { tokens: [1, 2, 3, 4, 5, 6, 7], row: 1, position: (i: number) => i };
  const [alone] = await model.generate([short], GREEDY);
  assert.deepEqual((await model.generate([short, long], GREEDY))[0], alone);
});

Deno.test("no prompts, no responses", async () => {
  assert.deepEqual(await (await touchyModel()).generate([], GREEDY), []);
});

Deno.test("what cannot be generated from is refused by name", async () => {
  const model = await touchyModel();
  const generate = (change: Partial<Prompt>) =>
    model.generate([{ tokens: [1], row: 0, position: (i) => i, ...change }], GREEDY);
  await assert.rejects(generate({ tokens: [] }), /prompt 0 has no tokens/);
  await assert.rejects(
    generate({ tokens: [37] }),
    /tokens: 37: the model has 0 to 36 \(vocabularySize 37\)/,
  );
  await assert.rejects(generate({ tokens: [-1] }), /tokens: -1/);
  await assert.rejects(
    generate({ position: (i) => 79 + i }),
    /positions: 80: the model has 0 to 79/,
  );
  const { languageHead: _, ...rest } = config;
  const critic = new Model(engine, {
    ...rest,
    languageHead: false,
    valueHead: { loss: "squared_error", outputs: 1 },
  });
  await assert.rejects(critic.generate(prompts(1), GREEDY), /language-model head/);
  const recurrent = new Model(engine, { ...config, mixer: "gru" });
  await assert.rejects(recurrent.generate(prompts(1), GREEDY), /mixer: "gru": generation needs/);
});

Deno.test("any number of prompts", async () => {
  const tiny = new Model(engine, smallConfig({ dModel: 16, layers: 1, mlpRatio: 1 })).initialize(1);
  const prompts = Array.from({ length: 130_000 }, (_, row) => ({
    tokens: [row % tiny.config.vocabularySize],
    position: (i: number) => i,
    row,
  }));
  const options = { maxTokens: 2, temperature: 1, stop: [], seed: 1, purpose: "test" };
  const responses = await tiny.generate(prompts, options);
  assert.equal(responses.length, prompts.length);
  const last = prompts.slice(-3);
  assert.deepEqual(responses.slice(-3), await tiny.generate(last, options));
});
