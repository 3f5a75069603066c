/**
 * The entropy bonus from sampled tokens. With H = -sum_y pi(y) log pi(y) in one state,
 *
 *     grad H = -sum_y pi(y) (log pi(y) + 1) grad log pi(y) = E_mu[rho (-log pi(y) - b) grad log pi(y)]
 *
 * for y sampled by mu, rho = pi / mu, and any b that does not depend on y (E_pi[grad log pi] = 0). b = H itself leaves
 * little variance: tokens that surprise more than usual become likelier.
 */

/** What one token's weight gets from a bonus of coefficient 1. `baseline` is b in nats. */
export function entropyWeight(logProbability: number, ratio: number, baseline: number): number {
  return ratio * (-logProbability - baseline);
}
