/**
 * Dr. GRPO (Liu et al. 2025, arXiv 2503.20783): GRPO without the division by the group's standard deviation, which
 * favours prompts that are almost always or almost never solved,
 *
 *     A_i = R_i - mean(R_1..R_K).
 *
 * The paper's other half, no division by the response's length, is the normalization "seq-mean-token-sum-norm"
 * (lib/nn/loss_normalization.ts).
 */
import * as z from "zod";
import { mean } from "../../numeric/sums.ts";
import type { AdvantageEstimator } from "./estimator.ts";
import { groupMembers } from "./groups.ts";
import { returnsToGo, tokenRewards, totalReward } from "./returns.ts";

const options = z.strictObject({});

/** See the file's header. */
export const drGrpo: AdvantageEstimator<z.output<typeof options>> = {
  name: "dr-grpo",
  title: "Dr. GRPO",
  source: "Liu et al. 2025, arXiv 2503.20783",
  needs: ["groups"],
  options,
  estimate(rollouts) {
    const R = rollouts.map(totalReward);
    const members = groupMembers(rollouts);
    return rollouts.map((rollout, i) => {
      const A = R[i]! - mean(members[i]!.map((j) => R[j]!));
      const r = tokenRewards(rollout);
      return { advantages: r.map(() => A), valueTargets: returnsToGo(r, 1) };
    });
  },
};
