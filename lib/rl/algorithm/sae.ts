/** SAE (arXiv 2601.07320): PPO whose lambda is below 1 only where a segment ends. */
import type { RlAlgorithm } from "./algorithm.ts";

/** See the file's header. */
export const sae: RlAlgorithm = {
  name: "sae",
  title: "SAE",
  source: "arXiv 2601.07320",
  advantage: { estimator: "sae" },
  values: "critic",
  states: "tokens",
  whiten: true,
  objective: { loss: "ppo-clip" },
};
