/** Rewards and returns of a rollout. Sums run from the last token to the first. */
import type { Rollout } from "../rollout.ts";

/** r_t, the verifier's reward included in the last one. (T) */
export function tokenRewards({ reward, logProbabilities, tokenRewards }: Rollout): number[] {
  const last = logProbabilities.length - 1;
  return logProbabilities.map((_, t) => (tokenRewards?.[t] ?? 0) + (t === last ? reward : 0));
}

/** The undiscounted return of the whole response; the verifier's reward for an empty one. */
export function totalReward(rollout: Rollout): number {
  return (rollout.tokenRewards ?? []).reduceRight((sum, r) => sum + r, rollout.reward);
}

/** G_t = r_t + gamma G_(t+1), G_T = `after`: the Monte Carlo return of s_t. */
export function returnsToGo(rewards: readonly number[], gamma: number, after = 0): number[] {
  const G = new Array<number>(rewards.length);
  for (let t = rewards.length - 1, next = after; t >= 0; t--) {
    next = G[t] = rewards[t]! + gamma * next;
  }
  return G;
}

/**
 * The lambda-return G_t = r_t + gamma ((1 - lambda) V_(t+1) + lambda G_(t+1)) with V_T = G_T = `after`, which is
 * GAE's advantage plus V_t. With lambda = 1 it is the Monte Carlo return to the last bit, whatever the values.
 */
export function lambdaReturns(
  rewards: readonly number[],
  values: readonly number[],
  gamma: number,
  lambda: number,
  after = 0,
): number[] {
  if (lambda === 1) return returnsToGo(rewards, gamma, after);
  const G = new Array<number>(rewards.length);
  for (let t = rewards.length - 1; t >= 0; t--) {
    G[t] = rewards[t]! +
      gamma * ((1 - lambda) * (values[t + 1] ?? after) + lambda * (G[t + 1] ?? after));
  }
  return G;
}
