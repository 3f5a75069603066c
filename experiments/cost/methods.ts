/**
 * What is measured: value-free, Monte Carlo, one-shot critic, and GenAC at a given number of segments.
 *
 * This kit's discriminative critic reads a prompt of its own for every token that it judges. On a language model a value
 * head judges all tokens of a response in one pass; "ppo-one-pass" is PPO with that, counted, not run.
 */
import { type RlAlgorithm, rlAlgorithm } from "../../lib/rl/algorithms.ts";

/** A method of this experiment. */
export interface CostMethod {
  /** Unique: "ppo", "genac/4". */
  readonly id: string;
  /** Its algorithm's name. */
  readonly method: "grpo" | "ppo" | "ppo-one-pass" | "vineppo" | "genac";
  /** GenAC's segments of a response; null for the others. */
  readonly segments: number | null;
}

/** All of them for responses of T tokens: as many segments as tokens at most. */
export function costMethods(segments: readonly number[], T: number): CostMethod[] {
  const plain = (["grpo", "ppo", "ppo-one-pass", "vineppo"] as const).map((method) => ({
    id: method,
    method,
    segments: null,
  }));
  const own = segments.filter((count) => count <= T).map((count) => ({
    id: `genac/${count}`,
    method: "genac" as const,
    segments: count,
  }));
  return [...plain, ...own];
}

/** The algorithm of a method that is run; GenAC's asks before every token, thinned evenly to its number of segments. */
export function algorithmOf({ method, segments }: CostMethod): RlAlgorithm {
  const algorithm = rlAlgorithm(method);
  const { advantage } = algorithm;
  if (segments === null) return algorithm;
  return {
    ...algorithm,
    advantage: {
      ...advantage,
      options: { ...advantage.options, threshold: 1, maxSegments: segments },
    },
  };
}
