/**
 * GenAC's segments (Shan et al. 2026, arXiv 2604.10701; cut by SAE's rule, see segments.ts): a generative critic is too
 * dear to ask before every token, so V is asked for only where a segment starts, and the segment's tokens share
 *
 *     A_k = r_k + V_(k+1) + lambda A_(k+1) - V_k      (gamma = 1; r_k: the rewards of segment k's tokens)
 *
 * lambda = 1 makes V a baseline: A_k = R - V_k. lambda = 0 lets V assign the credit. A public re-implementation has
 * lambda 1, at most 16 segments, and the boundary after the token.
 *
 * A segment whose value is null (a response that could not be parsed) is joined with the one before it, as if it had
 * not been asked for. The value before the first token must be there.
 */
import * as z from "zod";
import type { AdvantageEstimator } from "./estimator.ts";
import { boundary, gamma, maxSegments, threshold } from "./options.ts";
import { returnsToGo, tokenRewards } from "./returns.ts";
import { segmentAdvantages, segmentStarts } from "./segments.ts";
import { truncation, valuesAfter } from "./truncation.ts";

const options = z.strictObject({
  gamma,
  lambda: z.number().min(0).max(1).default(1).describe("Lambda from one segment to the next."),
  threshold,
  boundary,
  maxSegments: maxSegments(16),
  truncation,
});

/** See the file's header. */
export const genAcSegments: AdvantageEstimator<z.output<typeof options>> = {
  name: "genac-segments",
  title: "GenAC segments",
  source: "Shan et al. 2026, arXiv 2604.10701",
  needs: ["segment values"],
  options,
  estimate(rollouts, { gamma, lambda, truncation, ...segments }) {
    const after = valuesAfter(rollouts, truncation);
    return rollouts.map((rollout, i) => {
      const r = tokenRewards(rollout), V = rollout.values!;
      const starts = segmentStarts(rollout.logProbabilities, segments).filter((t) => V[t] !== null);
      return {
        advantages: segmentAdvantages(r, starts, starts.map((t) => V[t]!), gamma, lambda, after[i]),
        valueTargets: returnsToGo(r, gamma, after[i]),
      };
    });
  },
};
