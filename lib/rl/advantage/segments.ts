/** Where a response is cut into segments, the advantages of whole segments, and GenAC's estimator. */
import * as z from "zod";
import { log } from "../../numeric/math.ts";
import { defineEstimator } from "./estimator.ts";
import { boundary, gamma, maxSegments, threshold, truncation } from "./options.ts";
import { returnsToGo, tokenRewards, valuesAfter } from "./returns.ts";

/**
 * GenAC's segments (Shan et al. 2026, arXiv 2604.10701; cut by SAE's rule, see `segmentStarts`): a generative critic
 * costs too much to be asked before every token, so V is asked for only where a segment starts, and the segment's tokens
 * share
 *
 *     A_k = r_k + V_(k+1) + lambda A_(k+1) - V_k      (gamma = 1; r_k: the rewards of segment k's tokens)
 *
 * lambda = 1 makes V a baseline: A_k = R - V_k. lambda = 0 lets V assign the credit. A public re-implementation has
 * lambda 1, at most 16 segments, and the boundary after the token.
 *
 * A segment whose value is null (a response that could not be parsed) is joined with the one before it, as if it had
 * not been asked for. The value before the first token must be there.
 */
export const genAcSegments = defineEstimator({
  title: "GenAC segments",
  source: "Shan et al. 2026, arXiv 2604.10701",
  needs: ["segment values"],
  options: z.strictObject({
    gamma,
    lambda: z.number().min(0).max(1).default(1).describe("Lambda from one segment to the next."),
    threshold,
    boundary,
    maxSegments: maxSegments(16),
    truncation,
  }),
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
});

/** How to cut. */
export interface SegmentOptions {
  /** A token of lower probability marks a boundary; in [0, 1]. */
  readonly threshold: number;
  /** Whether the boundary lies before the token or after it. */
  readonly boundary: "before" | "after";
  /** Segments at most; null: no limit. */
  readonly maxSegments: number | null;
}

/**
 * The first tokens of a response's segments, rising, 0 first; none for an empty response. Boundaries are at tokens of
 * low probability, where a new step of reasoning is thought to begin (SAE, arXiv 2601.07320).
 *
 * - "before" (SAE): the segment starts with the token. The state whose value is asked for is the one in which the
 *   decision was made, and the decision is credited apart from what led there. But whether there is a boundary depends
 *   on the token: it chooses its own baseline where a segment shares one, and tokens before it are credited with a
 *   value that was selected by what came after. The policy gradient is biased even with exact values
 *   (gradient_test.ts).
 * - "after" (a public re-implementation of GenAC): the segment ends with the token. Whether a state starts a segment is
 *   known in that state (it is a stopping time), so that exact values give an unbiased gradient for every lambda, and
 *   any values do for lambda = 1.
 *
 * Of too many boundaries evenly spaced ones are kept, as in that re-implementation (16 segments). This looks at the
 * whole response and so is another bias wherever it cuts.
 *
 * @param logProbabilities Of the sampled tokens under the policy that sampled them (T).
 */
export function segmentStarts(
  logProbabilities: readonly number[],
  { threshold, boundary, maxSegments }: SegmentOptions,
): number[] {
  const T = logProbabilities.length;
  if (T === 0) return [];
  const limit = log(threshold), shift = boundary === "before" ? 0 : 1;
  const inner = logProbabilities.flatMap((p, t) => p < limit ? [t + shift] : [])
    .filter((t) => t > 0 && t < T);
  if (maxSegments === null || inner.length < maxSegments) return [0, ...inner];
  const spacing = inner.length / (maxSegments - 1);
  const kept = Array.from(
    { length: maxSegments - 1 },
    (_, i) => inner[Math.floor(i * spacing + 0.5)]!,
  );
  return [0, ...kept];
}

/**
 * A_k = sum of the segment's discounted rewards + gamma^n (V_(k+1) + lambda A_(k+1)) - V_k, shared by the segment's n
 * tokens; after the last segment the value is `after` and the advantage 0. GAE with a segment as one action.
 *
 * @param r Rewards (T).
 * @param starts As from `segmentStarts`: rising, 0 first.
 * @param values One per segment, each before its first token.
 * @returns Advantages (T).
 */
export function segmentAdvantages(
  r: readonly number[],
  starts: readonly number[],
  values: readonly number[],
  gamma: number,
  lambda: number,
  after = 0,
): number[] {
  const A = new Array<number>(r.length);
  let end = r.length, nextValue = after, nextAdvantage = 0;
  for (let k = starts.length - 1; k >= 0; k--) {
    const start = starts[k]!, value = values[k]!;
    let target = nextValue + lambda * nextAdvantage;
    for (let t = end - 1; t >= start; t--) target = r[t]! + gamma * target;
    const advantage = target - value;
    A.fill(advantage, start, end);
    end = start, nextValue = value, nextAdvantage = advantage;
  }
  return A;
}
