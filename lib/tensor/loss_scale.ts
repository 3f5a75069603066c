/**
 * What a batch's loss, the sum of weight times loss over its rows, is multiplied by: 1 / `normalizer`, rounded to
 * float32, the same on every backend.
 *
 * @param weights One per row; absent = the batch has no such loss.
 * @param normalizer Default: the sum of the weights, which makes the loss a weighted mean (0 where nothing has weight).
 * @throws RangeError for a normalizer that is not positive, and for negative weights without one: their sum says nothing.
 */
export function lossScale(weights: ArrayLike<number> | undefined, normalizer?: number): number {
  if (normalizer !== undefined) {
    if (normalizer > 0 && normalizer < Infinity) return Math.fround(1 / normalizer);
    throw new RangeError(`normalizer: ${normalizer}: give a positive number`);
  }
  let sum = 0;
  for (let i = 0; i < (weights?.length ?? 0); i++) {
    if (weights![i]! < 0) {
      throw new RangeError(
        `weights: ${weights![i]} at row ${i}: negative weights need a normalizer`,
      );
    }
    sum += weights![i]!;
  }
  return sum > 0 ? Math.fround(1 / sum) : 0;
}
