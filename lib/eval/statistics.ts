/**
 * What may be said over seeds: interquartile mean, mean and probability of improvement, each with a
 * stratified bootstrap interval (see `bootstrap.ts` for what that covers), from strata: one array of
 * scores per task or cell, one score per seed. And one seed's trend with size, for `student.ts`.
 */
import { log } from "../numeric/math.ts";
import {
  type BootstrapOptions,
  checkedStrata,
  type Interval,
  type Statistic,
  type Strata,
  stratifiedBootstrap,
} from "./bootstrap.ts";
import { checkElement } from "./pairs.ts";
import { mean, sum } from "../numeric/sums.ts";

/**
 * Mean of the middle half of the scores: floor(n / 4) are dropped at either end, as in rliable and
 * scipy's `trim_mean(scores, 0.25)`. Below four scores it is the mean.
 *
 * @param scores At least one.
 * @throws RangeError for none, or one that is not finite.
 */
export function interquartileMean(scores: ArrayLike<number>): number {
  const sorted = checkedStrata([scores], "scores")[0]!.sort();
  const cut = Math.floor(sorted.length / 4);
  return mean(sorted.subarray(cut, sorted.length - cut));
}

/**
 * Interquartile mean of all scores of all strata, with its interval.
 *
 * @throws RangeError as `stratifiedBootstrap`.
 *
 * @example Two tasks, four seeds each
 * ```ts
 * import assert from "node:assert/strict";
 * import { interquartileMeanInterval } from "genac";
 *
 * const rmse = [[0.1, 0.2, 0.3, 0.9], [0.2, 0.2, 0.3, 0.4]];
 * const { estimate, low, high, level } = interquartileMeanInterval(rmse, { seed: 1 });
 * assert.equal(estimate, 0.25);
 * assert.equal(level, 0.95);
 * assert.ok(low! <= estimate! && estimate! <= high!);
 * ```
 */
export function interquartileMeanInterval(strata: Strata, options: BootstrapOptions): Interval {
  return stratifiedBootstrap(strata, (drawn) => interquartileMean(pooled(drawn)), options);
}

/** Mean of all scores of all strata, with its interval. Throws RangeError as `stratifiedBootstrap`. */
export function meanInterval(strata: Strata, options: BootstrapOptions): Interval {
  return stratifiedBootstrap(strata, (drawn) => mean(pooled(drawn)), options);
}

/**
 * P(X > Y) for a random run of X and one of Y on the same task, equal scores 1/2: the Mann-Whitney
 * statistic over n_x n_y, averaged over the tasks. 0.5 = no difference. Higher scores are better;
 * for errors swap the two.
 *
 * @param x Scores of the first method, one stratum per task.
 * @param y Scores of the second, the same tasks in the same order; numbers of seeds may differ.
 * @returns In [0, 1].
 * @throws RangeError where the numbers of tasks differ, or a task has no finite score.
 */
export function probabilityOfImprovement(x: Strata, y: Strata): number {
  const [xs, ys] = checkedTasks(x, y);
  return improvement(xs, ys);
}

/** `probabilityOfImprovement` with its interval and errors; both methods' seeds are drawn anew. */
export function probabilityOfImprovementInterval(
  x: Strata,
  y: Strata,
  options: BootstrapOptions,
): Interval {
  const [xs, ys] = checkedTasks(x, y);
  const statistic: Statistic = (drawn) =>
    improvement(drawn.slice(0, xs.length), drawn.slice(xs.length));
  return stratifiedBootstrap([...xs, ...ys], statistic, options);
}

/**
 * The least-squares slope of values over x, in their unit per unit of x.
 *
 * @param x At least two different finite numbers.
 * @param values One finite value per x, in the same order.
 * @throws RangeError for other numbers, or another number of values.
 */
export function leastSquaresSlope(x: ArrayLike<number>, values: ArrayLike<number>): number {
  return slopeOver(x, values, "x");
}

/**
 * How a metric moves with size in one seed: the least-squares slope of its values over log10 of the sizes, in units of
 * the metric per tenfold size. One number a seed, which `studentInterval` and `decide` take.
 *
 * @param sizes Parameters, FLOPs, examples: at least two different positive numbers.
 * @param values One finite value per size, in the same order.
 * @throws RangeError for other sizes, or another number of values.
 */
export function slopePerDecade(sizes: ArrayLike<number>, values: ArrayLike<number>): number {
  const decades = Array.from(sizes, (size, i) => {
    if (size > 0 && size < Infinity) return log(size) / log(10);
    throw new RangeError(`sizes[${i}]: ${size}: give a positive number`);
  });
  return slopeOver(decades, values, "sizes");
}

function slopeOver(x: ArrayLike<number>, values: ArrayLike<number>, name: string): number {
  if (x.length !== values.length) {
    throw new RangeError(`values: ${values.length}: give one for each of the ${x.length} ${name}`);
  }
  for (let i = 0; i < x.length; i++) {
    checkElement(x[i], name, i, "give a finite number");
    checkElement(values[i], "values", i, "give a finite number, or leave the seed out");
  }
  if (new Set(Array.from(x)).size < 2) {
    throw new RangeError(`${name}: give at least two different ones`);
  }
  const centre = mean(x);
  const offsets = Array.from(x, (value) => value - centre);
  const spread = sum(offsets.map((offset) => offset * offset));
  return sum(offsets.map((offset, i) => offset * values[i]!)) / spread;
}

function improvement(x: readonly Float64Array[], y: readonly Float64Array[]): number {
  return mean(x.map((xs, task) => {
    const ys = y[task]!;
    let wins = 0;
    for (const a of xs) for (const b of ys) wins += a > b ? 1 : a === b ? 0.5 : 0;
    return wins / (xs.length * ys.length);
  }));
}

function checkedTasks(x: Strata, y: Strata): [Float64Array[], Float64Array[]] {
  if (x.length !== y.length) {
    throw new RangeError(`y: ${y.length} tasks: must be the same ${x.length} tasks as x`);
  }
  return [checkedStrata(x, "x"), checkedStrata(y, "y")];
}

/** All scores in one array, stratum after stratum. */
function pooled(strata: readonly Float64Array[]): Float64Array {
  const scores = new Float64Array(strata.reduce((length, { length: more }) => length + more, 0));
  let offset = 0;
  for (const stratum of strata) {
    scores.set(stratum, offset);
    offset += stratum.length;
  }
  return scores;
}
