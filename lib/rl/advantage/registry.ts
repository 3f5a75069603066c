/** The advantage estimators by name. A new one is one file and one line here. */
import { parseConfig } from "../../parse_config.ts";
import { UsageError } from "../../errors.ts";
import type { Rollout } from "../rollout.ts";
import { checkRollouts } from "./check.ts";
import { drGrpo } from "./dr_grpo.ts";
import type { AdvantageEstimate, AdvantageEstimator } from "./estimator.ts";
import { gae } from "./gae.ts";
import { genAcSegments } from "./genac_segments.ts";
import { grpo } from "./grpo.ts";
import { monteCarlo } from "./monte_carlo.ts";
import { oracle } from "./oracle.ts";
import { processReward } from "./process_reward.ts";
import { rloo } from "./rloo.ts";
import { sae } from "./sae.ts";
import { vapo } from "./vapo.ts";
import { vcPpo } from "./vc_ppo.ts";
import { vinePpo } from "./vineppo.ts";

/** Every estimator. */
export const advantageEstimators: Readonly<Record<string, AdvantageEstimator>> = Object.fromEntries(
  [
    monteCarlo,
    rloo,
    grpo,
    drGrpo,
    gae,
    vcPpo,
    vapo,
    sae,
    genAcSegments,
    vinePpo,
    processReward,
    oracle,
  ].map((estimator: AdvantageEstimator) => [estimator.name, estimator]),
);

/** The estimator of that name. Throws UsageError with the choices for an unknown one. */
export function advantageEstimator(name: string): AdvantageEstimator {
  const estimator = Object.hasOwn(advantageEstimators, name)
    ? advantageEstimators[name]
    : undefined;
  if (!estimator) {
    throw new UsageError(
      "advantage",
      name,
      `unknown estimator; choose from ${Object.keys(advantageEstimators).join(", ")}`,
    );
  }
  return estimator;
}

/**
 * Advantages and value targets of each rollout, in order.
 *
 * @param options The estimator's; what is left out takes its default.
 * @throws UsageError for an unknown name, a bad option, or rollouts that lack what the estimator needs.
 */
export function estimateAdvantages(
  name: string,
  rollouts: readonly Rollout[],
  options: unknown = {},
): AdvantageEstimate[] {
  const estimator = advantageEstimator(name);
  checkRollouts(rollouts, estimator.needs, name);
  return estimator.estimate(rollouts, parseConfig(estimator.options, options, name));
}
