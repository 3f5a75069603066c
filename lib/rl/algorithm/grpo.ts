/**
 * GRPO (Shao et al. 2024, arXiv 2402.03300): a response against its group, in units of the group's standard deviation;
 * every response counts the same, however long.
 */
import type { RlAlgorithm } from "./algorithm.ts";

/** See the file's header. */
export const grpo: RlAlgorithm = {
  name: "grpo",
  title: "GRPO",
  source: "Shao et al. 2024, arXiv 2402.03300",
  advantage: { estimator: "grpo" },
  values: "none",
  states: "tokens",
  whiten: false,
  objective: { loss: "ppo-clip", klLoss: "k3", normalization: "seq-mean-token-mean" },
};
