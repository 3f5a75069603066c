/**
 * What the kit calls an RL algorithm: which advantages, from which values, in which objective. `train_actor.ts` runs
 * them all, so that they differ in nothing else.
 *
 * To add one: write one file that exports an `RlAlgorithm` and list it in `registry.ts`. `grpo.ts` (without a critic)
 * and `genac.ts` (with one) are the examples.
 */
import type * as z from "zod";
import type { policyObjectiveConfig } from "../objective/policy_objective.ts";

/** See the file's header. */
export interface RlAlgorithm {
  /** Name in the registry, in configs and in results. */
  readonly name: string;
  /** Name in figures and tables. */
  readonly title: string;
  /** Paper. */
  readonly source: string;
  /** The estimator of lib/rl/advantage, and its options. */
  readonly advantage: { readonly estimator: string; readonly options?: Record<string, unknown> };
  /**
   * Where the values that it needs come from: nowhere; a trained critic; continuations sampled from each state; the
   * exact values; or, of a whole step, whether it kept the best possible outcome within reach ("process").
   */
  readonly values: "none" | "critic" | "continuations" | "exact" | "process";
  /** Before which tokens a critic is asked: all, or the first of each segment (a generative critic is dear to ask). */
  readonly states: "tokens" | "segments";
  /** On which of them the critic is trained: those, or SP3O's few (lib/critic_learning/value_positions.ts). */
  readonly criticStates?: "asked" | "sparse";
  /** Whether advantages are whitened over the batch (GRPO's are scaled already). */
  readonly whiten: boolean;
  /** Where the objective differs from the run's. */
  readonly objective: z.input<typeof policyObjectiveConfig>;
}
