/**
 * The GAE family: advantages as weighted sums of the TD errors of a critic's values,
 *
 *     A_t = delta_t + gamma lambda_t A_(t+1),     delta_t = r_t + gamma V_(t+1) - V_t
 *
 * with V_T = 0 after the last token (but see `valuesAfter`). The members differ in lambda_t, and in the lambda of the
 * critic's targets.
 */
import * as z from "zod";
import type { Rollout } from "../rollout.ts";
import { type AdvantageEstimate, defineEstimator } from "./estimator.ts";
import {
  boundary,
  criticLambda,
  gamma,
  maxSegments,
  threshold,
  type Truncation,
  truncation,
} from "./options.ts";
import { lambdaReturns, tokenRewards, valuesAfter } from "./returns.ts";
import { segmentStarts } from "./segments.ts";

/**
 * Generalized advantage estimation (Schulman et al. 2016, arXiv 1506.02438, equation 16):
 *
 *     A_t = sum_{k >= 0} (gamma lambda)^k delta_(t+k)
 *
 * lambda = 0 is the TD error: all bias of V, little variance. lambda = 1 is the Monte Carlo return less V_t: V is a
 * baseline only and cannot bias the gradient.
 */
export const gae = defineEstimator({
  title: "GAE",
  source: "Schulman et al. 2016, arXiv 1506.02438",
  needs: ["values"],
  options: z.strictObject({
    gamma,
    lambda: z.number().min(0).max(1).default(0.95).describe(
      "Weight of what follows against the value of the next state, for advantages and value targets.",
    ),
    truncation,
  }),
  estimate: (rollouts, { lambda, ...options }) =>
    fromValues(rollouts, { ...options, criticLambda: lambda }, () => () => lambda),
});

/**
 * Value-calibrated PPO (Yuan et al. 2025, arXiv 2503.01491), "decoupled GAE": the policy's advantages are GAE with
 * lambda 0.95, the critic's targets use lambda 1, so that the outcome reaches the first tokens undamped. The paper's
 * other half, training the critic on a frozen policy first, is lib/critic_learning/prepare.ts.
 */
export const vcPpo = defineEstimator({
  title: "VC-PPO",
  source: "Yuan et al. 2025, arXiv 2503.01491",
  needs: ["values"],
  options: z.strictObject({
    gamma,
    actorLambda: z.number().min(0).max(1).default(0.95).describe("Lambda of the advantages."),
    criticLambda,
    truncation,
  }),
  estimate: (rollouts, { actorLambda, ...options }) =>
    fromValues(rollouts, options, () => () => actorLambda),
});

/**
 * VAPO (Yue et al. 2025, arXiv 2504.05118), "length-adaptive GAE": decoupled GAE whose actor lambda depends on the
 * number of tokens T of the response,
 *
 *     lambda = 1 - 1 / (alpha T),     so that sum_{k >= 0} lambda^k = alpha T:
 *
 * the weights of the TD errors reach over the same share of every response. Below alpha T = 1 the formula is negative
 * and lambda is 0: with the paper's alpha = 0.05, made for thousands of tokens, that is every response of 20 tokens or
 * fewer.
 *
 * The paper's clips (0.2, 0.28), its token mean and its NLL on positives are in lib/rl/objective.
 */
export const vapo = defineEstimator({
  title: "VAPO",
  source: "Yue et al. 2025, arXiv 2504.05118",
  needs: ["values"],
  options: z.strictObject({
    gamma,
    alpha: z.number().positive().default(0.05).describe(
      "Share of the response over which TD errors count; raise it for responses of tens of tokens.",
    ),
    criticLambda,
    truncation,
  }),
  estimate: (rollouts, { alpha, ...options }) =>
    fromValues(rollouts, options, ({ logProbabilities }) => {
      const lambda = lengthAdaptiveLambda(logProbabilities.length, alpha);
      return () => lambda;
    }),
});

/** max(0, 1 - 1 / (alpha T)) for T > 0 tokens, in [0, 1). */
export function lengthAdaptiveLambda(tokens: number, alpha: number): number {
  return Math.max(0, 1 - 1 / (alpha * tokens));
}

/**
 * Segmental advantage estimation (Gong et al. 2026, arXiv 2601.07320): GAE that trusts the value of the next state only
 * where a new segment begins,
 *
 *     lambda_t = lambda where token t+1 has probability below p, else 1
 *
 * with p = 0.2. Inside a segment the values between cancel: A_t is the return up to the segment's end, plus the value
 * there (and lambda times the advantage there), less V_t. With every token a boundary it is GAE, with none GAE of
 * lambda 1.
 *
 * lambda's default is GAE's usual one, not the paper's. The critic's lambda is 1 as in VC-PPO. Boundaries after the
 * token and a limit of segments are not in the paper; see `segmentStarts`, also for the bias.
 */
export const sae = defineEstimator({
  title: "SAE",
  source: "Gong et al. 2026, arXiv 2601.07320",
  needs: ["values"],
  options: z.strictObject({
    gamma,
    lambda: z.number().min(0).max(1).default(0.95).describe("Lambda from one segment to the next."),
    threshold,
    boundary,
    maxSegments: maxSegments(null),
    criticLambda,
    truncation,
  }),
  estimate: (rollouts, { lambda, ...options }) =>
    fromValues(rollouts, options, ({ logProbabilities }) => {
      const starts = new Set(segmentStarts(logProbabilities, options));
      return (t) => starts.has(t + 1) ? lambda : 1;
    }),
});

/** GAE with the lambda of each rollout's tokens, and lambda-returns as the critic's targets. */
function fromValues(
  rollouts: readonly Rollout[],
  options: { gamma: number; criticLambda: number; truncation: Truncation },
  lambdaOf: (rollout: Rollout) => (t: number) => number,
): AdvantageEstimate[] {
  const { gamma, criticLambda, truncation } = options;
  const after = valuesAfter(rollouts, truncation);
  return rollouts.map((rollout, i) => {
    const r = tokenRewards(rollout), V = rollout.values as number[];
    return {
      advantages: generalizedAdvantages(r, V, gamma, lambdaOf(rollout), after[i]),
      valueTargets: lambdaReturns(r, V, gamma, criticLambda, after[i]),
    };
  });
}

/**
 * A_t = delta_t + gamma lambda(t) A_(t+1), with a lambda that may differ from token to token.
 *
 * @param r Rewards (T), the verifier's included.
 * @param V Values (T), each before its token.
 * @param after V_T, the value after the last token.
 * @returns Advantages (T).
 */
export function generalizedAdvantages(
  r: readonly number[],
  V: readonly number[],
  gamma: number,
  lambda: (t: number) => number,
  after = 0,
): number[] {
  const T = r.length;
  const A = new Array<number>(T);
  let nextValue = after, nextAdvantage = 0;
  for (let t = T - 1; t >= 0; t--) {
    const delta = r[t]! + gamma * nextValue - V[t]!;
    A[t] = delta + gamma * lambda(t) * nextAdvantage;
    nextValue = V[t]!;
    nextAdvantage = A[t]!;
  }
  return A;
}
