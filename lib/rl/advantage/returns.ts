/** Rewards and returns of a rollout. Sums run from the last token to the first. */
import { UsageError } from "../../errors.ts";
import type { Rollout } from "../rollout.ts";
import type { Truncation } from "./options.ts";

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

/**
 * The value after the last token of each rollout: 0, or the critic's V_T where the response was cut by length and
 * `truncation` is "bootstrap",
 *
 *     delta_(T-1) = r_(T-1) + gamma V_T - V_(T-1),
 *
 * as if it had gone on (Pardo et al. 2018, arXiv 1712.00378; Gymnasium's "truncated"). The verifier's reward for what
 * was cut remains in r_(T-1).
 *
 * @throws UsageError for bootstrapping from a rollout that does not say whether it was cut, or gives no value there.
 */
export function valuesAfter(
  rollouts: readonly Rollout[],
  truncation: Truncation,
): number[] {
  return rollouts.map(({ truncated, finalValue }, i) => {
    if (truncation === "failure") return 0;
    if (truncated === undefined) {
      throw new UsageError(
        `rollouts[${i}].truncated`,
        truncated,
        "to bootstrap, give true or false",
      );
    }
    if (truncated && finalValue === undefined) {
      const remedy = "to bootstrap, give the critic's value after the last token";
      throw new UsageError(`rollouts[${i}].finalValue`, finalValue, remedy);
    }
    return truncated ? finalValue! : 0;
  });
}
