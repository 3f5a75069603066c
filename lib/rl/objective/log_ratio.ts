/**
 * The largest |log ratio| in nats whose exponential is taken, as in verl: beyond, what depends on the ratio is held
 * constant and has no gradient. No policy moves a token that far in a few steps; what does is a broken log-probability.
 */
export const LOG_RATIO_LIMIT = 20;

/** A log ratio moved into -20..20. */
export function clampLogRatio(x: number): number {
  return Math.max(-LOG_RATIO_LIMIT, Math.min(LOG_RATIO_LIMIT, x));
}
