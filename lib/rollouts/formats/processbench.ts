import type { RolloutFormat } from "../format.ts";
import { hasColumns, textsAt } from "../row.ts";

/**
 * ProcessBench (Zheng et al. 2024, arXiv 2412.06559). The outcome is whether the final answer is right. `label`, the index
 * of the first wrong step, is a judgement of steps and no value (right answers follow from wrong steps, too): no probes.
 */
export const processbench: RolloutFormat = {
  name: "processbench",
  summary: "ProcessBench: solutions with the first wrong step",
  isProvedBy: (row) => hasColumns(row, "problem", "steps", "final_answer_correct", "label"),
  columns: {
    prompt: "problem",
    response: "response",
    steps: "steps",
    outcome: "final_answer_correct",
    actor: "generator",
  },
  flatten: (row) => ({ ...row, response: textsAt(row, "steps").join("\n\n") }),
};
