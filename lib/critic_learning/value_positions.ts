import { UsageError } from "../errors.ts";

/**
 * Where SP3O trains the critic (Li et al. 2026, arXiv 2609.18708): on a few states far apart instead of on every one.
 * Neighbouring states have almost the same gradient, and a critic trained on all of them gives values too flat along
 * the response ("value flattening").
 *
 * The token whose state is meant is round(q (T - 1)) for each share q of the response, as in the authors' code (halves
 * up); with q < 1 never the last of several tokens. Shares that fall on one token count once.
 *
 * @param tokens T, the response's length.
 * @param shares Each in [0, 1]; default: the paper's best.
 * @throws UsageError for another share.
 * @returns Token positions, rising; the value loss is on V before each. None for an empty response.
 */
export function sparseValuePositions(
  tokens: number,
  shares: readonly number[] = [0.3, 0.6, 0.9],
): number[] {
  const bad = shares.find((q) => !(q >= 0 && q <= 1));
  if (bad !== undefined) throw new UsageError("shares", bad, "give shares of the response in 0..1");
  if (tokens === 0) return [];
  const positions = shares.map((q) => {
    const position = Math.floor(q * (tokens - 1) + 0.5);
    return q < 1 && tokens > 1 ? Math.min(position, tokens - 2) : position;
  });
  return [...new Set(positions)].sort((a, b) => a - b);
}
