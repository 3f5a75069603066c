/** Checks that several environments make. Each throws a UsageError. */
import { UsageError } from "../errors.ts";
import type { IntegerRange } from "./environment.ts";

/** An actor's probability of slipping lies in [0, 1]. */
export function checkEpsilon(epsilon: number): void {
  if (!(epsilon >= 0 && epsilon <= 1)) {
    throw new UsageError("actor.epsilon", epsilon, "must lie in 0..1");
  }
}

/** A range of sizes is one of integers from `least` up. */
export function checkDifficulty({ min, max }: IntegerRange, least = 1): void {
  if (!Number.isInteger(min) || !Number.isInteger(max) || min < least || min > max) {
    throw new UsageError(
      "difficulty",
      `${min}..${max}`,
      `must be integers with ${least} <= min <= max`,
    );
  }
}

/** One field of an environment's configuration does not exceed another. */
export function checkOrdered<K extends string>(
  config: Readonly<Record<K, number>>,
  low: K,
  high: K,
): void {
  if (config[low] > config[high]) {
    throw new UsageError(
      `environment.${low}`,
      config[low],
      `must not exceed ${high}, which is ${config[high]}`,
    );
  }
}

/** A prompt ends before the trace begins. `problem` says what needs so many tokens. */
export function checkPromptFits(tokens: number, traceOffset: number, problem: string): void {
  if (tokens > traceOffset) {
    throw new UsageError(
      "environment.traceOffset",
      traceOffset,
      `${problem} make prompts of ${tokens} tokens; raise it to ${tokens} or more`,
    );
  }
}
