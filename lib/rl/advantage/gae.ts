/**
 * Generalized advantage estimation (Schulman et al. 2016, arXiv 1506.02438, equation 16):
 *
 *     A_t = sum_{k >= 0} (gamma lambda)^k delta_(t+k),     delta_t = r_t + gamma V_(t+1) - V_t
 *
 * with V_T = 0 after the last token (but see truncation.ts). lambda = 0 is the TD error: all bias of V, little variance. lambda = 1 is the
 * Monte Carlo return less V_t: V is a baseline only and cannot bias the gradient.
 */
import * as z from "zod";
import type { AdvantageEstimator } from "./estimator.ts";
import { gamma } from "./options.ts";
import { lambdaReturns, tokenRewards } from "./returns.ts";
import { truncation, valuesAfter } from "./truncation.ts";

const options = z.strictObject({
  gamma,
  lambda: z.number().min(0).max(1).default(0.95).describe(
    "Weight of what follows against the value of the next state, for advantages and value targets.",
  ),
  truncation,
});

/** See the file's header. */
export const gae: AdvantageEstimator<z.output<typeof options>> = {
  name: "gae",
  title: "GAE",
  source: "Schulman et al. 2016, arXiv 1506.02438",
  needs: ["values"],
  options,
  estimate(rollouts, { gamma, lambda, truncation }) {
    const after = valuesAfter(rollouts, truncation);
    return rollouts.map((rollout, i) => {
      const r = tokenRewards(rollout), V = rollout.values as number[];
      return {
        advantages: generalizedAdvantages(r, V, gamma, () => lambda, after[i]),
        valueTargets: lambdaReturns(r, V, gamma, lambda, after[i]),
      };
    });
  },
};

/**
 * A_t = delta_t + gamma lambda(t) A_(t+1), with a lambda that may differ from token to token.
 *
 * @param r Rewards (T), the verifier's included.
 * @param V Values (T), each before its token.
 * @param after V_T, the value after the last token.
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
