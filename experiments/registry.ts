import type { Registry } from "../lib/run/experiment.ts";

/**
 * The experiments, by name. Adding one is one line here and one folder with a `mod.ts` whose default export is an
 * `Experiment` (lib/run/experiment.ts).
 */
export const registry: Registry = {
  scaling: () => import("./scaling/mod.ts"),
  generalization: () => import("./generalization/mod.ts"),
  conditioning: () => import("./conditioning/mod.ts"),
  ladder: () => import("./ladder/mod.ts"),
  controls: () => import("./controls/mod.ts"),
  "critic-training": () => import("./critic-training/mod.ts"),
  credit: () => import("./credit/mod.ts"),
  cost: () => import("./cost/mod.ts"),
  llm: () => import("./llm/mod.ts"),
};
