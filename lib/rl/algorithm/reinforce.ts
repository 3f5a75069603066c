/** REINFORCE with the batch's mean return as baseline (Williams 1992). */
import type { RlAlgorithm } from "./algorithm.ts";

/** See the file's header. */
export const reinforce: RlAlgorithm = {
  name: "reinforce",
  title: "REINFORCE",
  source: "Williams 1992",
  advantage: { estimator: "monte-carlo", options: { baseline: "batch-mean" } },
  values: "none",
  states: "tokens",
  whiten: true,
  objective: { loss: "reinforce" },
};
