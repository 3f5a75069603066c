/** The profiles of the cost experiment. */
import type { CostInput } from "./config.ts";

/** What quick and standard measure. */
const measured = {
  gates: [4, 8, 16],
  segments: [1, 2, 4, 8, 16],
  warmUp: { steps: 100 },
};

/** smoke: seconds, for CI; quick: a minute or two; standard: the same with 5 seeds. */
export const profiles: Record<"smoke" | "quick" | "standard", CostInput> = {
  smoke: {
    seeds: [1, 2],
    gates: [2, 4],
    segments: [1, 2, 4],
    dModel: 16,
    layers: 1,
    training: { iterations: 1, problems: 4, responses: 4 },
  },
  quick: { seeds: [1, 2], ...measured },
  standard: { seeds: [1, 2, 3, 4, 5], ...measured },
};
