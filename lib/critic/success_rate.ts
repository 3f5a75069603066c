/**
 * The smoothed success rate after one more iteration: an exponential moving average, momentum * previous +
 * (1 - momentum) * batchRate. It follows a steady change with a delay of momentum / (1 - momentum) iterations.
 *
 * In-Context Conditioning (GenAC, arXiv 2604.10701) states it in the critic's prompt, so that the critic can follow an actor
 * that changes while both are trained.
 *
 * @param previous The rate before, in [0, 1]; undefined at the first iteration, whose own rate then is the result.
 * @param batchRate The fraction of this iteration's rollouts with outcome 1, in [0, 1].
 * @param momentum In [0, 1); 0 = no smoothing. The paper does not give its own; 0.9 is a public re-implementation's.
 * @throws RangeError for an argument out of its range.
 */
export function smoothSuccessRate(
  previous: number | undefined,
  batchRate: number,
  momentum = 0.9,
): number {
  inRange("previous", previous ?? 0);
  inRange("batchRate", batchRate);
  if (!(momentum >= 0 && momentum < 1)) {
    throw new RangeError(`momentum: ${momentum}: give a number in [0, 1)`);
  }
  return previous === undefined ? batchRate : momentum * previous + (1 - momentum) * batchRate;
}

function inRange(name: string, rate: number): void {
  if (!(rate >= 0 && rate <= 1)) throw new RangeError(`${name}: ${rate}: must lie in 0..1`);
}
