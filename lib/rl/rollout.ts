/**
 * A response of the actor to a prompt, as an episode of the token-level MDP.
 *
 * Token t = 0..T-1 is the action. State s_t is the prompt and tokens 0..t-1: what stands BEFORE token t. Tokens are
 * deterministic transitions, and the verifier judges the whole response:
 *
 *     s_0 --token 0, r_0--> s_1 --token 1, r_1--> ... s_(T-1) --token T-1, r_(T-1)--> end, of value 0
 *
 * - A value V_t belongs to s_t. A critic that gives V_t has seen tokens 0..t-1 and not token t: with token t it would
 *   be a Q-value, and as a baseline it would bias the policy gradient.
 * - r_t comes with token t. The verifier's reward comes with the last token: r_(T-1) contains it.
 * - The horizon is finite: a response that reached the token limit has ended like any other, with value 0 after it and
 *   the verifier's reward for what it is. How many tokens are left is part of s_t, so V must depend on it. So in the kit's
 *   environments, whose problems say how long a response is. Where the limit is not part of the problem, mark what it
 *   cut as `truncated`: estimators with the option `truncation` can then go on from V_T, and `maskTruncated` of the
 *   policy's objective leaves it out (Gymnasium's "truncated" in the place of "terminated").
 * - A token that ends the response (end of sequence) is an action like the others and is among the T.
 */

/** Every array has T entries, one a token; T may be 0. Checked by `checkRollouts` (advantage/check.ts). */
export interface Rollout {
  /** Which prompt: rollouts of equal number are responses to the same one. Any integer. */
  readonly group: number;
  /** The verifier's reward for the whole response, usually 0 or 1. */
  readonly reward: number;
  /**
   * log mu(y_t | s_t) in nats, at most 0, of the policy mu that sampled the tokens (the behaviour policy), at the
   * temperature it sampled with.
   */
  readonly logProbabilities: readonly number[];
  /** What token t earns besides the verifier's reward, e.g. -beta k1 (`withKlPenalty`). */
  readonly tokenRewards?: readonly number[];
  /** log ref(y_t | s_t) in nats of the reference policy. */
  readonly referenceLogProbabilities?: readonly number[];
  /**
   * The critic's V_t, before token t, in units of reward. Null where it was not asked or its answer could not be
   * parsed: such a state has no value, it is not 0.
   */
  readonly values?: readonly (number | null)[];
  /** A judgement of token t itself, e.g. 1 where a step is right; seen after token t. */
  readonly processRewards?: readonly number[];
  /**
   * Returns of independent continuations of the behaviour policy from s_t, before token t, at least one; null where
   * none was made.
   */
  readonly continuations?: readonly (readonly number[] | null)[];
  /** The exact value of s_t under the behaviour policy, before token t. */
  readonly exactValues?: readonly number[];
  /** Whether a limit cut the response that would have gone on. */
  readonly truncated?: boolean;
  /** The critic's V_T, after the last token of a truncated response, in units of reward. */
  readonly finalValue?: number;
}

/** For each rollout the indices of all rollouts of its prompt, itself included, in order. */
export function groupMembers(rollouts: readonly Rollout[]): readonly number[][] {
  const groups = new Map<number, number[]>();
  rollouts.forEach(({ group }, i) => {
    const members = groups.get(group);
    if (members) members.push(i);
    else groups.set(group, [i]);
  });
  return rollouts.map(({ group }) => groups.get(group)!);
}
