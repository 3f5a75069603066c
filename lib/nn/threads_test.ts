import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { Model } from "./model.ts";
import { adamW } from "./optimizer.ts";
import { randomSequences, smallConfig } from "./testing.ts";
import type { TransformerConfig } from "./transformer.ts";

interface Case {
  readonly config: TransformerConfig;
  readonly sequences: number;
  readonly length: number;
  /** Of the weights after the training below: changes where any result of the engine changes. */
  readonly digest: string;
}

const CASES: Record<string, Case> = {
  "language head": {
    config: smallConfig(),
    sequences: 5,
    length: 12,
    digest: "76d6ae86820224d01553a7d19059ce30e81a08cb547945a91e96f6f125a6ae2c",
  },
  "HL-Gauss head": {
    config: smallConfig({
      dModel: 64,
      headDim: 32,
      rotaryDim: 16,
      languageHead: false,
      valueHead: { loss: "soft_cross_entropy", outputs: 19 },
    }),
    sequences: 18,
    length: 12,
    digest: "376ce79887b13ac36d6c20d63a9b043f38cc19e6b561424005fb7fa3aaca4d7d",
  },
  "language and MSE heads": {
    config: smallConfig({
      rotaryDim: 16,
      // More than one block of the optimizer.
      vocabularySize: 190,
      valueHead: { loss: "squared_error", outputs: 1 },
    }),
    sequences: 18,
    length: 20,
    digest: "2558e32a2492085ac92ba63d7c403dbb2788691a3c19275b53fe0d9462d72c3c",
  },
  "GRU, MSE head": {
    config: smallConfig({
      dModel: 48,
      mixer: "gru",
      languageHead: false,
      valueHead: { loss: "squared_error", outputs: 1 },
    }),
    sequences: 18,
    length: 20,
    digest: "2a8277edbcdc106028dd4d06130dff072a83cb950c7c1e0ee8c79d02ae984ad5",
  },
  "three loops": {
    config: smallConfig({ loops: 3 }),
    sequences: 5,
    length: 12,
    digest: "f0c6e6de25d3fdc8de3c9163f42983330b9db9115822bdf69fc05336a3f75539",
  },
};

/** Trains eight steps, on a new batch each, then generates and evaluates: all that has come out. */
async function results(engine: WasmEngine, { config, sequences, length }: Case) {
  const model = new Model(engine, config).initialize(11), optimizer = adamW(0.02, 8);
  const reports = Array.from(
    { length: 8 },
    (_, seed) =>
      model.train(
        randomSequences(config, { count: sequences, length, seed }),
        length,
        optimizer,
      ),
  );
  const batch = randomSequences(config, { count: sequences, length, seed: 99 });
  const rows = batch.flatMap((s, sequence) => s.tokens.map((_, token) => ({ sequence, token })));
  const prompts = batch.map((s, row) => ({
    tokens: s.tokens.slice(0, 5),
    position: (i: number) => i,
    row,
  }));
  return {
    digest: await model.digest(),
    reports: await Promise.all(reports),
    forward: await model.forward(batch, rows),
    responses: config.languageHead
      ? await model.generate(prompts, {
        maxTokens: 9,
        temperature: 1,
        stop: [3],
        seed: 1,
        purpose: "test",
      })
      : [],
  };
}

Deno.test("training, forward passes and generation are the same for 1, 2 and 4 threads, and as committed", async () => {
  const byThreads = [];
  for (const threads of [1, 2, 4]) {
    const engine = await WasmEngine.create({ threads });
    try {
      const all = [];
      for (const c of Object.values(CASES)) all.push(await results(engine, c));
      byThreads.push(all);
    } finally {
      engine.close();
    }
  }
  const [one, two, four] = byThreads;
  Object.entries(CASES).forEach(([name, c], i) => {
    assert.deepEqual(two![i], one![i], `${name}: 2 threads against 1`);
    assert.deepEqual(four![i], one![i], `${name}: 4 threads against 1`);
    assert.equal(
      one![i]!.digest,
      c.digest,
      `${name}: the engine gives other digits than it used to`,
    );
    const losses = one![i]!.reports.map((r) => r.loss + r.valueLoss);
    assert.ok(losses.every(Number.isFinite), `${name}: ${losses}`);
  });
});
