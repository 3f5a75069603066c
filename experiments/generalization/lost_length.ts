/** How far beyond the training length an advantage in error lasts. */
import { log } from "../../lib/numeric/math.ts";

/** A ratio of errors on words of one length. */
export interface RatioAtLength {
  /** Over the longest word of training. */
  readonly length: number;
  /** > 0. */
  readonly ratio: number;
}

/**
 * The smallest length at which the ratio reaches `threshold`: between two lengths by a straight line in the ratio's
 * logarithm.
 *
 * @param points By increasing length, at least one.
 * @param threshold > 0.
 * @returns A length; the first one where the ratio is above the threshold from the start; null where it stays below.
 */
export function lostLength(points: readonly RatioAtLength[], threshold: number): number | null {
  const next = points.findIndex(({ ratio }) => ratio >= threshold);
  if (next <= 0) return next < 0 ? null : points[0]!.length;
  const below = points[next - 1]!, above = points[next]!;
  const share = log(threshold / below.ratio) / log(above.ratio / below.ratio);
  return below.length + share * (above.length - below.length);
}
