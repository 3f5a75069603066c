/**
 * What follows the last token of a response that was cut by length (Pardo et al. 2018, arXiv 1712.00378; Gymnasium's
 * "truncated"): nothing, so that it failed as far as its reward says, or the critic's value V_T of where it was cut,
 *
 *     delta_(T-1) = r_(T-1) + gamma V_T - V_(T-1),
 *
 * as if it had gone on. The verifier's reward for what was cut remains in r_(T-1).
 */
import * as z from "zod";
import { UsageError } from "../../errors.ts";
import type { Rollout } from "../rollout.ts";

/** The option of the estimators that take it. */
export const truncation = z.enum(["failure", "bootstrap"]).default("failure").describe(
  "What follows a response cut by length: nothing, or the value of where it was cut (finalValue).",
);

/**
 * The value after the last token of each rollout: 0, or V_T where it was cut and `truncation` is "bootstrap".
 *
 * @throws UsageError for bootstrapping from a rollout that does not say whether it was cut, or gives no value there.
 */
export function valuesAfter(
  rollouts: readonly Rollout[],
  truncation: "failure" | "bootstrap",
): number[] {
  return rollouts.map(({ truncated, finalValue }, i) => {
    if (truncation === "failure") return 0;
    if (truncated === undefined) {
      throw new UsageError(
        `rollouts[${i}].truncated`,
        truncated,
        "to bootstrap, give true or false",
      );
    }
    if (truncated && finalValue === undefined) {
      const remedy = "to bootstrap, give the critic's value after the last token";
      throw new UsageError(`rollouts[${i}].finalValue`, finalValue, remedy);
    }
    return truncated ? finalValue! : 0;
  });
}
