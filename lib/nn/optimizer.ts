import type { AdamWStep } from "../tensor/backend.ts";
import { cosPi } from "../tensor/math.ts";

/** AdamW (Loshchilov & Hutter 2019) with gradient clipping, warm-up and cosine decay. */
export interface OptimizerConfig {
  /** Highest learning rate, > 0. */
  readonly learningRate: number;
  /** Steps of linear warm-up. */
  readonly warmupSteps: number;
  /** Steps in all; the learning rate falls to `finalFraction` of its peak along a half cosine. */
  readonly totalSteps: number;
  /** Fraction of the peak that is left at the end, in [0, 1]. */
  readonly finalFraction: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Largest gradient norm. */
  readonly clip: number;
}

/** The testbed's setting: (0.9, 0.98), weight decay 0.01, clip 1, 5% warm-up, cosine to 0. */
export function adamW(learningRate: number, totalSteps: number): OptimizerConfig {
  return {
    learningRate,
    totalSteps,
    warmupSteps: Math.ceil(totalSteps / 20),
    finalFraction: 0,
    beta1: 0.9,
    beta2: 0.98,
    epsilon: 1e-8,
    weightDecay: 0.01,
    clip: 1,
  };
}

/** Learning rate of step `t` (from 0). */
export function learningRate(c: OptimizerConfig, t: number): number {
  if (t < c.warmupSteps) return c.learningRate * (t + 1) / c.warmupSteps;
  const span = Math.max(1, c.totalSteps - c.warmupSteps);
  const x = Math.min(1, (t - c.warmupSteps) / span);
  return c.learningRate * (c.finalFraction + (1 - c.finalFraction) * 0.5 * (1 + cosPi(x)));
}

/** AdamW's numbers for step `t` (from 0). Powers of beta are repeated products: the same bits everywhere. */
export function optimizerStep(c: OptimizerConfig, t: number): AdamWStep {
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
