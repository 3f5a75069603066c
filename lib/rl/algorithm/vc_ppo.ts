/**
 * VC-PPO (Yuan et al. 2025, arXiv 2503.01491): PPO whose critic is pretrained on the frozen actor and learns from Monte
 * Carlo returns (lambda 1), while the actor's advantages have lambda 0.95.
 */
import type { RlAlgorithm } from "./algorithm.ts";

/** See the file's header. */
export const vcPpo: RlAlgorithm = {
  name: "vc-ppo",
  title: "VC-PPO",
  source: "Yuan et al. 2025, arXiv 2503.01491",
  advantage: { estimator: "vc-ppo" },
  values: "critic",
  states: "tokens",
  whiten: true,
  objective: { loss: "ppo-clip" },
};
