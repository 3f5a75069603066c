/** VinePPO (Kazemnejad et al. 2025, arXiv 2410.01679): values from continuations in the place of a critic. */
import type { RlAlgorithm } from "./algorithm.ts";

/** See the file's header. */
export const vinePpo: RlAlgorithm = {
  name: "vineppo",
  title: "VinePPO",
  source: "Kazemnejad et al. 2025, arXiv 2410.01679",
  advantage: { estimator: "vineppo" },
  values: "continuations",
  states: "tokens",
  whiten: true,
  objective: { loss: "ppo-clip" },
};
