import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { RandomStream } from "../numeric/random.ts";
import { Model } from "./model.ts";
import { adamW } from "./optimizer.ts";
import { referenceForward, referenceLoss, weightsOf } from "./reference.ts";
import { randomSequences, smallConfig } from "./testing.ts";
import type { TransformerConfig } from "./transformer.ts";

// One of each head, of each width of head and rotation; both heads at once; GRU and loops, alone and together.
const CONFIGS: Record<string, TransformerConfig> = {
  "language head, heads of 16": smallConfig(),
  "MSE head, heads of 32": smallConfig({
    dModel: 64,
    headDim: 32,
    rotaryDim: 32,
    layers: 1,
    languageHead: false,
    valueHead: { loss: "squared_error", outputs: 1 },
  }),
  "HL-Gauss head, one head of 48": smallConfig({
    dModel: 48,
    headDim: 48,
    rotaryDim: 16,
    mlpRatio: 2,
    languageHead: false,
    valueHead: { loss: "soft_cross_entropy", outputs: 19 },
  }),
  "both heads": smallConfig({ rotaryDim: 16, valueHead: { loss: "squared_error", outputs: 3 } }),
  "GRU": smallConfig({
    mixer: "gru",
    dModel: 48,
    valueHead: { loss: "squared_error", outputs: 1 },
  }),
  "three loops": smallConfig({ loops: 3, valueHead: { loss: "squared_error", outputs: 1 } }),
  "GRU, two loops": smallConfig({ mixer: "gru", layers: 1, loops: 2 }),
};

const engine = await WasmEngine.create();

/** Initial weights, and gains that are not all 1. */
async function modelOf(config: TransformerConfig): Promise<Model> {
  const model = new Model(engine, config).initialize(7);
  const tensors = await model.tensors();
  for (const [name, { data }] of Object.entries(tensors)) {
    const random = new RandomStream({ seed: 1, purpose: name });
    if (name.includes("norm")) data.forEach((v, i) => data[i] = v + 0.3 * random.normal());
  }
  model.setTensors(tensors);
  return model;
}

for (const [name, config] of Object.entries(CONFIGS)) {
  Deno.test(`${name}: outputs and losses are those of plain loops in float64`, async () => {
    const model = await modelOf(config), weights = weightsOf(await model.tensors());
    const sequences = randomSequences(config, { count: 5, length: 12, seed: 3 });
    const rows = sequences.flatMap((s, sequence) =>
      s.tokens.map((_, token) => ({ sequence, token }))
    );
    const actual = await model.forward(sequences, rows);
    const expected = sequences.map((s) => referenceForward(config, weights, s));
    for (const label of ["logits", "values"] as const) {
      const flat = expected.flatMap((e) => e[label]?.flat() ?? []);
      assert.equal(actual[label]?.length ?? 0, flat.length);
      actual[label]?.forEach((value, i) =>
        assert.ok(Math.abs(value - flat[i]!) < 2e-5, `${label} ${i}: ${value}, not ${flat[i]}`)
      );
    }
    const report = await model.gradients(sequences, 12),
      loss = referenceLoss(config, weights, sequences);
    assert.ok(Math.abs(report.loss - loss.loss) < 3e-6, `loss ${report.loss}, not ${loss.loss}`);
    assert.ok(
      Math.abs(report.valueLoss - loss.valueLoss) < 3e-6,
      `${report.valueLoss}, not ${loss.valueLoss}`,
    );
  });

  Deno.test(`${name}: gradients are the differences of the float64 loss`, async () => {
    const model = await modelOf(config), weights = weightsOf(await model.tensors());
    const sequences = randomSequences(config, { count: 5, length: 12, seed: 4 });
    const { gradients, gradientNorm } = await model.gradients(sequences, 12);
    const total = () => {
      const { loss, valueLoss } = referenceLoss(config, weights, sequences);
      return loss + valueLoss;
    };
    /** Slope of the loss where weights move along `direction`. */
    const slope = (direction: Record<string, ArrayLike<number>>, step: number) => {
      const move = (by: number) => {
        for (const [name, d] of Object.entries(direction)) {
          const w = weights[name]!;
          for (let i = 0; i < d.length; i++) w[i]! += by * d[i]!;
        }
      };
      move(step);
      const above = total();
      move(-2 * step);
      const below = total();
      move(step);
      return (above - below) / (2 * step);
    };
    const random = new RandomStream({ seed: 5, purpose: "entries" });
    let squares = 0;
    for (const [tensor, gradient] of Object.entries(gradients)) {
      squares += gradient.reduce((sum, g) => sum + g * g, 0);
      const largest = gradient.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      // A few entries, the largest among them, and the tensor as a whole along its gradient.
      const entries = [
        gradient.findIndex((g) => Math.abs(g) === largest),
        random.integer(gradient.length),
      ];
      for (const i of entries) {
        const direction = {
          [tensor]: Object.assign(new Float64Array(gradient.length), { [i]: 1 }),
        };
        const expected = slope(direction, 1e-4), tolerance = 1e-6 + 1e-4 * Math.abs(expected);
        assert.ok(
          Math.abs(gradient[i]! - expected) < tolerance,
          `${tensor}[${i}]: ${gradient[i]}, not ${expected}`,
        );
      }
      const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
      const along = slope({ [tensor]: gradient.map((g) => g / norm) }, 1e-4);
      assert.ok(
        Math.abs(along - norm) < 1e-6 + 1e-5 * norm,
        `${tensor}: norm ${norm}, slope ${along}`,
      );
    }
    const norm = Math.sqrt(squares);
    assert.ok(Math.abs(gradientNorm - norm) < 1e-5 * norm, `norm ${gradientNorm}, not ${norm}`);
  });
}

