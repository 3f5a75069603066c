/** Oracle, a reference: PPO with the actor's exact values (lib/actor/exact_values.ts). */
import type { RlAlgorithm } from "./algorithm.ts";

/** See the file's header. */
export const oracle: RlAlgorithm = {
  name: "oracle",
  title: "Oracle critic",
  source: "definition of the advantage",
  advantage: { estimator: "oracle" },
  values: "exact",
  states: "tokens",
  whiten: true,
  objective: { loss: "ppo-clip" },
};
