/**
 * Value-calibrated PPO (Yuan et al. 2025, arXiv 2503.01491), "decoupled GAE": the policy's advantages are GAE with
 * lambda 0.95, the critic's targets use lambda 1, so that the outcome reaches the first tokens undamped. The paper's
 * other half, training the critic on a frozen policy first, belongs to the training loop.
 */
import * as z from "zod";
import type { AdvantageEstimator } from "./estimator.ts";
import { generalizedAdvantages } from "./gae.ts";
import { criticLambda, gamma } from "./options.ts";
import { lambdaReturns, tokenRewards } from "./returns.ts";
import { truncation, valuesAfter } from "./truncation.ts";

const options = z.strictObject({
  gamma,
  actorLambda: z.number().min(0).max(1).default(0.95).describe("Lambda of the advantages."),
  criticLambda,
  truncation,
});

/** See the file's header. */
export const vcPpo: AdvantageEstimator<z.output<typeof options>> = {
  name: "vc-ppo",
  title: "VC-PPO",
  source: "Yuan et al. 2025, arXiv 2503.01491",
  needs: ["values"],
  options,
  estimate(rollouts, { gamma, actorLambda, criticLambda, truncation }) {
    const after = valuesAfter(rollouts, truncation);
    return rollouts.map((rollout, i) => {
      const r = tokenRewards(rollout), V = rollout.values as number[];
      return {
        advantages: generalizedAdvantages(r, V, gamma, () => actorLambda, after[i]),
        valueTargets: lambdaReturns(r, V, gamma, criticLambda, after[i]),
      };
    });
  },
};
