/**
 * Everything an experiment says about a critic's values, in one call.
 */
import { calibration, type CalibrationBin, DEFAULT_BINS } from "./calibration.ts";
import { bias, brier, mae, mse, parseRate, penalizedMse, r2, rmse } from "./value_errors.ts";
import { parsedPairs, type Predictions } from "./pairs.ts";
import { kendall, pearson, rankingAccuracy, rocAuc, snapTies, spearman } from "./ranking.ts";
import { type SliceSummary, summarizeBySlice } from "./slices.ts";
import { isConstant, mean, populationVariance } from "../numeric/sums.ts";

/** How to report. */
export interface ValueReportOptions {
  /** One rollout's outcome (0 or 1) per state: adds the Brier score and the ROC AUC. */
  readonly outcomes?: ArrayLike<number>;
  /** Calibration bins over [0, 1]; default 11, one for each integer answer 0..10. */
  readonly bins?: number;
  /**
   * Ranking accuracy counts pairs whose exact values differ by more than this decimal (see
   * `rankingAccuracy`); default 0.
   */
  readonly rankingMargin?: number;
  /**
   * Exact values this close count as equal where order or spread matters (see `snapTies`); default
   * 1e-9.
   */
  readonly tieTolerance?: number;
  /** A slice label per state, e.g. from `sliceByPosition`: adds `slices`. */
  readonly slices?: ArrayLike<string>;
  /** The slices to report, in order; default those that occur. */
  readonly sliceNames?: readonly string[];
}

/**
 * Plain numbers, safe in JSON. All but n, parsed, parseRate, penalizedMse, rankingAccuracy,
 * meanExact and varianceExact are over the parsed predictions only, and null if there are none.
 */
export interface ValueMetrics {
  /** States. */
  readonly n: number;
  /** Predictions that could be parsed. */
  readonly parsed: number;
  /** parsed / n. */
  readonly parseRate: number;
  readonly mse: number | null;
  /** Mean squared error with 1 charged for an unparsed prediction. */
  readonly penalizedMse: number;
  readonly rmse: number | null;
  readonly mae: number | null;
  /** Mean of prediction - exact. */
  readonly bias: number | null;
  /** 1 - MSE / Var(exact). Null if the exact values are constant. */
  readonly r2: number | null;
  /** Null, as the next two, if predictions or exact values are constant. */
  readonly pearson: number | null;
  readonly spearman: number | null;
  /** Tau-b. */
  readonly kendall: number | null;
  /** A pair with an unparsed prediction counts 1/2. Null if no two exact values differ by more than the margin. */
  readonly rankingAccuracy: number | null;
  /** Expected calibration error against the exact values. */
  readonly ece: number | null;
  /** Null without outcomes. */
  readonly brier: number | null;
  /** Area under the ROC curve of the outcomes. Null without outcomes, or if all are the same. */
  readonly auc: number | null;
  readonly meanPrediction: number | null;
  /** Over all states. */
  readonly meanExact: number;
  /** Population variance over all states: the MSE of always predicting `meanExact`. */
  readonly varianceExact: number;
}

/** `ValueMetrics` of all states, with the reliability diagram and the metrics by slice. */
export interface ValueReport extends ValueMetrics {
  readonly calibration: readonly CalibrationBin[];
  /** Null unless slices were asked for. */
  readonly slices: readonly SliceSummary<ValueMetrics>[] | null;
}

/**
 * Judges predicted values against exact ones.
 *
 * @param predictions Length n; `null` or NaN where the critic's answer could not be parsed.
 * @param exact Length n, the exact value of each state in [0, 1].
 * @throws RangeError on bad input, naming the argument.
 *
 * @example Three states, of which the critic answered two
 * ```ts
 * import assert from "node:assert/strict";
 * import { valueReport } from "genac";
 *
 * const report = valueReport([0.2, null, 0.8], [0, 0.5, 1]);
 * assert.equal(report.parsed, 2);
 * assert.equal(report.rankingAccuracy, 2 / 3);
 * assert.ok(Math.abs(report.rmse! - 0.2) < 1e-12);
 * ```
 */
export function valueReport(
  predictions: Predictions,
  exact: ArrayLike<number>,
  options: ValueReportOptions = {},
): ValueReport {
  const { outcomes, slices, sliceNames, bins = DEFAULT_BINS } = options;
  return {
    ...valueMetrics(predictions, exact, outcomes, options),
    calibration: calibration(predictions, exact, bins).bins,
    slices: slices === undefined ? null : summarizeBySlice(
      slices,
      predictions,
      // Indices in place of exact values, so that outcomes can be cut the same way.
      Array.from({ length: exact.length }, (_, state) => state),
      (slicePredictions, states) =>
        valueMetrics(
          slicePredictions,
          states.map((state) => exact[state]!),
          outcomes && states.map((state) => outcomes[state]!),
          options,
        ),
      sliceNames,
    ),
  };
}

function valueMetrics(
  predictions: Predictions,
  exact: ArrayLike<number>,
  outcomes: ArrayLike<number> | undefined,
  options: ValueReportOptions,
): ValueMetrics {
  const { bins = DEFAULT_BINS, rankingMargin = 0, tieTolerance = 1e-9 } = options;
  const { predicted, total } = parsedPairs(predictions, exact);
  const ranked = snapTies(exact, tieTolerance);
  // A variance that is only rounding would make r2 and the correlation meaningless.
  const constant = isConstant(parsedPairs(predictions, ranked).exact);
  return {
    n: total,
    parsed: predicted.length,
    parseRate: parseRate(predictions),
    mse: mse(predictions, exact),
    penalizedMse: penalizedMse(predictions, exact),
    rmse: rmse(predictions, exact),
    mae: mae(predictions, exact),
    bias: bias(predictions, exact),
    r2: constant ? null : r2(predictions, exact),
    pearson: constant ? null : pearson(predictions, exact),
    spearman: spearman(predictions, ranked),
    kendall: kendall(predictions, ranked),
    rankingAccuracy: rankingAccuracy(predictions, ranked, rankingMargin),
    ece: calibration(predictions, exact, bins).ece,
    brier: outcomes === undefined ? null : brier(predictions, outcomes),
    auc: outcomes === undefined ? null : rocAuc(predictions, outcomes),
    meanPrediction: predicted.length === 0 ? null : mean(predicted),
    meanExact: mean(exact),
    varianceExact: populationVariance(exact),
  };
}
