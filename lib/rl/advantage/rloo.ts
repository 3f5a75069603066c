/**
 * REINFORCE leave-one-out (Kool et al. 2019; Ahmadian et al. 2024, arXiv 2402.14740): the whole response is one action,
 *
 *     A_i = R_i - (1 / (K-1)) sum_{j != i} R_j
 *
 * over the K responses to a prompt. R_i includes the tokens' own rewards (the paper's KL penalty). The baseline does
 * not depend on response i, so that the gradient is unbiased; A_i is K / (K-1) times R_i less the group's mean.
 */
import * as z from "zod";
import { mean } from "../../numeric/sums.ts";
import type { AdvantageEstimator } from "./estimator.ts";
import { groupMembers } from "./groups.ts";
import { returnsToGo, tokenRewards, totalReward } from "./returns.ts";

const options = z.strictObject({});

/** See the file's header. */
export const rloo: AdvantageEstimator<z.output<typeof options>> = {
  name: "rloo",
  title: "RLOO",
  source: "Ahmadian et al. 2024, arXiv 2402.14740",
  needs: ["groups"],
  options,
  estimate(rollouts) {
    const R = rollouts.map(totalReward);
    const members = groupMembers(rollouts);
    return rollouts.map((rollout, i) => {
      const others = members[i]!.filter((j) => j !== i);
      const A = R[i]! - mean(others.map((j) => R[j]!));
      const r = tokenRewards(rollout);
      return { advantages: r.map(() => A), valueTargets: returnsToGo(r, 1) };
    });
  },
};
