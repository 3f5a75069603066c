/** The references: what credit would be if the task's own values were known. */
import * as z from "zod";
import { mean } from "../../numeric/sums.ts";
import { defineEstimator } from "./estimator.ts";
import { generalizedAdvantages } from "./gae.ts";
import { gamma } from "./options.ts";
import { returnsToGo, tokenRewards } from "./returns.ts";

/**
 * Process reward: what would be possible if every token were judged (Uesato et al. 2022, arXiv 2211.14275). The
 * judgements p_t take the place of the verifier's reward,
 *
 *     A_t = sum_{u >= t} gamma^(u-t) (p_u + other rewards of token u) - b
 *
 * gamma = 0 credits a token with its own judgement only. b is the mean over all tokens of the batch.
 */
export const processReward = defineEstimator({
  title: "Process reward",
  source: "Uesato et al. 2022, arXiv 2211.14275",
  needs: ["process rewards"],
  options: z.strictObject({
    gamma: z.number().min(0).max(1).default(0).describe(
      "Discount factor per token; 0: a token's own process reward only.",
    ),
    baseline: z.enum(["none", "batch-mean"]).default("batch-mean").describe(
      "What returns are compared with: nothing, or the mean over all tokens of the batch.",
    ),
  }),
  estimate(rollouts, { gamma, baseline }) {
    const returns = rollouts.map((rollout) => {
      const r = tokenRewards({ ...rollout, reward: 0 });
      return returnsToGo(r.map((x, t) => x + rollout.processRewards![t]!), gamma);
    });
    const all = returns.flat();
    const b = baseline === "none" || all.length === 0 ? 0 : mean(all);
    return returns.map((G) => ({ advantages: G.map((g) => g - b), valueTargets: G }));
  },
});

/**
 * Oracle critic: the advantage by its definition, from the exact values of the behaviour policy. As tokens are
 * deterministic transitions,
 *
 *     A_t = Q(s_t, y_t) - V(s_t) = r_t + gamma V(s_(t+1)) - V(s_t).
 *
 * `exactValues` must be values of the same rewards: with a KL penalty in `tokenRewards` they have to include it.
 */
export const oracle = defineEstimator({
  title: "Oracle critic",
  source: "definition of the advantage",
  needs: ["exact values"],
  options: z.strictObject({ gamma }),
  estimate: (rollouts, { gamma }) =>
    rollouts.map((rollout) => {
      const V = [...rollout.exactValues!];
      return {
        advantages: generalizedAdvantages(tokenRewards(rollout), V, gamma, () => 0),
        valueTargets: V,
      };
    }),
});
