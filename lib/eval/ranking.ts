/**
 * How well predicted values order the states.
 *
 * Unparsed predictions (`null` or NaN) are left out of every function but `rankingAccuracy`, so
 * `parseRate` belongs next to the result, and a quantity that is undefined (one side constant, one
 * class only, nothing parsed) is `null`, never NaN.
 */
import { checkOutcomes } from "./value_errors.ts";
import { parsedPairs, type Predictions } from "./pairs.ts";
import { isConstant, mean, sum } from "../numeric/sums.ts";

/** Pearson's linear correlation, in [-1, 1]. Null if either side is constant. */
export function pearson(predictions: Predictions, exact: ArrayLike<number>): number | null {
  const pairs = parsedPairs(predictions, exact);
  const x = standardized(pairs.predicted);
  const y = standardized(pairs.exact);
  if (x === null || y === null) return null;
  const covariance = sum(x.map((value, i) => value * y[i]!));
  const spread = Math.sqrt(sum(x.map((v) => v * v)) * sum(y.map((v) => v * v)));
  return Math.max(-1, Math.min(1, covariance / spread));
}

/** Spearman's rank correlation, in [-1, 1]: Pearson's of the ranks, ties sharing their mean rank. */
export function spearman(predictions: Predictions, exact: ArrayLike<number>): number | null {
  const pairs = parsedPairs(predictions, exact);
  if (pairs.predicted.length === 0) return null;
  return pearson(averageRanks(pairs.predicted), averageRanks(pairs.exact));
}

/**
 * Kendall's tau-b, in [-1, 1]: (concordant - discordant pairs) / sqrt(pairs not tied in the
 * prediction x pairs not tied in the exact value). O(n log n).
 */
export function kendall(predictions: Predictions, exact: ArrayLike<number>): number | null {
  const { predicted, exact: values } = parsedPairs(predictions, exact);
  const { concordant, discordant, tied } = pairCounts(predicted, values, 0);
  const untiedExact = concordant + discordant + tied;
  const n = predicted.length;
  const untiedPredicted = n * (n - 1) / 2 - tiedPairs(predicted);
  if (untiedExact === 0 || untiedPredicted === 0) return null;
  const tau = (concordant - discordant) / Math.sqrt(untiedExact * untiedPredicted);
  return Math.max(-1, Math.min(1, tau));
}

/**
 * Pairwise ranking accuracy, in [0, 1]: over all pairs of states whose exact values differ by more
 * than `margin`, the share in which the prediction is higher for the better one; equal predictions
 * count 1/2, so a constant scores 0.5. A pair with an unparsed prediction counts 1/2 too: a critic
 * that does not answer leaves the order to a coin, and gains nothing by it. Every pair is counted,
 * none sampled, in O(n log n).
 *
 * Values and margin are meant as the decimals that they round: 0.4 - 0.3 is 0.10000000000000003 and
 * 0.3 - 0.2 is 0.09999999999999998 in float64, and neither exceeds a margin of 0.1. So a difference
 * must exceed a margin above 0 by more than 2^-50 of the largest magnitude among the exact values,
 * which is four of its ulps at most and as much as roundings of both values, their difference and the
 * margin can add up to. With margin 0 all different values are compared.
 *
 * @param margin >= 0, in units of value.
 * @returns Null if no two exact values differ by more than the margin.
 */
export function rankingAccuracy(
  predictions: Predictions,
  exact: ArrayLike<number>,
  margin = 0,
): number | null {
  const { correct, compared } = rankedPairs(predictions, exact, margin);
  return compared === 0 ? null : correct / compared;
}

/** Pairs of states to be ranked, and how many of them were ranked right. */
export interface RankedPairs {
  /** Equal or unparsed predictions count 1/2 a pair. */
  readonly correct: number;
  /** Pairs whose exact values differ by more than the margin. */
  readonly compared: number;
}

/** The counts behind `rankingAccuracy`, with its parameters. */
export function rankedPairs(
  predictions: Predictions,
  exact: ArrayLike<number>,
  margin = 0,
): RankedPairs {
  if (!(margin >= 0)) throw new RangeError(`margin: ${margin}: give a number >= 0`);
  const parsed = parsedPairs(predictions, exact);
  const all = Float64Array.from(exact);
  const least = margin === 0 ? 0 : margin + ROUNDING * largestMagnitude(all);
  const { concordant, discordant } = pairCounts(parsed.predicted, parsed.exact, least);
  const compared = pairCounts(new Float64Array(all.length), all, least).tied;
  return { correct: concordant + (compared - concordant - discordant) / 2, compared };
}

/**
 * Area under the ROC curve, in [0, 1]: the probability that a state that succeeded is given a
 * higher value than one that failed, ties 1/2.
 *
 * @param outcomes 0 or 1 per state.
 * @returns Null unless both outcomes occur.
 */
