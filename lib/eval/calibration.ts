/**
 * Whether predicted values mean what they say: reliability bins and the expected calibration error.
 */
import { parsedPairs, type Predictions } from "./pairs.ts";
import { sum } from "../numeric/sums.ts";

/**
 * Eleven bins part [0, 1] so that the generative critic's eleven values 0, 0.1, ..., 1 lie one to a
 * bin and at least 0.009 from its neighbours, in float32 as in float64. (With ten, 0.9 and 1
 * share a bin, and the float32 nearest to 0.7 falls into the bin below.)
 */
export const DEFAULT_BINS = 11;

/**
 * The predictions in [lower, upper); the last bin includes 1. Bin k of B lies between the float64
 * numbers k / B and (k + 1) / B, as in `numpy.histogram(values, np.arange(B + 1) / B)`. (Some of
 * `np.linspace(0, 1, B + 1)` are an ulp off: the 0.7 of its 50 bins is 0.7000000000000001.)
 */
export interface CalibrationBin {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
  /** Null if the bin is empty. */
  readonly meanPrediction: number | null;
  /** Mean exact value (or outcome) of the states in the bin; null if it is empty. */
  readonly meanTarget: number | null;
}

/** A reliability diagram in numbers. */
export interface Calibration {
  readonly bins: readonly CalibrationBin[];
  /**
   * Expected calibration error, in [0, 1] for predictions in [0, 1]: the mean of
   * |mean prediction - mean target| over the bins, weighted by count (Guo et al. 2017). Null if
   * nothing was parsed. It depends on the number of bins: compare only equal ones.
   */
  readonly ece: number | null;
}

/**
 * Sorts the parsed predictions into equal-width bins over [0, 1]; one outside falls into the first
 * or last bin but keeps its value in the bin's mean.
 *
 * @param predictions Length n; `null` or NaN = unparsed and left out.
 * @param targets Length n: exact values, or outcomes 0 and 1.
 * @param bins A positive integer.
 */
export function calibration(
  predictions: Predictions,
  targets: ArrayLike<number>,
  bins: number = DEFAULT_BINS,
): Calibration {
  if (!Number.isInteger(bins) || bins < 1) {
    throw new RangeError(`bins: ${bins}: give a positive integer`);
  }
  const { predicted, exact } = parsedPairs(predictions, targets, "targets");
  const members = Array.from(
    { length: bins },
    () => ({ predictions: [] as number[], targets: [] as number[] }),
  );
  predicted.forEach((value, i) => {
    const bin = members[binOf(value, bins)]!;
    bin.predictions.push(value);
    bin.targets.push(exact[i]!);
  });
  const gaps = members.map((bin) => Math.abs(sum(bin.predictions) - sum(bin.targets)));
  return {
    bins: members.map(({ predictions, targets }, k) => {
      const count = predictions.length;
      return {
        lower: k / bins,
        upper: (k + 1) / bins,
        count,
        meanPrediction: count === 0 ? null : sum(predictions) / count,
        meanTarget: count === 0 ? null : sum(targets) / count,
      };
    }),
    // count/n * |difference of means| = |difference of sums| / n
    ece: predicted.length === 0 ? null : sum(gaps) / predicted.length,
  };
}

/**
 * As `calibration`, with bins that hold as many predictions each as can be: the sorted predictions are cut into `bins`
 * runs, whose lengths differ by one at most, and a cut between equal predictions is moved up to their end, so that the
 * order of the states does not matter. A critic with few different answers so gets fewer bins. `lower` and `upper` are the
 * smallest and the largest prediction in the bin.
 */
export function equalCountCalibration(
  predictions: Predictions,
  targets: ArrayLike<number>,
  bins = 10,
): Calibration {
  if (!Number.isInteger(bins) || bins < 1) {
    throw new RangeError(`bins: ${bins}: give a positive integer`);
  }
  const { predicted, exact } = parsedPairs(predictions, targets, "targets");
  const n = predicted.length;
  const order = Array.from(predicted, (_, i) => i)
    .sort((a, b) => predicted[a]! - predicted[b]! || a - b);
  const made: CalibrationBin[] = [], gaps: number[] = [];
  for (let start = 0, k = 1; start < n; k++) {
    let end = Math.floor(k * n / bins);
    if (end <= start) continue;
    while (end < n && predicted[order[end]!] === predicted[order[end - 1]!]) end++;
    const members = order.slice(start, end);
    const [p, t] = [predicted, exact].map((values) => sum(members.map((i) => values[i]!)));
    made.push({
      lower: predicted[members[0]!]!,
      upper: predicted[members.at(-1)!]!,
      count: members.length,
      meanPrediction: p! / members.length,
      meanTarget: t! / members.length,
    });
    gaps.push(Math.abs(p! - t!));
    start = end;
  }
  return { bins: made, ece: n === 0 ? null : sum(gaps) / n };
}

/** The bin between whose edges a value lies, 0..bins - 1; the nearest one of a value outside [0, 1]. */
function binOf(value: number, bins: number): number {
  const k = Math.floor(value * bins);
  // The product is rounded, so that a value beside an edge may land a bin off: 0.58 * 50 < 29.
  const bin = value < k / bins ? k - 1 : value >= (k + 1) / bins ? k + 1 : k;
  return Math.max(0, Math.min(bins - 1, bin));
}
