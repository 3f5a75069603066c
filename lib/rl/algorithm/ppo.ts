/** PPO (Schulman et al. 2017, arXiv 1707.06347) with GAE (arXiv 1506.02438): a critic, asked before every token. */
import type { RlAlgorithm } from "./algorithm.ts";

/** See the file's header. */
export const ppo: RlAlgorithm = {
  name: "ppo",
  title: "PPO",
  source: "Schulman et al. 2017, arXiv 1707.06347",
  advantage: { estimator: "gae", options: { lambda: 0.95 } },
  values: "critic",
  states: "tokens",
  whiten: true,
  objective: { loss: "ppo-clip" },
};
