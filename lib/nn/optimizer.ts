import { UsageError } from "../errors.ts";
import type { AdamWStep } from "../tensor/backend.ts";
import { cosPi } from "../numeric/math.ts";

/** AdamW (Loshchilov & Hutter 2019) with gradient clipping, warm-up and cosine decay. Its steps are in float32. */
export interface OptimizerConfig {
  /** Highest learning rate, > 0. */
  readonly learningRate: number;
  /** Steps of linear warm-up, an integer >= 0. */
  readonly warmupSteps: number;
  /** Steps in all, an integer >= 0; the learning rate falls to `finalFraction` of its peak along a half cosine. */
  readonly totalSteps: number;
  /** Fraction of the peak that is left at the end, in [0, 1]. */
  readonly finalFraction: number;
  /** In [0, 1). */
  readonly beta1: number;
  readonly beta2: number;
  /** At least 2^-126: where a gradient has always been 0, it is all that is divided by. */
  readonly epsilon: number;
  /** From 0 to 1 / learningRate, which leaves nothing of a weight. */
  readonly weightDecay: number;
  /** Largest gradient norm, > 0; Infinity = no clipping. */
  readonly clip: number;
}

/**
 * This kit's default: betas (0.9, 0.98), weight decay 0.01, clip 1, 5% warm-up, cosine to 0.
 *
 * @param learningRate The highest, > 0.
 * @param totalSteps An integer >= 0.
 * @throws UsageError for an argument out of range.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { adamW } from "genac";
 *
 * assert.equal(adamW(2e-3, 1000).warmupSteps, 50);
 * const constant = { ...adamW(2e-3, 1000), finalFraction: 1 };
 * assert.equal(constant.clip, 1);
 * assert.throws(() => adamW(-1, 1000), /learningRate: -1: give a positive number/);
 * ```
 */
export function adamW(learningRate: number, totalSteps: number): OptimizerConfig {
  return checked({
    learningRate,
    totalSteps,
    warmupSteps: Math.ceil(totalSteps / 20),
    finalFraction: 0,
    beta1: 0.9,
    beta2: 0.98,
    epsilon: 1e-8,
    weightDecay: 0.01,
    clip: 1,
  });
}

/** The same whose rate stays after warm-up, without weight decay: as in RL. Throws as `adamW`. */
export function constantAdamW(learningRate: number, totalSteps: number): OptimizerConfig {
  return { ...adamW(learningRate, totalSteps), finalFraction: 1, weightDecay: 0 };
}

function checked(c: OptimizerConfig): OptimizerConfig {
  const check = (
    name: keyof OptimizerConfig,
    isFine: (value: number) => boolean,
    remedy: string,
  ) => {
    if (!isFine(c[name])) throw new UsageError(name, c[name], remedy);
  };
  const isCount = (x: number) => Number.isInteger(x) && x >= 0;
  // What rounds to 1 keeps the first moments for ever, 0.
  const isBeta = (x: number) => x >= 0 && Math.fround(x) < 1;
  check(
    "learningRate",
    (x) => Math.fround(x) > 0 && Math.fround(x) < Infinity,
    "give a positive number",
  );
  check("warmupSteps", isCount, "give an integer >= 0");
  check("totalSteps", isCount, "give an integer >= 0");
  check("finalFraction", (x) => x >= 0 && x <= 1, "give a number from 0 to 1");
  check("beta1", isBeta, "give a number from 0 to below 1, in float32");
  check("beta2", isBeta, "give a number from 0 to below 1, in float32");
  check("epsilon", (x) => x >= 2 ** -126 && Math.fround(x) < Infinity, "give a number >= 1.2e-38");
  check(
    "weightDecay",
    (x) => x >= 0 && x * c.learningRate <= 1,
    "give a number from 0 to 1 / learningRate",
  );
  check("clip", (x) => x > 0, "give a positive number, or Infinity for no clipping");
  return c;
}

/** Learning rate of step `t` (from 0). */
export function learningRate(c: OptimizerConfig, t: number): number {
  if (t < c.warmupSteps) return c.learningRate * (t + 1) / c.warmupSteps;
  const span = Math.max(1, c.totalSteps - c.warmupSteps);
  const x = Math.min(1, (t - c.warmupSteps) / span);
  return c.learningRate * (c.finalFraction + (1 - c.finalFraction) * 0.5 * (1 + cosPi(x)));
}

/**
 * AdamW's numbers for step `t` (from 0). Powers of beta are repeated products: the same bits everywhere. Throws UsageError
 * for a number out of range.
 */
export function optimizerStep(c: OptimizerConfig, t: number): AdamWStep {
  checked(c);
  if (!Number.isInteger(t) || t < 0) throw new UsageError("step", t, "give an integer >= 0");
  let power1 = 1, power2 = 1;
  for (let i = 0; i <= t; i++) {
    power1 *= c.beta1;
    power2 *= c.beta2;
    if (power1 < 1e-20 && power2 < 1e-20) break;
  }
  return {
    learningRate: learningRate(c, t),
    beta1: c.beta1,
    beta2: c.beta2,
    epsilon: c.epsilon,
    weightDecay: c.weightDecay,
    clip: c.clip,
    biasCorrection1: 1 - power1,
    biasCorrection2: 1 - power2,
  };
}
