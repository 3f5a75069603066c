import * as z from "zod";
import { permutationActor, permutationConfig } from "../../lib/env/permutation.ts";
import { commonFields, count, rate, serialSizes, size } from "../shared/config.ts";
import { tuningSeeds } from "../shared/search.ts";
import { RECIPE_NAMES, type RecipeName } from "./recipes.ts";

/**
 * What training starts from: "calibrated", well trained by SFT on the actor's exact values; "stale", the same on another
 * actor's; "weak", SFT stopped early.
 */
export const STARTS = ["calibrated", "stale", "weak"] as const;
/** One of them. */
export type Start = typeof STARTS[number];

const search = z.strictObject({
  seeds: tuningSeeds,
  rates: z.array(rate).min(3).describe(
    "Learning rates, rising, the same for every recipe: the chosen one is compared with its two neighbours.",
  ),
});

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
    learningRate: rate.describe(
      "Constant after warm-up; the same from every start, chosen by the mean error over the starts on tuning seeds.",
    ),
  })).min(1).describe("How the critics are trained."),
  prompts: count.default(8).describe("States in a step (B)."),
  responses: count.min(2).default(8).describe("Responses to, and rollouts from, each state (K)."),
  steps: count.default(450).describe("Steps of each recipe."),
  evaluateEvery: count.default(90).describe("Steps between evaluations."),
  testStates: count.default(300).describe("Held-out states of an evaluation."),
  search: search.optional().describe("The search from which the learning rates come."),
}).refine(
  ({ recipes, search }) => recipes.every((recipe) => !search || searchedRates(recipe, search)),
  {
    path: ["search", "rates"],
    error: "a recipe's learning rate is not inside the searched ones: its optimum may lie outside",
  },
);

/** A resolved configuration. */
export type CriticTrainingConfig = z.output<typeof criticTrainingConfig>;
/** A configuration before defaults. */
export type CriticTrainingInput = z.input<typeof criticTrainingConfig>;

/** The chosen rate of a recipe between its two neighbours; undefined for one at the edge of the searched rates. */
export function searchedRates(
  { learningRate }: { readonly learningRate: number },
  { rates }: { readonly rates: readonly number[] },
): readonly number[] | undefined {
  const i = rates.indexOf(learningRate);
  return i > 0 && i < rates.length - 1 ? rates.slice(i - 1, i + 2) : undefined;
}

/** Every recipe, at one learning rate or at its own. */
function recipes(
  rates: number | Readonly<Record<RecipeName, number>>,
): CriticTrainingInput["recipes"] {
  const rateOf = (name: RecipeName) => typeof rates === "number" ? rates : rates[name];
  return RECIPE_NAMES.map((name) => ({ name, learningRate: rateOf(name) }));
}

/**
 * Chosen on tuning seed 101: the lowest error (see `judgedError`) at the end of the standard profile's training, averaged
 * over the starts.
 */
const RATES: Readonly<Record<RecipeName, number>> = {
  "raw": 1e-4,
  "loo": 1e-4,
  "loo-outcome": 1e-4,
  "loo-kl": 3e-4,
  "outcome-trace-kl-value": 3e-4,
  "mc-own": 1e-4,
  "mc-sft": 1e-4,
  "mc-sft-mean": 3e-4,
};

/** A smaller puzzle, which is learned in seconds. */
const small = { group: "S4", minLength: 3, maxLength: 5, maxMoves: 4, maxMovesBefore: 2 };

/** smoke: seconds, for CI; quick: a minute, a smaller puzzle; standard: S5, the search for learning rates, 5 seeds. */
export const profiles: Record<"smoke" | "quick" | "standard", CriticTrainingInput> = {
  smoke: {
    seeds: [1, 2],
    environment: small,
    size: serialSizes.d16L2,
    sftSteps: 400,
    sftBatchSize: 32,
    weakLoss: 0.8,
    recipes: recipes(1e-3),
    prompts: 4,
    responses: 4,
    steps: 20,
    evaluateEvery: 4,
    testStates: 60,
  },
  quick: {
    seeds: [1, 2],
    environment: small,
    // Training is shorter than where rates were chosen.
    recipes: recipes(3e-4),
    steps: 150,
    evaluateEvery: 30,
    testStates: 200,
  },
  standard: {
    // Seeds 1 to 5 had been seen when the claims were written.
    seeds: [6, 7, 8, 9, 10],
    recipes: recipes(RATES),
    search: { seeds: [101], rates: [3e-5, 1e-4, 3e-4, 1e-3] },
  },
};
