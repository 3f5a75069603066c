/** The profiles of the cost experiment. */
import type { CostInput } from "./config.ts";

/** smoke: seconds, for CI; quick: short responses; standard: four lengths, 5 seeds that were not seen before. */
export const profiles: Record<"smoke" | "quick" | "standard", CostInput> = {
  smoke: {
    seeds: [1, 2],
    gates: [2, 4],
    segments: [1, 2, 4],
    dModel: 16,
    layers: 1,
    training: { iterations: 1, problems: 4, responses: 4 },
  },
  quick: {
    seeds: [1, 2],
    gates: [4, 8],
    segments: [1, 2, 4, 8],
    warmUp: { steps: 100 },
    training: { iterations: 1 },
  },
  standard: {
    seeds: [6, 7, 8, 9, 10],
    gates: [4, 8, 16, 32],
    segments: [1, 2, 4, 8],
    warmUp: { steps: 100 },
    training: { iterations: 1 },
  },
};
