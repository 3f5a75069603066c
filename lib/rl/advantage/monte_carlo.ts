/** The Monte Carlo family: sampled returns, of the response itself or of continuations, in the place of a critic. */
import * as z from "zod";
import { UsageError } from "../../errors.ts";
import { mean } from "../../numeric/sums.ts";
import { groupMembers } from "../rollout.ts";
import { defineEstimator } from "./estimator.ts";
import { gamma } from "./options.ts";
import { returnsToGo, tokenRewards, totalReward } from "./returns.ts";
import { segmentAdvantages } from "./segments.ts";

/**
 * REINFORCE (Williams 1992): A_t = G_t - b, with the Monte Carlo return G_t = sum_{u >= t} gamma^(u-t) r_u.
 *
 * b is the mean of G_0 over the batch or over the prompt's rollouts. It contains the response's own return, so that the
 * expected gradient is 1 - 1/n of the true one with n responses in the mean; RLOO (group.ts) is free of that.
 */
export const monteCarlo = defineEstimator({
  title: "Monte Carlo (REINFORCE)",
  source: "Williams 1992",
  needs: [],
  options: z.strictObject({
    gamma,
    baseline: z.enum(["none", "batch-mean", "group-mean"]).default("batch-mean").describe(
      "What returns are compared with: nothing, or the mean over the batch or over the prompt's rollouts.",
    ),
  }),
  estimate(rollouts, { gamma, baseline }) {
    const returns = rollouts.map((rollout) => returnsToGo(tokenRewards(rollout), gamma));
    // An empty response has its reward at once.
    const initial = returns.map((G, i) => G[0] ?? totalReward(rollouts[i]!));
    const members = groupMembers(rollouts);
    const compared = (i: number): number[] => {
      const others = baseline === "batch-mean" ? initial : members[i]!.map((j) => initial[j]!);
      if (others.length > 1) return others;
      throw new UsageError("baseline", baseline, "give at least 2 rollouts to take the mean of");
    };
    return returns.map((G, i) => {
      const b = baseline === "none" ? 0 : mean(compared(i));
      return { advantages: G.map((g) => g - b), valueTargets: G };
    });
  },
});

/**
 * VinePPO (Kazemnejad et al. 2025, arXiv 2410.01679, section 4): no critic; the value before a step is the mean return
 * of K continuations sampled from there, V_k = (1/K) sum_j R_kj, and the step's tokens share
 *
 *     A_k = r_k + gamma^n V_(k+1) - V_k.
 *
 * A step starts wherever continuations are given. Their noise enters A with variance Var(V_k) + Var(V_(k+1)).
 */
export const vinePpo = defineEstimator({
  title: "VinePPO",
  source: "Kazemnejad et al. 2025, arXiv 2410.01679",
  needs: ["continuations"],
  options: z.strictObject({ gamma }),
  estimate: (rollouts, { gamma }) =>
    rollouts.map((rollout) => {
      const r = tokenRewards(rollout);
      const steps = rollout.continuations!.flatMap((returns, t) =>
        returns === null ? [] : [{ start: t, value: mean(returns) }]
      );
      const starts = steps.map(({ start }) => start), values = steps.map(({ value }) => value);
      return {
        advantages: segmentAdvantages(r, starts, values, gamma, 0),
        valueTargets: returnsToGo(r, gamma),
      };
    }),
});
