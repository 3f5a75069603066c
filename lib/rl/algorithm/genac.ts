/**
 * GenAC (Shan et al. 2026, arXiv 2604.10701): PPO with a generative critic, asked at the first token of each segment. A
 * public re-implementation has lambda 1 and clip-high 0.272. Its critic: `trainCritic` in lib/critic_learning.
 */
import type { RlAlgorithm } from "./algorithm.ts";

/** See the file's header. */
export const genac: RlAlgorithm = {
  name: "genac",
  title: "GenAC",
  source: "Shan et al. 2026, arXiv 2604.10701",
  advantage: { estimator: "genac-segments", options: { lambda: 1, boundary: "after" } },
  values: "critic",
  states: "segments",
  whiten: true,
  objective: { loss: "ppo-clip", clipHigh: 0.272 },
};
