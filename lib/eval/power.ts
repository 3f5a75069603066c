/** How many seeds a comparison needs: the power of the paired Student t test. */
import { noncentralTTail, studentTQuantile } from "../numeric/student_t.ts";

/** What is to be found, and how it is tested. */
export interface PowerOptions {
  /** The true mean difference; positive = greater. */
  readonly effect: number;
  /** Standard deviation of the differences by seed, as of a pilot run; same unit, at least 0. */
  readonly sd: number;
  /**
   * Level of the test in (0, 1); default 0.05. For m comparisons under Holm's adjustment alpha / m is
   * enough for each of them, whatever becomes of the others.
   */
  readonly alpha?: number;
  /** Default "two-sided". */
  readonly alternative?: "two-sided" | "greater";
}

/** The most seeds that are looked at. */
const MOST_SEEDS = 100_000;

/**
 * The probability that the paired t test over n seeds finds the effect (p <= alpha), for normal
 * differences: from the noncentral t with n - 1 degrees of freedom and noncentrality
 * sqrt(n) effect / sd. Noncentralities beyond 1000 count as 1000.
 *
 * @param n Seeds, an integer in 2..100,000.
 * @returns In [0, 1].
 * @throws RangeError for arguments out of range.
 */
export function pairedTPower(n: number, options: PowerOptions): number {
  const { effect, sd, alpha = 0.05, alternative = "two-sided" } = options;
  if (!(Number.isInteger(n) && n >= 2 && n <= MOST_SEEDS)) {
    throw new RangeError(`n: ${n}: give an integer in 2..${MOST_SEEDS}`);
  }
  if (!Number.isFinite(effect)) throw new RangeError(`effect: ${effect}: give a finite number`);
  if (!(sd >= 0 && sd < Infinity)) {
    throw new RangeError(`sd: ${sd}: give a finite number, 0 or more`);
  }
  checkProbability(alpha, "alpha");
  const twoSided = alternative === "two-sided";
  // Without spread every sample is the effect itself.
  if (sd === 0) return effect > 0 || (twoSided && effect < 0) ? 1 : 0;
  const df = n - 1;
  const noncentrality = Math.max(-1000, Math.min(1000, Math.sqrt(n) * effect / sd));
  const critical = -studentTQuantile(twoSided ? alpha / 2 : alpha, df);
  const upper = noncentralTTail(critical, df, noncentrality);
  return twoSided ? upper + noncentralTTail(critical, df, -noncentrality) : upper;
}

/**
 * The fewest seeds with which the paired t test has the power asked for.
 *
 * @param options As of `pairedTPower`; `power` in (0, 1), default 0.8.
 * @returns An integer from 2 on; null if 100,000 seeds are not enough, as for no effect.
 * @throws RangeError for arguments out of range.
 *
 * @example An effect of one standard deviation
 * ```ts
 * import assert from "node:assert/strict";
 * import { seedsNeeded } from "genac";
 *
 * assert.equal(seedsNeeded({ effect: 0.05, sd: 0.05 }), 10);
 * ```
 */
export function seedsNeeded(options: PowerOptions & { readonly power?: number }): number | null {
  const { power = 0.8, ...test } = options;
  checkProbability(power, "power");
  let enough = 2;
  let tooFew = 1;
  while (pairedTPower(enough, test) < power) {
    if (enough === MOST_SEEDS) return null;
    tooFew = enough;
    enough = Math.min(2 * enough, MOST_SEEDS);
  }
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    if (pairedTPower(middle, test) < power) tooFew = middle;
    else enough = middle;
  }
  return enough;
}

function checkProbability(value: number, name: string): void {
  if (!(value > 0 && value < 1)) {
    throw new RangeError(`${name}: ${value}: give a number between 0 and 1`);
  }
}
