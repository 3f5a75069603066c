/**
 * Student's t over seeds: intervals and tests of the mean of one number per seed, such as the
 * difference of two methods that share their seeds.
 *
 * For normal differences a nominal 95% interval covers the truth in 95% of cases from two seeds on,
 * where the percentile bootstrap is too narrow (see `bootstrap.ts`); for symmetric ones with heavy
 * tails in slightly more, for strongly skewed ones in fewer: exponential in 88% (5 seeds) and 90%
 * (10). A test holds it to these numbers. It covers other seeds, not other tasks or hyperparameters.
 */
import { isConstant, mean, populationVariance } from "../numeric/sums.ts";
import { studentTQuantile, studentTTail } from "../numeric/student_t.ts";
import { checkElement } from "./pairs.ts";

/** A mean over seeds with its Student-t interval; safe in JSON. */
export interface StudentInterval {
  /** The mean of the values. */
  readonly estimate: number;
  /** Ends of the interval: estimate -+ t sd / sqrt(n), t from Student's t with n - 1 degrees of freedom. */
  readonly low: number;
  readonly high: number;
  readonly level: number;
  /** Standard deviation of the values, with divisor n - 1. */
  readonly sd: number;
  /** Number of values: seeds. */
  readonly n: number;
}

/**
 * a - b, seed by seed.
 *
 * @param a One finite score per seed.
 * @param b Scores of the same seeds in the same order.
 * @throws RangeError for different lengths, no seed, or a score that is not finite.
 */
export function pairedDifferences(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  if (a.length !== b.length) {
    throw new RangeError(`b: ${b.length} seeds: must be the same ${a.length} seeds as a`);
  }
  checkSample(a, "a", 1);
  checkSample(b, "b", 1);
  return Array.from(a, (score, seed) => score - b[seed]!);
}

/**
 * Student's t interval of a mean. Equal values have the interval of width 0 at that value.
 *
 * @param values One finite number per seed, at least two; for two methods `pairedDifferences`.
 * @param level Confidence level in (0, 1).
 * @throws RangeError for fewer values, one that is not finite, or another level.
 *
 * @example Five seeds of two methods
 * ```ts
 * import assert from "node:assert/strict";
 * import { pairedDifferences, studentInterval } from "genac";
 *
 * const grpo = [0.11, 0.07, 0.15, 0.04, 0.13];
 * const genac = [0.31, 0.28, 0.33, 0.22, 0.36];
 * const { estimate, low, high } = studentInterval(pairedDifferences(genac, grpo));
 * assert.equal(estimate.toFixed(2), "0.20");
 * assert.ok(low > 0.17 && high < 0.23);
 * ```
 */
export function studentInterval(values: ArrayLike<number>, level = 0.95): StudentInterval {
  return intervalOf(values, level, "values");
}

/** `studentInterval` with the name that errors use for the values. */
export function intervalOf(
  values: ArrayLike<number>,
  level: number,
  name: string,
): StudentInterval {
  if (!(level > 0 && level < 1)) {
    throw new RangeError(`level: ${level}: give a number between 0 and 1, e.g. 0.95`);
  }
  const { n, estimate, sd } = momentsOf(values, name);
  const half = sd === 0 ? 0 : -quantile((1 - level) / 2, n - 1) * sd / Math.sqrt(n);
  return { estimate, low: estimate - half, high: estimate + half, level, sd, n };
}

/** A mean over seeds with its 95% interval; safe in JSON. */
export interface SeedInterval {
  readonly estimate: number;
  /** Ends of Student's t interval; null for a single seed, which says nothing about the spread. */
  readonly low: number | null;
  readonly high: number | null;
}

/**
 * The mean of one number per seed with its 95% Student t interval, for any number of seeds.
 *
 * @throws RangeError for no value, or one that is not finite.
 */
export function seedInterval(values: ArrayLike<number>): SeedInterval {
  checkSample(values, "values", 1);
  if (values.length === 1) return { estimate: values[0]!, low: null, high: null };
  const { estimate, low, high } = studentInterval(values);
  return { estimate, low, high };
}

/** p-values of Student's t test of one mean against a reference. */
export interface StudentPValues {
  /** Against "the mean equals the reference". */
  readonly twoSided: number;
  /** Against "the mean is the reference or less": small = the mean is greater. */
  readonly greater: number;
  /** Against "the mean is the reference or more": small = the mean is less. */
  readonly less: number;
}

/**
 * Student's t test of a mean; of `pairedDifferences`, the paired t test.
 *
 * Equal values leave no doubt: the p-value of the side on which they lie is 0, that of the other 1,
 * and all are 1 if they equal the reference.
 *
 * @param values One finite number per seed, at least two.
 * @param reference The mean under the null hypothesis; finite.
 * @throws RangeError for fewer values, or a number that is not finite.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { studentPValues } from "genac";
 *
 * const { twoSided, greater, less } = studentPValues([0.2, 0.21, 0.18, 0.18, 0.23]);
 * assert.ok(twoSided < 0.001 && greater === twoSided / 2 && less === 1 - greater);
 * ```
 */
export function studentPValues(values: ArrayLike<number>, reference = 0): StudentPValues {
  if (!Number.isFinite(reference)) {
    throw new RangeError(`reference: ${reference}: give a finite number`);
  }
  const { n, estimate, sd } = momentsOf(values, "values");
  const distance = estimate - reference;
  if (sd === 0) {
    return {
      twoSided: distance === 0 ? 1 : 0,
      greater: distance > 0 ? 0 : 1,
      less: distance < 0 ? 0 : 1,
    };
  }
  const outer = studentTTail(Math.abs(distance) / (sd / Math.sqrt(n)), n - 1);
  const [greater, less] = distance >= 0 ? [outer, 1 - outer] : [1 - outer, outer];
  return { twoSided: 2 * outer, greater, less };
}

function momentsOf(
  values: ArrayLike<number>,
  name: string,
): { readonly n: number; readonly estimate: number; readonly sd: number } {
  checkSample(values, name, 2);
  const n = values.length;
  // The rounded mean of equal values may differ from them.
  if (isConstant(values)) return { n, estimate: values[0]!, sd: 0 };
  return { n, estimate: mean(values), sd: Math.sqrt(populationVariance(values) * (n / (n - 1))) };
}

function checkSample(values: ArrayLike<number>, name: string, least: number): void {
  if (values.length < least) {
    const seeds = least === 1 ? "one seed" : "two seeds";
    throw new RangeError(`${name}: length ${values.length}: give at least ${seeds}`);
  }
  for (let i = 0; i < values.length; i++) {
    checkElement(values[i], name, i, "give a finite number, or leave the seed out");
  }
}

/** Quantiles met so far: bisection is slow beside the rest, and levels and numbers of seeds are few. */
const quantiles = new Map<string, number>();

function quantile(p: number, df: number): number {
  const key = `${p} ${df}`;
  let t = quantiles.get(key);
  if (t === undefined) quantiles.set(key, t = studentTQuantile(p, df));
  return t;
}
