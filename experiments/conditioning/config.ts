import * as z from "zod";
import { permutationConfig } from "../../lib/env/permutation.ts";
import {
  commonFields,
  count,
  criticName,
  oneShotSizes,
  serialSizes,
  size,
} from "../shared/config.ts";
import { searchAround } from "../shared/search.ts";
import { type ContextName, contexts } from "./contexts.ts";

const epsilon = z.number().min(0).max(1);
const epsilons = z.array(epsilon).min(1);

const runs = z.array(z.strictObject({
  critic: criticName.describe("A critic of lib/critic/registry.ts."),
  contexts: z.array(z.enum(Object.keys(contexts) as [ContextName])).min(1)
    .describe("What it is told of the actor: a critic is trained for each."),
  sizes: z.array(size).min(1).describe("Sizes of its transformer."),
})).min(1);

/** Configuration of the conditioning experiment. */
export const conditioningConfig = z.strictObject({
  ...commonFields,
  environment: permutationConfig.omit({ outcomeSlots: true, exampleSlots: true }).prefault({})
    .describe("The permutation puzzle."),
  actors: z.strictObject({
    seen: epsilons.default([0.1, 0.3, 0.5, 0.7]).describe("Epsilons mixed in training."),
    between: epsilons.default([0.2, 0.4, 0.6]).describe("Epsilons tested, between the seen ones."),
    // With 0.9 the rate would be told by a token that training hardly has: a test of its initial embedding.
    beyond: epsilons.default([0.05, 0.75]).describe("Epsilons tested, outside of the seen ones."),
  }).prefault({}).describe("The actors, by their probability of a uniformly random move."),
  rateRollouts: count.default(64).describe("Rollouts behind one estimate of a success rate."),
  rateEstimates: count.default(64)
    .describe("Estimates of each actor's success rate from which each state draws one."),
  outcomes: count.default(8).describe("Outcomes in a context that shows outcomes."),
  examples: count.default(2).describe("Episodes in a context that shows episodes."),
  runs: runs.describe("Which critics are trained with which contexts at which sizes."),
  steps: count.default(1000).describe("Training steps."),
  batchSize: count.default(64).describe("States in a training batch, the actors in turn."),
  testStates: count.default(250).describe("Held-out states for each epsilon."),
  falseRateStates: count.default(64)
    .describe("Held-out states for each seen epsilon at which false success rates are told."),
  drift: z.strictObject({
    from: epsilon.default(0.7).describe("The actor's epsilon at the first iteration."),
    to: epsilon.default(0.1).describe("The actor's epsilon at the last iteration."),
    iterations: count.min(4).default(40).describe("Iterations of the simulated training run."),
    states: count.default(64).describe(
      "Held-out states at which critics are judged, per iteration.",
    ),
    rollouts: count.default(256).describe("Rollouts per iteration, whose outcomes move the rate."),
    momentum: z.number().min(0).lt(1).default(0.9)
      .describe("Momentum of the smoothed success rate; the paper does not give its own."),
  }).prefault({}).describe("The simulated training run, in which epsilon moves linearly."),
  transfer: z.strictObject({
    distance: count.default(3).describe("The least distance that is far from the goal."),
    epsilons: epsilons.default([0.3, 0.5])
      .describe("Epsilons of the seen actors whose success rate actors of other behaviour have."),
    states: count.default(128).describe("Held-out states for each actor."),
  }).prefault({}).describe("Actors of the same success rate that err elsewhere."),
  sweep: searchAround(runs),
});

/** A resolved configuration. */
export type ConditioningConfig = z.output<typeof conditioningConfig>;
/** A configuration before defaults. */
export type ConditioningInput = z.input<typeof conditioningConfig>;

const both: ContextName[] = ["none", "rate"];
const main: ContextName[] = [...both, "outcomes"];

/** smoke: seconds, for CI; quick: a minute; standard: all critics and contexts, the search, 5 seeds. */
export const profiles: Record<"smoke" | "quick" | "standard", ConditioningInput> = {
  smoke: {
    seeds: [1, 2],
    runs: [
      { critic: "discriminative-mse", contexts: main, sizes: [oneShotSizes.d16L2] },
      {
        critic: "cot",
        contexts: [...main, "rate+outcomes", "examples"],
        sizes: [serialSizes.d16L2],
      },
      { critic: "discriminative-hl-gauss", contexts: ["rate"], sizes: [oneShotSizes.d16L2] },
      { critic: "cot-scalar", contexts: ["rate"], sizes: [serialSizes.d16L2] },
    ],
    sweep: {
      seeds: [101],
      factors: [0.5, 1],
      runs: [{ critic: "discriminative-mse", contexts: ["rate"], sizes: [oneShotSizes.d16L2] }],
    },
    // A smaller puzzle, which is learned in seconds.
    environment: { group: "S4", minLength: 3, maxLength: 5, maxMoves: 4, maxMovesBefore: 2 },
    rateEstimates: 16,
    steps: 300,
    batchSize: 32,
    testStates: 40,
    falseRateStates: 10,
    drift: { iterations: 8, states: 20, rollouts: 64, momentum: 0.5 },
    transfer: { distance: 2, states: 20 },
  },
  quick: {
    seeds: [1, 2],
    runs: [
      { critic: "discriminative-mse", contexts: main, sizes: [oneShotSizes.d32L2] },
      { critic: "cot", contexts: main, sizes: [serialSizes.d32L2] },
    ],
    // Many small steps: every trace is learned.
    batchSize: 32,
    testStates: 150,
    falseRateStates: 32,
    drift: { states: 48 },
    transfer: { states: 64 },
  },
  standard: {
    // Seeds 1 to 5 had been seen when the claims were written.
    seeds: [6, 7, 8, 9, 10],
    runs: [
      {
        critic: "discriminative-mse",
        contexts: [...main, "rate+outcomes", "examples"],
        sizes: [oneShotSizes.d32L2],
      },
      { critic: "discriminative-hl-gauss", contexts: both, sizes: [oneShotSizes.d32L2] },
      {
        critic: "cot",
        contexts: [...main, "rate+outcomes", "examples"],
        sizes: [serialSizes.d32L2],
      },
      { critic: "cot-scalar", contexts: both, sizes: [serialSizes.d32L2] },
    ],
    sweep: {
      seeds: [101],
      factors: [0.5, 1, 2],
      runs: [
        { critic: "discriminative-mse", contexts: ["rate"], sizes: [oneShotSizes.d32L2] },
        { critic: "cot", contexts: ["rate"], sizes: [serialSizes.d32L2] },
      ],
    },
    batchSize: 32,
  },
};
