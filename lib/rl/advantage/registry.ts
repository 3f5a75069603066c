import { UsageError } from "../../errors.ts";
import { chooseFrom } from "../../suggest.ts";
import { parseConfig } from "../../parse_config.ts";
import type { Rollout } from "../rollout.ts";
import { checkRollouts } from "./check.ts";
import type { AdvantageEstimate, AdvantageEstimator } from "./estimator.ts";
import { gae, sae, vapo, vcPpo } from "./gae.ts";
import { drGrpo, grpo, rloo } from "./group.ts";
import { monteCarlo, vinePpo } from "./monte_carlo.ts";
import { oracle, processReward } from "./references.ts";
import { genAcSegments } from "./segments.ts";

/** Every advantage estimator by its name in configs and results. A new one is one line here. */
export const advantageEstimators = {
  "monte-carlo": monteCarlo,
  "rloo": rloo,
  "grpo": grpo,
  "dr-grpo": drGrpo,
  "gae": gae,
  "vc-ppo": vcPpo,
  "vapo": vapo,
  "sae": sae,
  "genac-segments": genAcSegments,
  "vineppo": vinePpo,
  "process-reward": processReward,
  "oracle": oracle,
} as const satisfies Readonly<Record<string, AdvantageEstimator>>;

/** An estimator's name. */
export type EstimatorName = keyof typeof advantageEstimators;

/**
 * The estimator of that name.
 *
 * @throws UsageError for an unknown one, with what may have been meant and the choices.
 */
export function advantageEstimator(name: string): AdvantageEstimator {
  if (Object.hasOwn(advantageEstimators, name)) return advantageEstimators[name as EstimatorName];
  const choices = chooseFrom(name, Object.keys(advantageEstimators));
  throw new UsageError("advantage", name, `unknown estimator; ${choices}`);
}

/**
 * Advantages and value targets of each rollout, in order.
 *
 * @param name One of `advantageEstimators`, as the user wrote it.
 * @param options The estimator's; what is left out takes its default.
 * @throws UsageError for an unknown name, a bad option, or rollouts that lack what the estimator needs.
 *
 * @example GRPO: a group's rewards, less their mean, over their standard deviation
 * ```ts
 * import assert from "node:assert/strict";
 * import { estimateAdvantages } from "genac";
 *
 * const rollout = (reward: number) => ({ group: 0, reward, logProbabilities: [-1, -1] });
 * const [failed, solved] = estimateAdvantages("grpo", [rollout(0), rollout(1)]);
 * assert.ok(failed!.advantages.every((a) => a < 0));
 * assert.deepEqual(solved!.advantages, failed!.advantages.map((a) => -a));
 * ```
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
