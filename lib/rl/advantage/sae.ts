/**
 * Segmental advantage estimation (Gong et al. 2026, arXiv 2601.07320): GAE that trusts the value of the next state only
 * where a new segment begins,
 *
 *     A_t = delta_t + gamma lambda_t A_(t+1),     lambda_t = lambda where token t+1 has probability below p, else 1
 *
 * with p = 0.2. Inside a segment the values between cancel: A_t is the return up to the segment's end, plus the value
 * there (and lambda times the advantage there), less V_t. With every token a boundary it is GAE, with none GAE of
 * lambda 1.
 *
 * lambda's default is GAE's usual one, not the paper's. The critic's lambda is 1 as in VC-PPO. Boundaries after the
 * token and a limit of segments are not in the paper; see segments.ts, also for the bias.
 */
import * as z from "zod";
import type { AdvantageEstimator } from "./estimator.ts";
import { generalizedAdvantages } from "./gae.ts";
import { boundary, criticLambda, gamma, maxSegments, threshold } from "./options.ts";
import { lambdaReturns, tokenRewards } from "./returns.ts";
import { segmentStarts } from "./segments.ts";
import { truncation, valuesAfter } from "./truncation.ts";

const options = z.strictObject({
  gamma,
  lambda: z.number().min(0).max(1).default(0.95).describe("Lambda from one segment to the next."),
  threshold,
  boundary,
  maxSegments: maxSegments(null),
  criticLambda,
  truncation,
});

/** See the file's header. */
export const sae: AdvantageEstimator<z.output<typeof options>> = {
  name: "sae",
  title: "SAE",
  source: "Gong et al. 2026, arXiv 2601.07320",
  needs: ["values"],
  options,
  estimate(rollouts, { gamma, lambda, criticLambda, truncation, ...segments }) {
    const after = valuesAfter(rollouts, truncation);
    return rollouts.map((rollout, i) => {
      const r = tokenRewards(rollout), V = rollout.values as number[];
      const starts = new Set(segmentStarts(rollout.logProbabilities, segments));
      return {
        advantages: generalizedAdvantages(
          r,
          V,
          gamma,
          (t) => starts.has(t + 1) ? lambda : 1,
          after[i],
        ),
        valueTargets: lambdaReturns(r, V, gamma, criticLambda, after[i]),
      };
    });
  },
};
