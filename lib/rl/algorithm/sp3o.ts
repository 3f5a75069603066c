/** SP3O (Li et al. 2026, arXiv 2609.18708): VC-PPO whose critic is trained on three states of each response. */
import type { RlAlgorithm } from "./algorithm.ts";
import { vcPpo } from "./vc_ppo.ts";

/** See the file's header. */
export const sp3o: RlAlgorithm = {
  ...vcPpo,
  name: "sp3o",
  title: "SP3O",
  source: "Li et al. 2026, arXiv 2609.18708",
  criticStates: "sparse",
};
