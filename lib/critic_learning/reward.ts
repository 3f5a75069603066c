/**
 * The reward of a generative critic's response (GenAC, arXiv 2604.10701, section 5.2): R_v = 1 - (R - v)^2, a Brier score
 * turned round, which is largest in expectation where v is the probability of outcome 1.
 *
 * @param outcome R, 0 or 1.
 * @param value v in [0, 1]; null for a response that cannot be parsed, whose reward is 0.
 * @returns In [0, 1].
 */
export function criticReward(outcome: number, value: number | null): number {
  return value === null ? 0 : 1 - (outcome - value) * (outcome - value);
}
