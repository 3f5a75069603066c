import type { RolloutFormat } from "../format.ts";
import { BadRow, hasColumns, listAt, textsAt } from "../row.ts";

/**
 * TRL's stepwise supervision data sets (`prompt`, `completions`, `labels`). What a step's label says differs from one to
 * the other, so the user says which is the outcome: `last-label` (Math-Shepherd: a finished solution's label is whether its
 * answer is right) or `every-label` (judgements of steps: right throughout). Labels become no probes, see
 * `math_shepherd.ts` and `prm800k.ts`.
 */
export const trlStepwise: RolloutFormat = {
  name: "trl-stepwise",
  summary: "TRL's stepwise supervision: prompt, completions, labels",
  isProvedBy: (row) => hasColumns(row, "prompt", "completions", "labels"),
  columns: { prompt: "prompt", response: "response", steps: "completions" },
  reads: ["labels"],
  flatten: (row) => {
    const steps = textsAt(row, "completions"), labels = listAt(row, "labels");
    if (labels.length !== steps.length || labels.length === 0) {
      throw new BadRow(
        "labels",
        `${labels.length} for ${steps.length} steps`,
        "one a step is needed",
      );
    }
    const odd = labels.find((label) => typeof label !== "boolean");
    if (odd !== undefined) throw new BadRow("labels", odd, "true or false are needed here");
    return {
      ...row,
      response: steps.join("\n"),
      "last-label": labels.at(-1),
      "every-label": labels.every(Boolean),
    };
  },
};
