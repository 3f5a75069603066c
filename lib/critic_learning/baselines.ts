import { UsageError } from "../errors.ts";
import { sum } from "../numeric/sums.ts";

/**
 * What a reward is compared with, b_i:
 *
 * - "raw": 0, as in GenAC's Algorithm 1 (arXiv 2604.10701).
 * - "leave-one-out": the mean of the other K - 1 rewards (the RLOO estimator; Kool et al. 2019; Ahmadian et al. 2024,
 *   arXiv 2402.14740).
 * - "leave-one-out-by-outcome": the mean of the other rewards with the same outcome, so that the luck of the rollout does
 *   not pass for the quality of the response. The outcome is independent of the response given the state. A response that
 *   is alone with its outcome is compared with all others: leaving it out would bias the critic towards 0 and 1, for it is
 *   the rarer outcome that is alone.
 */
export const BASELINES = ["raw", "leave-one-out", "leave-one-out-by-outcome"] as const;
/** One of them. */
export type Baseline = typeof BASELINES[number];

/**
 * Advantages of the K responses to one prompt: A_i = R_i - b_i. Every baseline is independent of response i, so that the
 * expectation of sum_i A_i grad log pi(y_i) is that of sum_i R_i grad log pi(y_i).
 *
 * @param returns K numbers, whatever is to be maximised.
 * @param outcomes K outcomes, 0 or 1.
 * @returns K advantages, in the unit of the returns.
 * @throws UsageError for fewer than 2 responses with any baseline but "raw".
 */
export function advantages(
  baseline: Baseline,
  returns: readonly number[],
  outcomes: readonly number[],
): number[] {
  if (baseline === "raw") return [...returns];
  if (returns.length < 2) {
    throw new UsageError("responses", returns.length, `the baseline ${baseline} needs 2 or more`);
  }
  return returns.map((own, i) => {
    const others = returns.map((_, j) => j).filter((j) => j !== i);
    const alike = others.filter((j) => outcomes[j] === outcomes[i]);
    const compared = baseline === "leave-one-out" || alike.length === 0 ? others : alike;
    return own - sum(compared.map((j) => returns[j]!)) / compared.length;
  });
}
