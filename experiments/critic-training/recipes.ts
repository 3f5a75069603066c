import type * as z from "zod";
import { type MonteCarloConfig, monteCarloConfig } from "../../lib/critic_learning/regression.ts";
import { type ReinforceConfig, reinforceConfig } from "../../lib/critic_learning/reinforce.ts";

/** An algorithm of lib/rl with all its choices. */
export type Algorithm =
  | { readonly kind: "reinforce"; readonly choices: ReinforceConfig }
  | { readonly kind: "monte-carlo"; readonly choices: MonteCarloConfig };

/** A way of training a critic on outcomes. All see the same states and outcomes, step by step. */
export interface Recipe {
  /** Name in figures and tables. */
  readonly title: string;
  readonly kind: Algorithm["kind"];
  /** Its algorithm for B states and K responses in a step. */
  algorithm(batch: { prompts: number; responses: number }): Algorithm;
}

function reinforce(title: string, choices: z.input<typeof reinforceConfig>): Recipe {
  const plain = { outcomes: "own", klCoefficient: 0, klTokens: "all", credit: "all" } as const;
  return {
    title,
    kind: "reinforce",
    algorithm: ({ prompts, responses }) => ({
      kind: "reinforce",
      choices: reinforceConfig.parse({
        ...plain,
        normalization: "token-mean",
        ...choices,
        prompts,
        responses,
      }),
    }),
  };
}

function monteCarlo(title: string, choices: z.input<typeof monteCarloConfig>): Recipe {
  return {
    title,
    kind: "monte-carlo",
    algorithm: ({ prompts, responses }) => ({
      kind: "monte-carlo",
      choices: monteCarloConfig.parse({ ...choices, prompts, responses }),
    }),
  };
}

/** Weight of every KL penalty, chosen on tuning seed 101: 0.02 lets a calibrated critic go, 0.1 holds a stale one. */
const KL = 0.05;
const LOO = "leave-one-out";

/** By name, in the order of legends and tables. */
export const RECIPES = {
  "raw": reinforce("REINFORCE, raw reward", { baseline: "raw" }),
  "loo": reinforce("leave-one-out", { baseline: LOO }),
  "loo-outcome": reinforce("leave-one-out by outcome", { baseline: "leave-one-out-by-outcome" }),
  "loo-kl": reinforce("leave-one-out, KL", { baseline: LOO, klCoefficient: KL }),
  "outcome-trace-kl-value": reinforce("by outcome, KL on the chain, value credit", {
    baseline: "leave-one-out-by-outcome",
    klCoefficient: KL,
    klTokens: "trace",
    credit: "value",
  }),
  "mc-own": monteCarlo("Monte Carlo, own chains", { target: "outcomes", trace: "own" }),
  "mc-sft": monteCarlo("Monte Carlo, SFT critic's chains", {
    target: "outcomes",
    trace: "reference",
  }),
  "mc-sft-mean": monteCarlo("Monte Carlo, SFT critic's chains, mean", {
    target: "mean",
    trace: "reference",
  }),
} as const satisfies Record<string, Recipe>;

/** A recipe's name. */
export type RecipeName = keyof typeof RECIPES;
/** All names. */
export const RECIPE_NAMES = Object.keys(RECIPES) as [RecipeName, ...RecipeName[]];

/** Whether it is one of REINFORCE. */
export function isReinforce(name: RecipeName): boolean {
  return RECIPES[name].kind === "reinforce";
}

/**
 * The error in which a recipe's critic is judged where its learning rate is chosen: that of the emitted integer, which is
 * what REINFORCE trains; that of the expectation for Monte Carlo, whose integer is 0 or 10 where single outcomes are the
 * targets.
 */
export function judgedError(name: RecipeName): "rmse" | "expectationRmse" {
  return isReinforce(name) ? "rmse" : "expectationRmse";
}
