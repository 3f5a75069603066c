/**
 * Oracle critic, a reference: the advantage by its definition, from the exact values of the behaviour policy. As tokens
 * are deterministic transitions,
 *
 *     A_t = Q(s_t, y_t) - V(s_t) = r_t + gamma V(s_(t+1)) - V(s_t).
 *
 * `exactValues` must be values of the same rewards: with a KL penalty in `tokenRewards` they have to include it.
 */
import * as z from "zod";
import type { AdvantageEstimator } from "./estimator.ts";
import { generalizedAdvantages } from "./gae.ts";
import { gamma } from "./options.ts";
import { tokenRewards } from "./returns.ts";

const options = z.strictObject({ gamma });

/** See the file's header. */
export const oracle: AdvantageEstimator<z.output<typeof options>> = {
  name: "oracle",
  title: "Oracle critic",
  source: "definition of the advantage",
  needs: ["exact values"],
  options,
  estimate: (rollouts, { gamma }) =>
    rollouts.map((rollout) => {
      const V = [...rollout.exactValues!];
      return {
        advantages: generalizedAdvantages(tokenRewards(rollout), V, gamma, () => 0),
        valueTargets: V,
      };
    }),
};
