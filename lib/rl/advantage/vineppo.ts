/**
 * VinePPO (Kazemnejad et al. 2025, arXiv 2410.01679, section 4): no critic; the value before a step is the mean return
 * of K continuations sampled from there, V_k = (1/K) sum_j R_kj, and the step's tokens share
 *
 *     A_k = r_k + gamma^n V_(k+1) - V_k.
 *
 * A step starts wherever continuations are given. Their noise enters A with variance Var(V_k) + Var(V_(k+1)).
 */
import * as z from "zod";
import { mean } from "../../numeric/sums.ts";
import type { AdvantageEstimator } from "./estimator.ts";
import { gamma } from "./options.ts";
import { returnsToGo, tokenRewards } from "./returns.ts";
import { segmentAdvantages } from "./segments.ts";

const options = z.strictObject({ gamma });

/** See the file's header. */
export const vinePpo: AdvantageEstimator<z.output<typeof options>> = {
  name: "vineppo",
  title: "VinePPO",
  source: "Kazemnejad et al. 2025, arXiv 2410.01679",
  needs: ["continuations"],
  options,
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
};
