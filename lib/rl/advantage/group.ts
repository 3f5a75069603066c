/**
 * The group family: no critic. The whole response is one action, compared with the K responses to its prompt; R_i is
 * the verifier's reward and the tokens' own rewards (such as a KL penalty) together.
 */
import * as z from "zod";
import { mean } from "../../numeric/sums.ts";
import { groupMembers, type Rollout } from "../rollout.ts";
import { type AdvantageEstimate, defineEstimator } from "./estimator.ts";
import { returnsToGo, tokenRewards, totalReward } from "./returns.ts";
import { standardDeviation } from "./whiten.ts";

/**
 * REINFORCE leave-one-out (Kool et al. 2019; Ahmadian et al. 2024, arXiv 2402.14740):
 *
 *     A_i = R_i - (1 / (K-1)) sum_{j != i} R_j
 *
 * The baseline does not depend on response i, so that the gradient is unbiased; A_i is K / (K-1) times R_i less the
 * group's mean.
 */
export const rloo = defineEstimator({
  title: "RLOO",
  source: "Ahmadian et al. 2024, arXiv 2402.14740",
  needs: ["groups"],
  options: z.strictObject({}),
  estimate: (rollouts) => fromGroups(rollouts, (R, group, i) => R - mean(group.toSpliced(i, 1))),
});

/**
 * Dr. GRPO (Liu et al. 2025, arXiv 2503.20783): GRPO without the division by the group's standard deviation, which
 * favours prompts that are almost always or almost never solved,
 *
 *     A_i = R_i - mean(R_1..R_K).
 *
 * The paper's other half, no division by the response's length, is the normalization "seq-mean-token-sum-norm"
 * (lib/rl/objective).
 */
export const drGrpo = defineEstimator({
  title: "Dr. GRPO",
  source: "Liu et al. 2025, arXiv 2503.20783",
  needs: ["groups"],
  options: z.strictObject({}),
  estimate: (rollouts) => fromGroups(rollouts, (R, group) => R - mean(group)),
});

/**
 * Group relative policy optimization with outcome rewards (Shao et al. 2024, arXiv 2402.03300, section 4.1.2):
 *
 *     A_i = (R_i - mean(R_1..R_K)) / (std(R_1..R_K) + epsilon)
 *
 * Where all rewards are equal every A_i is 0: such a prompt teaches nothing. The paper's objective goes with the
 * normalization "seq-mean-token-mean" and the KL loss k3 (lib/rl/objective).
 *
 * The paper names neither epsilon nor the kind of standard deviation; those here (1e-6, divided by K-1) are those of
 * verl.
 */
export const grpo = defineEstimator({
  title: "GRPO",
  source: "Shao et al. 2024, arXiv 2402.03300",
  needs: ["groups"],
  options: z.strictObject({
    epsilon: z.number().positive().default(1e-6).describe("Added to the standard deviation."),
  }),
  estimate: (rollouts, { epsilon }) =>
    fromGroups(rollouts, (R, group) => {
      const std = standardDeviation(group);
      // Rounding may leave equal rewards off their mean.
      return std === 0 ? 0 : (R - mean(group)) / (std + epsilon);
    }),
});

/** One advantage for all tokens of a response, from its return R, those of its group (R's among them), and R's index. */
function fromGroups(
  rollouts: readonly Rollout[],
  advantage: (R: number, group: readonly number[], index: number) => number,
): AdvantageEstimate[] {
  const returns = rollouts.map(totalReward), members = groupMembers(rollouts);
  return rollouts.map((rollout, i) => {
    const group = members[i]!.map((j) => returns[j]!);
    const A = advantage(returns[i]!, group, members[i]!.indexOf(i));
    const r = tokenRewards(rollout);
    return { advantages: r.map(() => A), valueTargets: returnsToGo(r, 1) };
  });
}
