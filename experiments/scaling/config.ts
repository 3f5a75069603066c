import { z } from "zod";
import { permutationActor, permutationConfig } from "../../lib/env/permutation.ts";
import { critics } from "../../lib/critic/registry.ts";

const count = z.number().int().positive();

const size = z.strictObject({
  dModel: count.multipleOf(16).describe("Width of the residual stream: a multiple of 16."),
  layers: count.describe("Number of layers."),
});

const critic = z.string().refine((name) => Object.hasOwn(critics, name), {
  error: (issue) => `unknown critic ${issue.input}; choose from ${Object.keys(critics).join(", ")}`,
});

const rate = z.number().positive().max(1);

/** Configuration of the scaling experiment. */
export const scalingConfig = z.strictObject({
  seeds: z.array(count).min(1).describe(
    "Seeds of the reported runs: weights, data and test states.",
  ),
  environment: permutationConfig.prefault({}).describe("The permutation puzzle."),
  actor: permutationActor.prefault({ epsilon: 0.3 }).describe(
    "The actor whose values are learned.",
  ),
  runs: z.array(z.strictObject({
    critic: critic.describe("A critic of lib/critic/registry.ts."),
    sizes: z.array(size).min(1).describe("Sizes of its transformer."),
  })).min(1).describe("Which critics are trained at which sizes."),
  steps: count.default(1000).describe("Training steps."),
  batchSize: count.default(64).describe("States in a training batch."),
  learningRates: z.record(z.string(), rate).default({
    "d16-L1": 5e-3,
    "d16-L2": 5e-3,
    "d32-L2": 4e-3,
    "d64-L2": 2e-3,
    "d64-L4": 2e-3,
    "d128-L4": 1e-3,
  }).describe("Peak learning rate by size, chosen by the sweep."),
  sweep: z.strictObject({
    seeds: z.array(count).min(1).describe("Tuning seeds, none of them reported."),
    critics: z.array(critic).min(1).describe("Critics that the sweep trains."),
    sizes: z.array(size).min(1).describe("Sizes that the sweep trains."),
    factors: z.array(z.number().positive()).min(2)
      .describe("Learning rates tried, as multiples of the chosen one."),
  }).optional().describe("Learning-rate sweep around the chosen rates."),
  testStates: count.default(1000).describe("Held-out states for each difficulty."),
  difficulties: z.array(z.strictObject({
    name: z.string().describe("Name in tables."),
    min: count.describe("Shortest scramble word."),
    max: count.describe("Longest scramble word."),
  })).min(1).default([
    { name: "in distribution", min: 6, max: 10 },
    { name: "1.5x length", min: 15, max: 15 },
    { name: "2x length", min: 20, max: 20 },
  ]).describe("Test sets; the first must be the training distribution."),
  bootstrapSeed: count.default(20260410).describe("Seed of the bootstrap."),
});

/** A resolved configuration. */
export type ScalingConfig = z.output<typeof scalingConfig>;
/** A configuration before defaults. */
export type ScalingInput = z.input<typeof scalingConfig>;

/** Width and depth. */
export type Size = z.output<typeof size>;

/** "d32-L2". */
export function sizeName({ dModel, layers }: Size): string {
  return `d${dModel}-L${layers}`;
}

const sizes = {
  d16L1: { dModel: 16, layers: 1 },
  d16L2: { dModel: 16, layers: 2 },
  d32L2: { dModel: 32, layers: 2 },
  d64L2: { dModel: 64, layers: 2 },
  d64L4: { dModel: 64, layers: 4 },
  d128L4: { dModel: 128, layers: 4 },
} as const;

/** smoke: seconds, for CI; quick: minutes; standard: all sizes, critics and the sweep, 5 seeds. */
export const profiles: Record<"smoke" | "quick" | "standard", ScalingInput> = {
  smoke: {
    seeds: [1, 2],
    runs: [
      { critic: "discriminative-mse", sizes: [sizes.d16L2, sizes.d32L2] },
      { critic: "cot", sizes: [sizes.d16L2, sizes.d32L2] },
      ...["discriminative-hl-gauss", "discriminative-auxiliary", "one-shot", "filler", "cot-scalar"]
        .map((critic) => ({ critic, sizes: [sizes.d16L2] })),
    ],
    sweep: { seeds: [101], critics: ["cot"], sizes: [sizes.d16L2], factors: [0.5, 1, 2] },
    steps: 150,
    testStates: 200,
  },
  quick: {
    seeds: [1, 2, 3],
    runs: [
      { critic: "discriminative-mse", sizes: [sizes.d16L2, sizes.d32L2, sizes.d64L2] },
      { critic: "cot", sizes: [sizes.d16L2, sizes.d32L2, sizes.d64L2] },
      { critic: "one-shot", sizes: [sizes.d32L2] },
    ],
  },
  standard: {
    seeds: [1, 2, 3, 4, 5],
    runs: [
      {
        critic: "discriminative-mse",
        sizes: [sizes.d16L1, sizes.d16L2, sizes.d32L2, sizes.d64L2, sizes.d64L4, sizes.d128L4],
      },
      { critic: "discriminative-hl-gauss", sizes: [sizes.d16L2, sizes.d32L2, sizes.d64L2] },
      {
        critic: "cot",
        sizes: [sizes.d16L1, sizes.d16L2, sizes.d32L2, sizes.d64L2, sizes.d64L4, sizes.d128L4],
      },
      ...["discriminative-auxiliary", "one-shot", "filler", "cot-scalar"]
        .map((critic) => ({ critic, sizes: [sizes.d16L2, sizes.d32L2, sizes.d64L2] })),
    ],
    sweep: {
      seeds: [101],
      critics: ["discriminative-mse", "cot"],
      sizes: [sizes.d16L2, sizes.d32L2, sizes.d64L2],
      factors: [0.5, 1, 2],
    },
  },
};
