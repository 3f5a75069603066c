import { z } from "zod";
import { permutationActor, permutationConfig } from "../../lib/env/permutation.ts";
import { commonFields, count, rate, serialSizes, size } from "../shared/config.ts";
import { RECIPE_NAMES, type RecipeName } from "./recipes.ts";

/**
 * What training starts from: "calibrated", well trained by SFT on the actor's exact values; "stale", the same on another
 * actor's; "weak", SFT stopped early.
 */
export const STARTS = ["calibrated", "stale", "weak"] as const;
/** One of them. */
export type Start = typeof STARTS[number];

/** Configuration of the critic-training experiment. */
export const criticTrainingConfig = z.strictObject({
  ...commonFields,
  environment: permutationConfig.prefault({}).describe("The permutation puzzle."),
  actor: permutationActor.prefault({ epsilon: 0.5 }).describe("The actor that is judged."),
  staleActor: permutationActor.prefault({ epsilon: 0.1 })
    .describe("The actor on whose values the stale critic was trained."),
  size: size.prefault(serialSizes.d32L2).describe("The critic's transformer; rate of SFT."),
  sftSteps: count.default(600).describe("Steps of SFT."),
  sftBatchSize: count.default(64).describe("States in a batch of SFT."),
  weakLoss: z.number().positive().default(0.25)
    .describe("SFT of the weak critic stops after the first step with a lower loss."),
  starts: z.array(z.enum(STARTS)).min(1).default([...STARTS]).describe("Critics to start from."),
  recipes: z.array(z.strictObject({
    name: z.enum(RECIPE_NAMES).describe("A recipe of recipes.ts."),
    learningRates: z.array(rate).min(1).describe("Its learning rates, constant after warm-up."),
  })).min(1).describe("How the critics are trained."),
  prompts: count.default(8).describe("States in a step (B)."),
  responses: count.min(2).default(8).describe("Responses to, and rollouts from, each state (K)."),
  steps: count.default(150).describe("Steps of each recipe."),
  evaluateEvery: count.default(30).describe("Steps between evaluations."),
  testStates: count.default(300).describe("Held-out states of an evaluation."),
});

/** A resolved configuration. */
export type CriticTrainingConfig = z.output<typeof criticTrainingConfig>;
/** A configuration before defaults. */
export type CriticTrainingInput = z.input<typeof criticTrainingConfig>;

/** Every recipe at `rates`, and some of them at a smaller one too. */
function recipes(rates: number[], smaller?: number, some: readonly RecipeName[] = []) {
  return RECIPE_NAMES.map((name) => ({
    name,
    learningRates: smaller && some.includes(name) ? [smaller, ...rates] : rates,
  }));
}

/** A smaller puzzle, which is learned in seconds. */
const small = { group: "S4", minLength: 3, maxLength: 5, maxMoves: 4, maxMovesBefore: 2 };

/** smoke: seconds, for CI; quick: a minute, a smaller puzzle; standard: S5, two learning rates, 5 seeds. */
export const profiles: Record<"smoke" | "quick" | "standard", CriticTrainingInput> = {
  smoke: {
    seeds: [1, 2],
    environment: small,
    size: serialSizes.d16L2,
    sftSteps: 400,
    sftBatchSize: 32,
    weakLoss: 0.8,
    recipes: recipes([1e-3]),
    prompts: 4,
    responses: 4,
    steps: 16,
    evaluateEvery: 8,
    testStates: 60,
  },
  quick: {
    seeds: [1, 2, 3],
    environment: small,
    recipes: recipes([1e-3], 3e-4, ["raw", "loo", "loo-kl", "outcome-trace-kl-value"]),
    steps: 60,
    evaluateEvery: 20,
    testStates: 200,
  },
  standard: {
    seeds: [1, 2, 3, 4, 5],
    // Nothing holds these three: does a small rate do?
    recipes: recipes([3e-4, 1e-3], 1e-4, ["raw", "loo", "mc-own"]),
  },
};
