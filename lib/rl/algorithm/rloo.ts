/** RLOO (Ahmadian et al. 2024, arXiv 2402.14740): a response against the mean of the others to its prompt. */
import type { RlAlgorithm } from "./algorithm.ts";

/** See the file's header. */
export const rloo: RlAlgorithm = {
  name: "rloo",
  title: "RLOO",
  source: "Ahmadian et al. 2024, arXiv 2402.14740",
  advantage: { estimator: "rloo" },
  values: "none",
  states: "tokens",
  whiten: true,
  objective: { loss: "reinforce" },
};
