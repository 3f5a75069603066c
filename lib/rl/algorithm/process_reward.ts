/**
 * Process reward, a reference that knows the task: a token is credited with what it does to the best outcome still
 * possible, V*(s_(t+1)) - V*(s_t), of an actor without faults (progress as in Setlur et al. 2024, arXiv 2410.08146).
 */
import type { RlAlgorithm } from "./algorithm.ts";

/** See the file's header. */
export const processReward: RlAlgorithm = {
  name: "process-reward",
  title: "Process reward",
  source: "Setlur et al. 2024, arXiv 2410.08146",
  advantage: { estimator: "process-reward" },
  values: "process",
  states: "tokens",
  whiten: true,
  objective: { loss: "ppo-clip" },
};
