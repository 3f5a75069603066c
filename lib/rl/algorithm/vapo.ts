/**
 * VAPO (Yue et al. 2025, arXiv 2504.05118): VC-PPO with a lambda that grows with the response, clip-higher, and
 * imitation of what worked. The paper's alpha, 0.05, is for thousands of tokens: up to 20 tokens it gives lambda 0. Here
 * alpha is 1, for which a response of 6 tokens has lambda 5/6.
 */
import type { RlAlgorithm } from "./algorithm.ts";

/** See the file's header. */
export const vapo: RlAlgorithm = {
  name: "vapo",
  title: "VAPO",
  source: "Yue et al. 2025, arXiv 2504.05118",
  advantage: { estimator: "vapo", options: { alpha: 1 } },
  values: "critic",
  states: "tokens",
  whiten: true,
  objective: { loss: "ppo-clip", clipHigh: 0.28, positiveNllCoefficient: 0.1 },
};
