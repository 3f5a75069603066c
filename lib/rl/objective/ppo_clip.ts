/**
 * PPO's clipped surrogate (Schulman et al. 2017, arXiv 1707.06347, equation 7) with a clip of its own on either side
 * (DAPO, arXiv 2503.14476, "clip-higher"; VAPO: 0.2 and 0.28; a re-implementation of GenAC: 0.2 and 0.272). Per token,
 *
 *     L = min(rho A, clip(rho, 1 - low, 1 + high) A),     rho = pi(y_t) / mu(y_t)
 *
 * As d rho / d log pi = rho,
 *
 *     dL / d log pi = 0        where the minimum is the clipped term: A > 0 and rho > 1 + high, A < 0 and rho < 1 - low
 *                   = rho A    elsewhere
 *
 * A token of negative advantage whose probability has risen is not clipped: its weight grows with rho without bound.
 * Dual-clip PPO (Ye et al. 2020, arXiv 1912.09729, equation 5; `clip_ratio_c` in verl) bounds the surrogate from below,
 *
 *     A < 0:   L = max(min(rho A, clip(rho, 1 - low, 1 + high) A), c A),     c > 1
 *
 * so that the weight is 0 where rho > c.
 */

/** How far the probability ratio may move before a token stops pulling it further. */
export interface Clip {
  /** At least 0; below 1 to have an effect. */
  readonly clipLow: number;
  /** At least 0. */
  readonly clipHigh: number;
  /** c, above 1 (the paper and verl: 3); default: no such bound. */
  readonly dualClip?: number | undefined;
}

/** Whether the clipped term is the minimum, so that the token has no gradient. */
export function isClipped(ratio: number, advantage: number, { clipLow, clipHigh }: Clip): boolean {
  return advantage > 0 ? ratio > 1 + clipHigh : advantage < 0 && ratio < 1 - clipLow;
}

/** Whether the bound c A of dual-clip PPO is the maximum, so that the token has no gradient. */
export function isDualClipped(ratio: number, advantage: number, { dualClip }: Clip): boolean {
  return dualClip !== undefined && advantage < 0 && ratio > dualClip;
}

/** dL / d log pi of one token. `ratio` is pi / mu; with an advantage of 0 it may be anything, infinite too. */
export function ppoClipWeight(ratio: number, advantage: number, clip: Clip): number {
  // 0 times an infinite ratio would be NaN.
  if (advantage === 0) return advantage;
  const held = isClipped(ratio, advantage, clip) || isDualClipped(ratio, advantage, clip);
  return held ? 0 : ratio * advantage;
}
