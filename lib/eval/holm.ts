/**
 * Holm's step-down adjustment of p-values (Holm 1979): the chance that any true null hypothesis of a
 * family is rejected stays at most alpha, whichever are true and however the tests depend on each other.
 *
 * @param pValues Each in [0, 1].
 * @returns Adjusted p-values in the same order: those at most alpha are rejected, simultaneously.
 * @throws RangeError for anything that is no p-value.
 *
 * @example Three comparisons of one claim
 * ```ts
 * import assert from "node:assert/strict";
 * import { holmAdjusted } from "genac";
 *
 * assert.deepEqual(holmAdjusted([0.25, 0.0625, 0.03125]), [0.25, 0.125, 0.09375]);
 * ```
 */
export function holmAdjusted(pValues: readonly number[]): number[] {
  pValues.forEach((p, i) => {
    if (!(p >= 0 && p <= 1)) {
      throw new RangeError(`pValues[${i}]: ${p}: give a number in [0, 1]`);
    }
  });
  const order = pValues.map((_, i) => i).sort((i, j) => pValues[i]! - pValues[j]!);
  const adjusted: number[] = new Array(pValues.length);
  let largest = 0;
  order.forEach((i, rank) => {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * pValues[i]!));
    adjusted[i] = largest;
  });
  return adjusted;
}
