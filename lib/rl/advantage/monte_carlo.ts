/**
 * REINFORCE (Williams 1992): A_t = G_t - b, with the Monte Carlo return G_t = sum_{u >= t} gamma^(u-t) r_u.
 *
 * b is the mean of G_0 over the batch or over the prompt's rollouts. It contains the response's own return, so that the
 * expected gradient is 1 - 1/n of the true one with n responses in the mean; `rloo.ts` is free of that.
 */
import * as z from "zod";
import { mean } from "../../numeric/sums.ts";
import { UsageError } from "../../errors.ts";
import type { AdvantageEstimator } from "./estimator.ts";
import { groupMembers } from "./groups.ts";
import { gamma } from "./options.ts";
import { returnsToGo, tokenRewards, totalReward } from "./returns.ts";

const options = z.strictObject({
  gamma,
  baseline: z.enum(["none", "batch-mean", "group-mean"]).default("batch-mean").describe(
    "What returns are compared with: nothing, or the mean over the batch or over the prompt's rollouts.",
  ),
});

/** See the file's header. */
export const monteCarlo: AdvantageEstimator<z.output<typeof options>> = {
  name: "monte-carlo",
  title: "Monte Carlo (REINFORCE)",
  source: "Williams 1992",
  needs: [],
  options,
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
};
