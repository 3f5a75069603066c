/**
 * What is measured: value-free, Monte Carlo, one-shot critic, and GenAC at a given number of segments.
 *
 * This kit's discriminative critic reads a prompt of its own for every token that it judges. On a language model a value
 * head judges all tokens of a response in one pass; "ppo-one-pass" is PPO with that, counted, not run.
 */
import { type Method, methods } from "../../lib/rl/methods.ts";

/** A method of this experiment. */
export interface CostMethod {
  /** Unique: "ppo", "genac/4". */
  readonly id: string;
  /** Its name in lib/rl/methods.ts, but for "ppo-one-pass", which is counted. */
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

/**
 * The method that is run. GenAC asks before every token, thinned evenly to its number of segments. Its critic learns from
 * as many responses as PPO's from states, 64, where lib/rl/methods.ts has 32. Else methods are as there.
 */
export function methodOf({ method, segments }: Pick<CostMethod, "method" | "segments">): Method {
  const own: Method = methods[method === "ppo-one-pass" ? "ppo" : method];
  if (segments === null) return own;
  const { algorithm, training } = own, { advantage } = algorithm;
  const options = { ...advantage.options, threshold: 1, maxSegments: segments };
  return {
    ...own,
    algorithm: { ...algorithm, advantage: { ...advantage, options } },
    training: { ...training, batch: methods.ppo.training.batch },
  };
}
