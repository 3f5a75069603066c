import { isConstant, mean, populationVariance } from "../../numeric/sums.ts";
import { checkFinite } from "../../numeric/finite.ts";

/** The sample standard deviation (divided by n - 1); exactly 0 for equal values and for fewer than two. */
export function standardDeviation(values: readonly number[]): number {
  const n = values.length;
  if (n < 2 || isConstant(values)) return 0;
  return Math.sqrt(populationVariance(values) * n / (n - 1));
}

/**
 * (A - mean) / (std + epsilon) over all tokens of the batch, as PPO implementations do before the loss. It removes the
 * advantages' scale, and with it the difference between a batch that teaches much and one that teaches little. All 0
 * where all advantages are equal.
 *
 * @param advantages Any number of arrays, one per rollout; unchanged.
 * @throws UsageError for a number that is not finite: it would make all of them so.
 */
export function whiten(
  advantages: readonly (readonly number[])[],
  epsilon: number = 1e-8,
): number[][] {
  advantages.forEach((A, i) => A.forEach((a, t) => checkFinite(`advantages[${i}][${t}]`, a)));
  const all = advantages.flat();
  const std = standardDeviation(all);
  if (std === 0) return advantages.map((A) => A.map(() => 0));
  const centre = mean(all);
  return advantages.map((A) => A.map((a) => (a - centre) / (std + epsilon)));
}
