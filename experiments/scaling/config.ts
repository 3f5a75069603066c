import { z } from "zod";
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
  runs: criticRuns.describe("Which critics are trained at which sizes."),
  steps: count.default(1000).describe("Training steps."),
  batchSize: count.default(64).describe("States in a training batch."),
  sweep: searchAround(criticRuns),
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

const middle = (t: Sizes) => [t.d16L2, t.d32L2, t.d64L2];
const search = (sizes: (t: Sizes) => Size[]) => ({
  seeds: [101],
  factors: [0.5, 1, 2],
  runs: [
    { critic: "discriminative-mse", sizes: sizes(oneShot) },
    { critic: "cot", sizes: sizes(serial) },
  ],
});

/** smoke: seconds, for CI; quick: minutes; standard: all sizes and the search, 5 seeds (other critics: experiments/controls). */
export const profiles: Record<"smoke" | "quick" | "standard", ScalingInput> = {
  smoke: {
    seeds: [1, 2],
    runs: [
      { critic: "discriminative-mse", sizes: [oneShot.d16L2, oneShot.d32L2] },
      { critic: "cot", sizes: [serial.d16L2, serial.d32L2] },
      ...["discriminative-hl-gauss", "discriminative-auxiliary", "one-shot", "filler"]
        .map((critic) => ({ critic, sizes: [oneShot.d16L2] })),
      { critic: "cot-scalar", sizes: [serial.d16L2] },
    ],
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
    seeds: [1, 2, 3],
    runs: [
      { critic: "discriminative-mse", sizes: [oneShot.d16L1, ...middle(oneShot)] },
      { critic: "one-shot", sizes: [oneShot.d32L2] },
      { critic: "cot", sizes: [serial.d16L1, ...middle(serial)] },
    ],
  },
  standard: {
    seeds: [1, 2, 3, 4, 5],
    runs: [
      { critic: "discriminative-mse", sizes: Object.values(oneShot) },
      { critic: "one-shot", sizes: [oneShot.d32L2] },
      { critic: "cot", sizes: Object.values(serial) },
      { critic: "cot-scalar", sizes: [serial.d32L2] },
    ],
    sweep: search((t) => [t.d16L2, t.d32L2]),
  },
};
