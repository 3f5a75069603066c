/**
 * Process reward, a reference: what would be possible if every token were judged (Uesato et al. 2022, arXiv
 * 2211.14275). The judgements p_t take the place of the verifier's reward,
 *
 *     A_t = sum_{u >= t} gamma^(u-t) (p_u + other rewards of token u) - b
 *
 * gamma = 0 credits a token with its own judgement only. b is the mean over all tokens of the batch.
 */
import * as z from "zod";
import { mean } from "../../numeric/sums.ts";
import type { AdvantageEstimator } from "./estimator.ts";
import { returnsToGo, tokenRewards } from "./returns.ts";

const options = z.strictObject({
  gamma: z.number().min(0).max(1).default(0).describe(
    "Discount factor per token; 0: a token's own process reward only.",
  ),
  baseline: z.enum(["none", "batch-mean"]).default("batch-mean").describe(
    "What returns are compared with: nothing, or the mean over all tokens of the batch.",
  ),
});

/** See the file's header. */
export const processReward: AdvantageEstimator<z.output<typeof options>> = {
  name: "process-reward",
  title: "Process reward",
  source: "Uesato et al. 2022, arXiv 2211.14275",
  needs: ["process rewards"],
  options,
  estimate(rollouts, { gamma, baseline }) {
    const returns = rollouts.map((rollout) => {
      const r = tokenRewards({ ...rollout, reward: 0 });
      return returnsToGo(r.map((x, t) => x + rollout.processRewards![t]!), gamma);
    });
    const all = returns.flat();
    const b = baseline === "none" || all.length === 0 ? 0 : mean(all);
    return returns.map((G) => ({ advantages: G.map((g) => g - b), valueTargets: G }));
  },
};
