/**
 * What environments over random problems share: fields of their configurations, checks, the split, and how problems are
 * drawn. An environment need not use it; the contract is `Environment`.
 */
import * as z from "zod";
import { UsageError } from "../errors.ts";
import type { RandomStream } from "../numeric/random.ts";
import type { IntegerRange, Split } from "./environment.ts";

/** A field of a configuration: the fraction in [0, 0.9] of `problems` ("words") that `splitOf` gives to the test split. */
export function heldOutFraction(problems: string) {
  return z.number().min(0).max(0.9).default(0.1)
    .describe(`The fraction of ${problems}, chosen by their hash, in the test split.`);
}

/** A field of a configuration: `Environment.traceOffset`, in tokens, from `least` (the shortest prompt) to 4096. */
export function traceOffset(least: number, usual: number) {
  return z.int().min(least).max(4096).default(usual)
    .describe("The position id of the first token after Q; no prompt may be longer.");
}

/** Throws a UsageError unless an actor's probability of a mistake lies in [0, 1]. */
export function checkEpsilon(epsilon: number): void {
  if (!(epsilon >= 0 && epsilon <= 1)) {
    throw new UsageError("actor.epsilon", epsilon, "must lie in 0..1");
  }
}

/** Throws a UsageError unless a range of problem sizes is one of integers from `least` up. */
export function checkDifficulty({ min, max }: IntegerRange, least = 1): void {
  if (!Number.isInteger(min) || !Number.isInteger(max) || min < least || min > max) {
    throw new UsageError(
      "difficulty",
      `${min}..${max}`,
      `must be integers with ${least} <= min <= max`,
    );
  }
}

/** Throws a UsageError if the field `low` of a configuration exceeds the field `high`. */
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

/** Throws a UsageError if a prompt does not end before the trace begins. `problems` says what needs so many tokens. */
export function checkPromptFits(tokens: number, traceOffset: number, problems: string): void {
  if (tokens > traceOffset) {
    throw new UsageError(
      "environment.traceOffset",
      traceOffset,
      `${problems} make prompts of ${tokens} tokens; raise it to ${tokens} or more`,
    );
  }
}

/**
 * The split of a problem.
 *
 * @param problem The problem as integers. The split depends on nothing else, so that training and test problems are
 *   disjoint whatever the seed.
 * @param heldOutFraction The fraction of all problems in [0, 1] that is held out for the test.
 */
export function splitOf(problem: Iterable<number>, heldOutFraction: number): Split {
  return hashIntegers(problem) < heldOutFraction * 4294967296 ? "test" : "train";
}

/** FNV-1a-32 over integers, then MurmurHash3's finalizer, as FNV mixes its top bits poorly. */
function hashIntegers(integers: Iterable<number>): number {
  let h = 0x811c9dc5;
  for (const x of integers) h = Math.imul(h ^ x, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A uniformly random integer of a range. */
export function drawInteger(random: RandomStream, { min, max }: IntegerRange): number {
  return min + random.integer(max - min + 1);
}

/** How many rejected draws show that a configuration has no problem or state of a split. */
const MAX_ATTEMPTS = 20_000;

/**
 * Rejection sampling: the first draw that is not undefined.
 *
 * @param draw One draw; undefined if it lies in the other split or is rejected for another reason.
 * @param wanted What is drawn and what bounds it, for the error: "circuit", "heldOutFraction 0.1, 3..6 gates".
 * @throws UsageError that names the split after 20 000 rejected draws.
 */
export function drawAccepted<T>(
  split: Split,
  draw: () => T | undefined,
  wanted: () => readonly [what: string, bounds: string],
): T {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const accepted = draw();
    if (accepted !== undefined) return accepted;
  }
  const [what, bounds] = wanted();
  throw new UsageError(
    "split",
    split,
    `found no ${what} in ${MAX_ATTEMPTS} draws (${bounds}); relax one of them`,
  );
}
