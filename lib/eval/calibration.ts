/**
 * Whether predicted values mean what they say: reliability bins and the expected calibration error.
 */
import { parsedPairs, type Predictions } from "./pairs.ts";
import { sum } from "./sums.ts";

/**
 * Eleven bins part [0, 1] so that the generative critic's eleven values 0, 0.1, ..., 1 lie one to a
 * bin and at least 0.009 from its neighbours, in float32 as in float64. (With ten, 0.9 and 1
 * share a bin, and the float32 nearest to 0.7 falls into the bin below.)
 */
export const DEFAULT_BINS = 11;

/** The predictions in [lower, upper); the last bin includes 1. */
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
    const bin = members[Math.max(0, Math.min(bins - 1, Math.floor(value * bins)))]!;
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