export function rocAuc(predictions: Predictions, outcomes: ArrayLike<number>): number | null {
  checkOutcomes(outcomes);
  const pairs = parsedPairs(predictions, outcomes, "outcomes");
  const ranks = averageRanks(pairs.predicted);
  const positives = sum(pairs.exact);
  const negatives = ranks.length - positives;
  if (positives === 0 || negatives === 0) return null;
  const rankSum = sum(ranks.map((rank, i) => rank * pairs.exact[i]!));
  return (rankSum - positives * (positives + 1) / 2) / (positives * negatives);
}

/** Ranks from 1 = smallest; equal values share the mean of their ranks. */
export function averageRanks(values: ArrayLike<number>): Float64Array {
  const order = ascending(values);
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let i = start; i < end; i++) ranks[order[i]!] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

/**
 * Makes values equal that only rounding keeps apart: in sorted order, a value at most `tolerance`
 * above its predecessor becomes equal to it. Two states of the same exact value can otherwise differ
 * in the last bit, because their sums ran in another order, and would count as a pair to be ranked.
 *
 * @param tolerance >= 0; far below the smallest real difference.
 */
export function snapTies(values: ArrayLike<number>, tolerance: number): Float64Array {
  if (!(tolerance >= 0)) throw new RangeError(`tolerance: ${tolerance}: give a number >= 0`);
  const order = ascending(values);
  const snapped = new Float64Array(values.length);
  let level = 0;
  for (let i = 0; i < order.length; i++) {
    const value = values[order[i]!]!;
    if (i === 0 || value - values[order[i - 1]!]! > tolerance) level = value;
    snapped[order[i]!] = level;
  }
  return snapped;
}

/** Numbers of pairs whose exact values differ by more than so much, by how they were predicted. */
interface PairCounts {
  readonly concordant: number;
  readonly discordant: number;
  /** Equal predictions. */
  readonly tied: number;
}

/** See `rankingAccuracy`. */
const ROUNDING = 2 ** -50;

/**
 * Walks the states by rising exact value. A Fenwick tree over the predictions' ranks holds the
 * states more than `least` below the current one, so that how many of them were predicted lower,
 * equal or higher takes O(log n). Float64 counts are exact up to 2^53 pairs.
 */
function pairCounts(predicted: Float64Array, exact: Float64Array, least: number): PairCounts {
  const n = predicted.length;
  const level = denseRanks(predicted);
  const order = ascending(exact);
  const tree = new Float64Array(n + 1);
  let inserted = 0;
  let concordant = 0;
  let discordant = 0;
  let tied = 0;
  for (const state of order) {
    // Rounded subtraction is monotone: states left out here are also left out of the full double loop.
    while (exact[state]! - exact[order[inserted]!]! > least) {
      for (let i = level[order[inserted]!]!; i <= n; i += i & -i) tree[i]!++;
      inserted++;
    }
    const lower = countUpTo(tree, level[state]! - 1);
    const lowerOrEqual = countUpTo(tree, level[state]!);
    concordant += lower;
    tied += lowerOrEqual - lower;
    discordant += inserted - lowerOrEqual;
  }
  return { concordant, discordant, tied };
}

function largestMagnitude(values: Float64Array): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

function countUpTo(tree: Float64Array, index: number): number {
  let count = 0;
  for (let i = index; i > 0; i -= i & -i) count += tree[i]!;
  return count;
}

/** 1, 2, ... in order of value; equal values share one. */
function denseRanks(values: Float64Array): Int32Array {
  const order = ascending(values);
  const ranks = new Int32Array(values.length);
  let rank = 0;
  for (let i = 0; i < order.length; i++) {
    if (i === 0 || values[order[i]!] !== values[order[i - 1]!]) rank++;
    ranks[order[i]!] = rank;
  }
  return ranks;
}

function tiedPairs(values: Float64Array): number {
  const sorted = values.slice().sort();
  let pairs = 0;
  for (let i = 1, run = 0; i < sorted.length; i++) {
    run = sorted[i] === sorted[i - 1] ? run + 1 : 0;
    pairs += run;
  }
  return pairs;
}

/** Indices in order of rising value; among equal values, in order of index. */
function ascending(values: ArrayLike<number>): Uint32Array {
  const order = new Uint32Array(values.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  return order.sort((a, b) => values[a]! - values[b]! || a - b);
}

/** Deviations from the mean, scaled to a largest magnitude of 1; null for constant values. */
function standardized(values: Float64Array): Float64Array | null {
  if (isConstant(values)) return null;
  const centre = mean(values);
  const deviations = values.map((value) => value - centre);
  const largest = largestMagnitude(deviations);
  return largest === 0 ? null : deviations.map((deviation) => deviation / largest);
}
