import type * as z from "zod";
import type { Rollout } from "../rollout.ts";

/**
 * What an estimator needs in its rollouts besides rewards and log-probabilities:
 *
 * - "values": V before every token
 * - "segment values": V before the first token and wherever else one was given
 * - "groups": at least two rollouts of every prompt
 * - "process rewards", "exact values": one for every token
 * - "continuations": some from before the first token and wherever else they were made
 */
export type Need =
  | "values"
  | "segment values"
  | "groups"
  | "process rewards"
  | "continuations"
  | "exact values";

/** What one rollout is credited with; arrays of T. */
export interface AdvantageEstimate {
  /** A_t, for token t, in units of reward (GRPO: of its standard deviation). */
  readonly advantages: number[];
  /** What a critic's V_t, before token t, should be trained on. */
  readonly valueTargets: number[];
}

/**
 * A rule that says, from rollouts and perhaps values, how much better each token was than what the policy does on
 * average. (What a critic's own responses are credited with: lib/critic_learning/baselines.ts.)
 *
 * To add one (checklist: lib/README.md), export `defineEstimator({...})` from the file of its family, or a new one, and list
 * it in `registry.ts`.
 * `gae` (with a critic) and `rloo` (without) are the examples.
 */
export interface AdvantageEstimator<Options = unknown> {
  /** Name in figures and tables. */
  readonly title: string;
  /** Paper. */
  readonly source: string;
  readonly needs: readonly Need[];
  /** Validates options and fills in defaults. Every field has a one-line description. */
  readonly options: z.ZodType<Options>;
  /** One estimate per rollout, in order. Expects what `checkRollouts` has checked: call `estimateAdvantages`. */
  estimate(rollouts: readonly Rollout[], options: Options): AdvantageEstimate[];
}

/** The estimator as it is, with the type of its options inferred from their schema. */
export function defineEstimator<Options>(
  estimator: AdvantageEstimator<Options>,
): AdvantageEstimator<Options> {
  return estimator;
}
