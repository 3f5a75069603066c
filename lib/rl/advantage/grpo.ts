/**
 * Group relative policy optimization with outcome rewards (Shao et al. 2024, arXiv 2402.03300, section 4.1.2):
 *
 *     A_i = (R_i - mean(R_1..R_K)) / (std(R_1..R_K) + epsilon)
 *
 * for every token of response i, over the K responses to a prompt. Where all rewards are equal every A_i is 0: such a
 * prompt teaches nothing. The paper's objective goes with the normalization "seq-mean-token-mean" and the KL loss k3
 * (lib/rl/objective).
 *
 * The paper names neither epsilon nor the kind of standard deviation; those here (1e-6, divided by K-1) are those of
 * verl.
 */
import * as z from "zod";
import { mean } from "../../numeric/sums.ts";
import type { AdvantageEstimator } from "./estimator.ts";
import { groupMembers } from "./groups.ts";
import { returnsToGo, tokenRewards, totalReward } from "./returns.ts";
import { standardDeviation } from "./whiten.ts";

const options = z.strictObject({
  epsilon: z.number().positive().default(1e-6).describe("Added to the standard deviation."),
});

/** See the file's header. */
export const grpo: AdvantageEstimator<z.output<typeof options>> = {
  name: "grpo",
  title: "GRPO",
  source: "Shao et al. 2024, arXiv 2402.03300",
  needs: ["groups"],
  options,
  estimate(rollouts, { epsilon }) {
    const R = rollouts.map(totalReward);
    const members = groupMembers(rollouts);
    return rollouts.map((rollout, i) => {
      const group = members[i]!.map((j) => R[j]!);
      const std = standardDeviation(group);
      // Rounding may leave equal rewards off their mean.
      const A = std === 0 ? 0 : (R[i]! - mean(group)) / (std + epsilon);
      const r = tokenRewards(rollout);
      return { advantages: r.map(() => A), valueTargets: returnsToGo(r, 1) };
    });
  },
};
