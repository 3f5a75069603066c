import assert from "node:assert/strict";
import { UsageError } from "../../errors.ts";
import { CausalLanguageModel } from "../../language_model/causal_language_model.ts";
import { PretrainedWeights, randomWeights } from "../../language_model/pretrained_weights.ts";
import { tinyArchitecture } from "../../language_model/tiny_architecture.ts";
import type { Sequence } from "../../nn/batch.ts";
import { adamW } from "../../nn/optimizer.ts";
import { RandomStream } from "../../numeric/random.ts";
import { browserHost } from "./browser_host.ts";
import { WasmEngine } from "./engine.ts";
import { withEngine } from "./testing.ts";

const ARCHITECTURE = tinyArchitecture();

function model(engine: WasmEngine, rank: number): CausalLanguageModel {
  const weights = new PretrainedWeights(engine, ARCHITECTURE, "bfloat16")
    .write(randomWeights(ARCHITECTURE, 1));
  return new CausalLanguageModel(weights, {
    maxLength: 64,
    languageHead: true,
    valueHead: { outputs: 1, loss: "squared_error" },
    lora: { rank, alpha: 2 * rank },
  }).initialize(1);
}

/** Sequences of up to 24 tokens; 13 are no multiple of the shards. */
function batch(): Sequence[] {
  const random = new RandomStream({ seed: 1, purpose: "batch" });
  return Array.from({ length: 13 }, () => {
    const length = 1 + random.integer(24);
    const list = (make: () => number) => Array.from({ length }, make);
    const token = () => random.integer(ARCHITECTURE.vocabularySize);
    return {
      ...{ tokens: list(token), targets: list(token), weights: list(() => random.uniform()) },
      ...{ valueTargets: list(() => random.uniform()), valueWeights: list(() => 1) },
    };
  });
}

/** What three training steps, a forward pass and generation give. */
async function results(engine: WasmEngine) {
  const lm = model(engine, 3), sequences = batch();
  const reports = [];
  for (let step = 0; step < 3; step++) reports.push(await lm.train(sequences, 24, adamW(0.02, 3)));
  const rows = sequences.map((_, sequence) => ({ sequence, token: 0 }));
  const outputs = await lm.forward(sequences, rows, ["logits", "values", "logProbs", "hidden"]);
  const options = { maxTokens: 9, temperature: 1, stop: [], seed: 1, purpose: "test" };
  const responses = await lm.generate(
    sequences.map(({ tokens }, row) => ({ tokens, row })),
    options,
  );
  return { reports, outputs, responses, digest: await lm.digest() };
}

Deno.test("pretrained models give the same bits for any number of threads, above 2 GiB too", async () => {
  const expected = await withEngine(1, results);
  const { reports: [first, , last], outputs } = expected;
  assert.ok(last!.loss < first!.loss && last!.valueLoss < first!.valueLoss);
  assert.ok(Object.values(outputs).every((values) => values.every(Number.isFinite)));
  for (const threads of [2, 4]) assert.deepEqual(await withEngine(threads, results), expected);
  const high = await withEngine(2, (engine) => {
    // Untouched memory costs nothing.
    engine.device.allocate(2.1 * 2 ** 30);
    return results(engine);
  });
  assert.deepEqual(high, expected);
});

Deno.test("a rank that is no multiple of 16 trains as one that is, with zeros in the place of the rest", async () => {
  const sequences = batch();
  await withEngine(4, async (engine) => {
    // alpha / rank is 2 for both.
    const narrow = model(engine, 3), wide = model(engine, 16);
    await narrow.train(sequences, 24, adamW(0.02, 1));
    const room = await wide.tensors();
    wide.setTensors(mapped(await narrow.tensors(), ({ data }, name) => {
      const { shape, data: { length } } = room[name]!;
      return { shape, data: padded(name, data, length) };
    }));
    const { gradients: expected } = await narrow.gradients(sequences, 24);
    const { gradients } = await wide.gradients(sequences, 24);
    assert.deepEqual(
      gradients,
      mapped(expected, (g, name) => padded(name, g, gradients[name]!.length)),
    );
    for (const part of ["A", "B"]) {
      const name = `model.layers.1.self_attn.v_proj.lora_${part}.weight`;
      assert.ok(expected[name]!.some((g) => g !== 0), name);
    }
  });
});

function mapped<From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From, name: string) => To,
): Record<string, To> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, map(value, name)]),
  );
}

/** A matrix of an adapter of rank 3, (in, 3) or (3, out), as one of rank 16; others as they are. */
function padded(name: string, values: Float32Array, length: number): Float32Array {
  const out = new Float32Array(length);
  if (!name.endsWith("lora_A.weight")) out.set(values);
  else values.forEach((x, i) => out[Math.floor(i / 3) * 16 + i % 3] = x);
  return out;
}

Deno.test("frozen weights are refused where a page has no kernels for them, and those of another engine", async () => {
  const host = await WasmEngine.create({ host: browserHost() });
  const isUsage = (e: Error) => e instanceof UsageError && /no kernels/.test(e.message);
  assert.throws(() => host.frozen([]), isUsage);
  host.close();
  await withEngine(1, (engine) =>
    withEngine(1, (other) => {
      assert.throws(() => other.session([], {}, engine.frozen([])), /another backend's/);
      return Promise.resolve();
    }));
});
