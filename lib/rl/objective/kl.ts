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
 *
 * k3 grows as e^(-x) where the policy has left a token that the reference likes. verl clamps x to -20..20 and then k3 to
 * at most 10, TRL clamps neither. Here the estimate is verl's. As a loss the clamp of k3 is an option (`klClamp` of the
 * policy's objective), for what it holds constant has no gradient: from x < -2.6 on nothing pulls the policy back.
 */
import { UsageError } from "../../errors.ts";
import { expm1 } from "../../numeric/math.ts";
import { checkFinite } from "../../numeric/finite.ts";
import type { Rollout } from "../rollout.ts";
import { clampLogRatio, LOG_RATIO_LIMIT } from "./log_ratio.ts";

/** The estimators. */
export type KlEstimator = "k1" | "k2" | "k3";
/** Those whose gradient as a loss is of use. */
export type KlLoss = "k2" | "k3";

/** The largest k3 that is reported, in nats; verl's. */
export const K3_LIMIT = 10;

/** One token's estimate in nats; `x` = log pi(y) - log ref(y). k3 is clamped to 0..10. */
export function klEstimate(estimator: KlEstimator, x: number): number {
  if (estimator === "k1") return x;
  return estimator === "k2" ? x * x / 2 : Math.min(K3_LIMIT, k3(x));
}

/**
 * -d k / d log pi: what one token's weight gets from a loss of coefficient 1.
 *
 * @param limit Of k3: 0 where it is above. It is 0 below x = -20 in any case, where e^(-x) is clamped.
 */
export function klWeight(loss: KlLoss, x: number, limit: number = Infinity): number {
  if (loss === "k2") return -x;
  return x < -LOG_RATIO_LIMIT || k3(x) > limit ? 0 : expm1(-x);
}

/** k3 of a clamped x. */
export function k3(x: number): number {
  const clamped = clampLogRatio(x);
  return expm1(-clamped) + clamped;
}

/**
 * The rollout with -coefficient * k1 added to its tokens' rewards. Do it before the advantages are estimated. The
 * behaviour policy takes the place of pi: after the first optimizer step k1 is as old as the advantages.
 *
 * Value targets then contain the penalty and may leave 0..1, where critics refuse them (`valueTarget`): use a KL loss
 * with a critic.
 *
 * @throws UsageError for a rollout without reference log-probabilities, and for a log-probability that is not finite.
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
  logProbabilities.forEach((p, t) => checkFinite(`rollout.logProbabilities[${t}]`, p));
  reference.forEach((p, t) => checkFinite(`rollout.referenceLogProbabilities[${t}]`, p));
  return {
    ...rollout,
    tokenRewards: logProbabilities.map((p, t) =>
      (tokenRewards?.[t] ?? 0) - coefficient * (p - reference[t]!)
    ),
  };
}
