/** Dr. GRPO (Liu et al. 2025, arXiv 2503.20783): GRPO without the standard deviation and the response's length. */
import type { RlAlgorithm } from "./algorithm.ts";

/** See the file's header. */
export const drGrpo: RlAlgorithm = {
  name: "dr-grpo",
  title: "Dr. GRPO",
  source: "Liu et al. 2025, arXiv 2503.20783",
  advantage: { estimator: "dr-grpo" },
  values: "none",
  states: "tokens",
  whiten: true,
  objective: { loss: "ppo-clip", klLoss: "k3", normalization: "seq-mean-token-sum-norm" },
};