Deno.test("a token, position or target without weight leaves no gradient", async () => {
  const config = smallConfig(), model = await modelOf(config);
  const sequence = { tokens: [1, 2, 3], targets: [2, 3, -1], weights: [1, 1, 0] };
  const { gradients } = await model.gradients([sequence], 4);
  for (let token = 0; token < config.vocabularySize; token++) {
    const row = gradients.embedding!.subarray(token * config.dModel, (token + 1) * config.dModel);
    // Token 3 is read by nothing that has a weight, token 0 only pads.
    assert.equal(row.some((g) => g !== 0), token === 1 || token === 2, `token ${token}`);
  }
});

Deno.test("a batch without weights has loss 0 and no gradient", async () => {
  const model = await modelOf(CONFIGS["both heads"]!);
  // Weights of an earlier batch must not count.
  await model.gradients(randomSequences(model.config, { count: 1, length: 4, seed: 1 }), 4);
  const { gradients, ...report } = await model.gradients([{ tokens: [1, 2, 3, 4] }], 4);
  assert.deepEqual(report, { loss: 0, valueLoss: 0, gradientNorm: 0 });
  for (const g of Object.values(gradients)) assert.ok(g.every((x) => x === 0));
});

Deno.test("a normalizer replaces the sum of weights, which may then have signs", async () => {
  const model = await modelOf(smallConfig());
  const sequences = randomSequences(model.config, { count: 5, length: 12, seed: 6 });
  const sum = sequences.flatMap((s) => s.weights!.map(Math.fround)).reduce((a, b) => a + b);
  const usual = await model.gradients(sequences, 12);
  assert.deepEqual(await model.gradients(sequences, 12, sum), usual);

  // A batch and the same with opposite weights: nothing is left. Twice the normalizer: half the gradient.
  const opposite = sequences.map((s) => ({ ...s, weights: s.weights!.map((w) => -w) }));
  const none = await model.gradients([...sequences, ...opposite], 12, 3);
  assert.ok(Math.abs(none.loss) < 1e-5 && none.gradientNorm < 1e-5, `${none.gradientNorm}`);
  const one = await model.gradients(opposite, 12, 2), half = await model.gradients(opposite, 12, 4);
  assert.ok(one.loss < 0);
  assert.equal(half.loss, one.loss / 2);
  for (const [name, g] of Object.entries(one.gradients)) {
    g.forEach((x, i) => {
      const y = half.gradients[name]![i]!;
      assert.ok(Math.abs(x / 2 - y) <= 1e-6 * Math.abs(x) + 1e-12, `${name}[${i}]: ${x} ${y}`);
    });
  }
  await assert.rejects(async () => await model.gradients(opposite, 12), /need a normalizer/);
  await assert.rejects(
    async () => await model.train(sequences, 12, adamW(1e-3, 1), -1),
    /normalizer: -1/,
  );
  assert.equal(model.step, 0);
});
