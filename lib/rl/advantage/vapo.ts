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
import * as z from "zod";
import type { AdvantageEstimator } from "./estimator.ts";
import { generalizedAdvantages } from "./gae.ts";
import { criticLambda, gamma } from "./options.ts";
import { lambdaReturns, tokenRewards } from "./returns.ts";
import { truncation, valuesAfter } from "./truncation.ts";

const options = z.strictObject({
  gamma,
  alpha: z.number().positive().default(0.05).describe(
    "Share of the response over which TD errors count; raise it for responses of tens of tokens.",
  ),
  criticLambda,
  truncation,
});

/** See the file's header. */
export const vapo: AdvantageEstimator<z.output<typeof options>> = {
  name: "vapo",
  title: "VAPO",
  source: "Yue et al. 2025, arXiv 2504.05118",
  needs: ["values"],
  options,
  estimate(rollouts, { gamma, alpha, criticLambda, truncation }) {
    const after = valuesAfter(rollouts, truncation);
    return rollouts.map((rollout, i) => {
      const r = tokenRewards(rollout), V = rollout.values as number[];
      const lambda = lengthAdaptiveLambda(r.length, alpha);
      return {
        advantages: generalizedAdvantages(r, V, gamma, () => lambda, after[i]),
        valueTargets: lambdaReturns(r, V, gamma, criticLambda, after[i]),
      };
    });
  },
};

/** max(0, 1 - 1 / (alpha T)) for T > 0 tokens, in [0, 1). */
export function lengthAdaptiveLambda(tokens: number, alpha: number): number {
  return Math.max(0, 1 - 1 / (alpha * tokens));
}
