import * as z from "zod";
import { permutationActor, permutationConfig } from "../../lib/env/permutation.ts";
import {
  commonFields,
  count,
  criticRuns,
  oneShotSizes as oneShot,
  serialSizes as serial,
  type Size,
} from "../shared/config.ts";
import { searchAround } from "../shared/search.ts";

/** Configuration of the scaling experiment. */
export const scalingConfig = z.strictObject({
  ...commonFields,
  environment: permutationConfig.prefault({}).describe("The permutation puzzle."),
  actor: permutationActor.prefault({ epsilon: 0.3 }).describe(
    "The actor whose values are learned.",
  ),
  runs: criticRuns.describe("Which critics learn exact values, at which sizes."),
  outcomes: criticRuns.optional().describe(
    "Which learn from the outcome of one rollout a state, 0 or 1, in place of its exact value.",
  ),
  steps: count.default(1000).describe("Training steps."),
  batchSize: count.default(64).describe("States in a training batch."),
  sweep: searchAround(criticRuns),
  samples: z.strictObject({
    sizes: z.array(z.string()).min(1).describe(
      'Sizes of the generative critic that is sampled, e.g. "d16-L2".',
    ),
    states: count.describe("The first so many states of each test set."),
    counts: z.array(count).min(2).describe("How many sampled chains are averaged, rising."),
  }).optional().describe("Sampled chains of thought, averaged; default: greedy decoding alone."),
  testStates: count.default(2000).describe("Held-out states for each difficulty."),
  difficulties: z.array(z.strictObject({
    name: z.string().describe("Name in tables."),
    min: count.describe("Shortest scramble word."),
    max: count.describe("Longest scramble word."),
  })).min(1).default([
    { name: "in distribution", min: 6, max: 10 },
    { name: "1.5x length", min: 15, max: 15 },
    { name: "2x length", min: 20, max: 20 },
  ]).describe("Test sets; the first must be the training distribution."),
});

/** A resolved configuration. */
export type ScalingConfig = z.output<typeof scalingConfig>;
/** A configuration before defaults. */
export type ScalingInput = z.input<typeof scalingConfig>;

type Sizes = Record<keyof typeof oneShot, Size>;

const small = (t: Sizes) => [t.d16L2, t.d32L2];
const middle = (t: Sizes) => [t.d16L2, t.d32L2, t.d64L2];
const both = (sizes: (t: Sizes) => Size[]) => [
  { critic: "discriminative-mse", sizes: sizes(oneShot) },
  { critic: "cot", sizes: sizes(serial) },
];
const search = (sizes: (t: Sizes) => Size[]) => ({
  seeds: [101],
  factors: [0.5, 1, 2],
  runs: both(sizes),
});

const counts = [1, 2, 4, 8, 16];

/**
 * smoke: seconds, for CI; quick: a minute; standard: all sizes and the search, 5 seeds (other critics: experiments/controls).
 */
export const profiles: Record<"smoke" | "quick" | "standard", ScalingInput> = {
  smoke: {
    seeds: [1, 2],
    runs: [
      ...both(small),
      ...["discriminative-hl-gauss", "discriminative-auxiliary", "one-shot"]
        .map((critic) => ({ critic, sizes: [oneShot.d16L2] })),
      { critic: "cot-scalar", sizes: [serial.d16L2] },
    ],
    outcomes: both((t) => [t.d16L2]),
    samples: { sizes: ["d16-L2"], states: 50, counts },
    sweep: search((t) => [t.d16L2]),
    // A smaller puzzle, which is learned in seconds.
    environment: { group: "S4", minLength: 3, maxLength: 5, maxMoves: 4, maxMovesBefore: 2 },
    difficulties: [
      { name: "in distribution", min: 3, max: 5 },
      { name: "1.5x length", min: 8, max: 8 },
    ],
    steps: 600,
    batchSize: 32,
    testStates: 300,
  },
  quick: {
    seeds: [1, 2],
    runs: both(small),
    outcomes: both(small),
    samples: { sizes: ["d16-L2"], states: 256, counts },
    testStates: 1000,
  },
  standard: {
    seeds: [6, 7, 8, 9, 10],
    runs: [
      ...both((t) => [t.d16L1, ...middle(t), t.d64L4]),
      { critic: "one-shot", sizes: [oneShot.d32L2] },
      { critic: "cot-scalar", sizes: [serial.d32L2] },
    ],
    outcomes: both(middle),
    samples: { sizes: ["d16-L2", "d32-L2", "d64-L2"], states: 256, counts },
    sweep: search(small),
  },
};
