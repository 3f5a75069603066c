import { UsageError } from "../errors.ts";

/**
 * How the tokens' terms are averaged, named as in verl. With N responses of T_i tokens:
 *
 *     token-mean               sum_i sum_t w_it / sum_i T_i     every token counts the same (DAPO, VAPO)
 *     seq-mean-token-mean      1/N sum_i 1/T_i sum_t w_it       every response counts the same (GRPO)
 *     seq-mean-token-sum       1/N sum_i sum_t w_it             the policy gradient itself (REINFORCE, RLOO)
 *     seq-mean-token-sum-norm  1/(N L) sum_i sum_t w_it         the same over a constant L, the longest response
 *                                                               allowed (Dr. GRPO, arXiv 2503.20783)
 *
 * An empty response adds nothing and counts as one of the N.
 */
export const NORMALIZATIONS = [
  "token-mean",
  "seq-mean-token-mean",
  "seq-mean-token-sum",
  "seq-mean-token-sum-norm",
] as const;
/** One of them. */
export type Normalization = typeof NORMALIZATIONS[number];

/** Weights whose sum over the normalizer is the average. */
export interface Normalized {
  /** As given, or divided by the response's length. */
  readonly weights: number[][];
  /** Positive. */
  readonly normalizer: number;
}

/**
 * Weights and a normalizer that average tokens' terms as `normalization` says.
 *
 * @param weights One array per response.
 * @param maxTokens L; needed by seq-mean-token-sum-norm only.
 * @throws UsageError if there is no token at all, or no L.
 */
export function normalize(
  weights: readonly (readonly number[])[],
  normalization: Normalization,
  maxTokens?: number | null,
): Normalized {
  const tokens = weights.reduce((sum, w) => sum + w.length, 0);
  if (tokens === 0) throw new UsageError("tokens", 0, "there is none to average over");
  const plain = weights.map((w) => [...w]);
  switch (normalization) {
    case "token-mean":
      return { weights: plain, normalizer: tokens };
    case "seq-mean-token-mean":
      return { weights: plain.map((w) => w.map((x) => x / w.length)), normalizer: weights.length };
    case "seq-mean-token-sum":
      return { weights: plain, normalizer: weights.length };
    case "seq-mean-token-sum-norm": {
      if (maxTokens && maxTokens > 0) {
        return { weights: plain, normalizer: weights.length * maxTokens };
      }
      const remedy = "give the longest response allowed, in tokens";
      throw new UsageError("objective.maxTokens", maxTokens, remedy);
    }
  }
}
