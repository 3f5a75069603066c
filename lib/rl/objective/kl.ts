/**
 * Schulman's estimators of the KL divergence of the policy pi from a reference (2020, joschu.net/blog/kl-approx.html),
 * from one token sampled by pi, with x = log pi(y) - log ref(y):
 *
 *     k1 = x                   unbiased, of either sign
 *     k2 = x^2 / 2             biased, little variance
 *     k3 = e^(-x) - 1 + x      unbiased, never negative
 *
 * What an estimator's gradient does is another matter (Tang & Munos 2025, arXiv 2506.09477). As E[grad log pi] = 0:
 *
 *     k1 as a loss     d k1 / d log pi = 1: noise of expectation 0; not offered
 *     k1 in reward     r_t <- r_t - beta x_t: the gradient of KL(pi || ref) of whole responses, in which a token also
 *                      answers for the divergence of those after it
 *     k2 as a loss     weight -beta d k2 / d log pi = -beta x: as E[x grad log pi] = grad KL(pi || ref)
 *     k3 as a loss     weight -beta d k3 / d log pi = -beta (1 - e^(-x)): as E[-e^(-x) grad log pi] =
 *                      grad KL(ref || pi), the divergence in the other direction (GRPO's choice)
 *
 * Both losses hold each state fixed: they miss what a token does to the states after it. Off policy they are, as in
 * GRPO, not reweighted.
 */
import { UsageError } from "../../errors.ts";
import { expm1 } from "../../tensor/math.ts";
import type { Rollout } from "../rollout.ts";

/** The estimators. */
export type KlEstimator = "k1" | "k2" | "k3";
/** Those whose gradient as a loss is of use. */
export type KlLoss = "k2" | "k3";

/** One token's estimate in nats; `x` = log pi(y) - log ref(y). */
export function klEstimate(estimator: KlEstimator, x: number): number {
  if (estimator === "k1") return x;
  return estimator === "k2" ? x * x / 2 : expm1(-x) + x;
}

/** -d k / d log pi: what one token's weight gets from a loss of coefficient 1. */
export function klWeight(loss: KlLoss, x: number): number {
  return loss === "k2" ? -x : expm1(-x);
}

/**
 * The rollout with -coefficient * k1 added to its tokens' rewards. Do it before the advantages are estimated. The
 * behaviour policy takes the place of pi: after the first optimizer step k1 is as old as the advantages.
 *
 * Value targets then contain the penalty and may leave 0..1. A critic whose values cannot is wrong by the penalty: use
 * a KL loss with it.
 *
 * @throws UsageError for a rollout without reference log-probabilities.
 */
export function withKlPenalty(rollout: Rollout, coefficient: number): Rollout {
  const { logProbabilities, referenceLogProbabilities: reference, tokenRewards } = rollout;
  if (reference?.length !== logProbabilities.length) {
    throw new UsageError(
      "rollout.referenceLogProbabilities.length",
      reference?.length,
      `a KL penalty needs one per token: ${logProbabilities.length}`,
    );
  }
  return {
    ...rollout,
    tokenRewards: logProbabilities.map((p, t) =>
      (tokenRewards?.[t] ?? 0) - coefficient * (p - reference[t]!)
    ),
  };
}
