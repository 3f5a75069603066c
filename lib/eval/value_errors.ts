/**
 * How far predicted values lie from exact ones.
 *
 * Unparsed predictions (`null` or NaN) are left out of every function here but `penalizedMse`, so
 * `parseRate` belongs next to all of them. A quantity that is undefined is `null`, never NaN: all
 * of them if no prediction could be parsed, r2 also if the exact values are constant.
 */
import { isUnparsed, parsedPairs, type Predictions } from "./pairs.ts";
import { isConstant, populationVariance, sum } from "../numeric/sums.ts";

/** What `penalizedMse` charges for an unparsed prediction: the worst error of a value in [0, 1]. */
export const UNPARSED_PENALTY = 1;

/** Mean squared error of the parsed predictions. */
export function mse(predictions: Predictions, exact: ArrayLike<number>): number | null {
  const { squares } = squaredErrors(predictions, exact);
  return squares.length === 0 ? null : sum(squares) / squares.length;
}

/**
 * Mean over all states of the squared error, or 1 where the prediction is unparsed: a critic cannot
 * gain by failing to answer. Never null.
 */
export function penalizedMse(predictions: Predictions, exact: ArrayLike<number>): number {
  const { squares, total } = squaredErrors(predictions, exact);
  return (sum(squares) + (total - squares.length) * UNPARSED_PENALTY) / total;
}

/** Square root of `mse`. */
export function rmse(predictions: Predictions, exact: ArrayLike<number>): number | null {
  const error = mse(predictions, exact);
  return error === null ? null : Math.sqrt(error);
}

/** Mean absolute error of the parsed predictions. */
export function mae(predictions: Predictions, exact: ArrayLike<number>): number | null {
  const pairs = parsedPairs(predictions, exact);
  return meanOf(pairs.predicted.map((value, i) => Math.abs(value - pairs.exact[i]!)));
}

/** Mean of prediction - exact over the parsed predictions: positive = optimistic. */
export function bias(predictions: Predictions, exact: ArrayLike<number>): number | null {
  const pairs = parsedPairs(predictions, exact);
  return meanOf(pairs.predicted.map((value, i) => value - pairs.exact[i]!));
}

/**
 * 1 - MSE / Var(exact), both over the parsed predictions, Var with divisor n: 1 = perfect, 0 = as
 * good as always predicting the mean exact value, negative = worse. Not a squared correlation.
 */
export function r2(predictions: Predictions, exact: ArrayLike<number>): number | null {
  const pairs = parsedPairs(predictions, exact);
  if (pairs.exact.length === 0 || isConstant(pairs.exact)) return null;
  const variance = populationVariance(pairs.exact);
  // Values one ulp apart near zero can differ and still have a variance that underflows.
  return variance === 0 ? null : 1 - mse(pairs.predicted, pairs.exact)! / variance;
}

/**
 * Brier score: mean squared error against the outcomes, of the parsed predictions. Unlike `mse`
 * against exact values it does not reach 0: Var(outcome | state) remains.
 *
 * @param outcomes 0 or 1 per state.
 */
export function brier(predictions: Predictions, outcomes: ArrayLike<number>): number | null {
  checkOutcomes(outcomes);
  const { predicted, exact } = parsedPairs(predictions, outcomes, "outcomes");
  return predicted.length === 0 ? null : mse(predicted, exact);
}

/** The share of predictions that could be parsed, in [0, 1]. */
export function parseRate(predictions: Predictions): number {
  if (predictions.length === 0) throw new RangeError("predictions: empty: give at least one state");
  let parsed = 0;
  for (let i = 0; i < predictions.length; i++) if (!isUnparsed(predictions[i])) parsed++;
  return parsed / predictions.length;
}

/** RangeError unless every outcome is 0 or 1. */
export function checkOutcomes(outcomes: ArrayLike<number>): void {
  for (let i = 0; i < outcomes.length; i++) {
    if (outcomes[i] !== 0 && outcomes[i] !== 1) {
      throw new RangeError(`outcomes[${i}]: ${outcomes[i]}: give 0 (failure) or 1 (success)`);
    }
  }
}

function squaredErrors(
  predictions: Predictions,
  exact: ArrayLike<number>,
): { squares: Float64Array; total: number } {
  const pairs = parsedPairs(predictions, exact);
  const squares = pairs.predicted.map((value, i) => {
    const error = value - pairs.exact[i]!;
    return error * error;
  });
  return { squares, total: pairs.total };
}

function meanOf(values: Float64Array): number | null {
  return values.length === 0 ? null : sum(values) / values.length;
}
