import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { adamW, learningRate, type OptimizerConfig, optimizerStep } from "./optimizer.ts";

const near = (actual: number, expected: number, what: string) =>
  assert.ok(
    Math.abs(actual - expected) <= 1e-14 + 1e-12 * Math.abs(expected),
    `${what}: ${actual}, not ${expected}`,
  );

Deno.test("the learning rate rises linearly, then falls along half a cosine", () => {
  const c = { ...adamW(3e-3, 110), warmupSteps: 10, finalFraction: 0.1 };
  for (let t = 0; t < 10; t++) near(learningRate(c, t), 3e-3 * (t + 1) / 10, `step ${t}`);
  near(learningRate(c, 10), 3e-3, "top");
  near(learningRate(c, 60), 3e-3 * (0.1 + 0.9 / 2), "middle");
  for (let t = 10; t <= 110; t++) {
    const cosine = 0.5 * (1 + Math.cos(Math.PI * (t - 10) / 100));
    near(learningRate(c, t), 3e-3 * (0.1 + 0.9 * cosine), `step ${t}`);
  }
  for (const t of [110, 111, 1000]) near(learningRate(c, t), 3e-4, `step ${t}`);
});

Deno.test("without warm-up the first step has the whole learning rate", () => {
  near(learningRate({ ...adamW(1, 10), warmupSteps: 0 }, 0), 1, "first");
  near(learningRate({ ...adamW(1, 1), warmupSteps: 1 }, 0), 1, "only");
  near(learningRate(adamW(1, 1), 1), 1, "after the only one");
});

Deno.test("the default warms up over 5% of the steps", () => {
  const c = adamW(1e-3, 1000);
  assert.deepEqual(c, {
    learningRate: 1e-3,
    totalSteps: 1000,
    warmupSteps: 50,
    finalFraction: 0,
    beta1: 0.9,
    beta2: 0.98,
    epsilon: 1e-8,
    weightDecay: 0.01,
    clip: 1,
  });
  near(learningRate(c, 49), 1e-3, "end of warm-up");
  near(learningRate(c, 1000), 0, "end");
});

Deno.test("bias corrections are 1 - beta^t", () => {
  const c = { ...adamW(1e-3, 5000), beta1: 0.9, beta2: 0.999 };
  for (const t of [0, 1, 2, 10, 100, 3000, 100_000]) {
    const { biasCorrection1, biasCorrection2, ...rest } = optimizerStep(c, t);
    near(biasCorrection1, 1 - 0.9 ** (t + 1), `beta1 at ${t}`);
    near(biasCorrection2, 1 - 0.999 ** (t + 1), `beta2 at ${t}`);
    assert.equal(rest.learningRate, learningRate(c, t));
  }
  const plain = optimizerStep({ ...c, beta1: 0, beta2: 0 }, 0);
  assert.deepEqual([plain.biasCorrection1, plain.biasCorrection2], [1, 1]);
});

Deno.test("numbers out of range are refused by name, with the remedy; the ends of the ranges are not", () => {
  const bad: Record<keyof OptimizerConfig, readonly number[]> = {
    learningRate: [NaN, 0, -1e-3, Infinity, 1e-50, 1e39],
    warmupSteps: [NaN, -1, 1.5, Infinity],
    totalSteps: [NaN, -1, 1.5, Infinity],
    finalFraction: [NaN, -0.1, 1.1, Infinity],
    beta1: [NaN, -0.1, 1, 1 - 1e-9, Infinity],
    beta2: [NaN, -0.1, 1, 1 - 1e-9, Infinity],
    epsilon: [NaN, 0, -1e-8, 1e-45, Infinity],
    weightDecay: [NaN, -0.1, 1001, Infinity],
    clip: [NaN, 0, -1],
  };
  const isNamed = (field: string, value: number) => (error: unknown) =>
    error instanceof UsageError && error.message.startsWith(`${field}: ${value}: give `);
  for (const [field, values] of Object.entries(bad)) {
    for (const value of values) {
      const config = { ...adamW(1e-3, 10), [field]: value };
      assert.throws(() => optimizerStep(config, 0), isNamed(field, value), `${field} ${value}`);
    }
  }
  for (const rate of bad.learningRate) {
    assert.throws(() => adamW(rate, 10), isNamed("learningRate", rate));
  }
  for (const steps of bad.totalSteps) assert.throws(() => adamW(1, steps), UsageError);
  for (const t of [NaN, -1, 0.5, Infinity]) {
    assert.throws(() => optimizerStep(adamW(1, 1), t), isNamed("step", t));
  }
  const ends = { finalFraction: 1, beta1: 0, beta2: 0, epsilon: 2 ** -126, weightDecay: 1000 };
  optimizerStep({ ...adamW(1e-3, 0), ...ends, clip: Infinity }, 5);
});
