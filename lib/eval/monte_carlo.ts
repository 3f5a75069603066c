/**
 * What is known of a critic where values are Monte Carlo estimates, and not exact: the mean outcome of n continuations has
 * a variance of V(1-V)/n for outcomes of 0 and 1, which every comparison with it contains.
 */
import { isConstant, mean, populationVariance } from "../numeric/sums.ts";
import { checkElement, parsedPairs, type Predictions } from "./pairs.ts";
import { mse } from "./value_errors.ts";

/**
 * The variance of Monte Carlo values about the true ones, mean over states of m(1-m)/(n-1): unbiased for outcomes of 0 and
 * 1, and too large, if anything, for those between.
 *
 * @param means In [0, 1], the mean outcome of each state's continuations.
 * @param counts How many continuations a state has.
 * @returns Null if some state has one continuation, which says nothing of its spread.
 */
export function monteCarloNoise(
  means: ArrayLike<number>,
  counts: ArrayLike<number>,
): number | null {
  checkMonteCarlo(means, counts);
  if (Array.from(counts).some((n) => n < 2)) return null;
  return mean(Array.from(means, (m, i) => m * (1 - m) / (counts[i]! - 1)));
}

/**
 * The mean squared error against the true values, estimated: the error against the Monte Carlo values less their own
 * variance (`monteCarloNoise`), over the parsed predictions. Unbiased where the critic did not see the continuations; below
 * 0 by chance for a critic that is nearly perfect.
 *
 * @returns Null as `monteCarloNoise`, and if nothing was parsed.
 */
export function debiasedMse(
  predictions: Predictions,
  means: ArrayLike<number>,
  counts: ArrayLike<number>,
): number | null {
  checkMonteCarlo(means, counts);
  const { predicted, exact } = parsedPairs(predictions, means, "means");
  const parsedCounts = parsedPairs(predictions, counts, "counts").exact;
  if (predicted.length === 0) return null;
  const noise = monteCarloNoise(exact, parsedCounts);
  return noise === null ? null : mse(predicted, exact)! - noise;
}

/**
 * 1 - Var(return - prediction) / Var(return), over the parsed predictions: what verl, TRL and others log of a value model.
 * A constant offset of the predictions costs nothing. With returns of one sample each even the true values stay below
 * `explainedVarianceCeiling`.
 *
 * @returns Null if nothing was parsed or the returns are constant.
 */
export function explainedVariance(
  predictions: Predictions,
  returns: ArrayLike<number>,
): number | null {
  const { predicted, exact } = parsedPairs(predictions, returns, "returns");
  if (exact.length === 0 || isConstant(exact)) return null;
  const residuals = exact.map((value, i) => value - predicted[i]!);
  return 1 - populationVariance(residuals) / populationVariance(exact);
}

/**
 * What `explainedVariance` would be of the true values: 1 - E[V(1-V)] / Var(return), E[V(1-V)] from Monte Carlo values
 * without bias (m(1-m) n/(n-1)).
 *
 * @param returns The outcome of each state's rollout.
 * @returns Null if a state has one continuation, or the returns are constant.
 */
export function explainedVarianceCeiling(
  means: ArrayLike<number>,
  counts: ArrayLike<number>,
  returns: ArrayLike<number>,
): number | null {
  checkMonteCarlo(means, counts);
  const { exact } = parsedPairs(means, returns, "returns");
  if (Array.from(counts).some((n) => n < 2) || isConstant(exact)) return null;
  const spread = mean(Array.from(means, (m, i) => m * (1 - m) * counts[i]! / (counts[i]! - 1)));
  return 1 - spread / populationVariance(exact);
}

function checkMonteCarlo(means: ArrayLike<number>, counts: ArrayLike<number>): void {
  if (means.length !== counts.length) {
    throw new RangeError(`counts: length ${counts.length}: must equal the ${means.length} means`);
  }
  for (let i = 0; i < means.length; i++) {
    const m = means[i], n = counts[i];
    checkElement(m, "means", i, "give a number in [0, 1]");
    if (!(m >= 0 && m <= 1)) throw new RangeError(`means[${i}]: ${m}: give a number in [0, 1]`);
    if (!Number.isInteger(n) || n! < 1) {
      throw new RangeError(`counts[${i}]: ${n}: give how many continuations there were, 1 or more`);
    }
  }
}
