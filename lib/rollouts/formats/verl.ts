import type { RolloutFormat } from "../format.ts";
import { hasColumns, valueAt } from "../row.ts";

/**
 * verl's dumps, one JSON lines file a training step (`trainer.rollout_data_dir`, `trainer.validation_data_dir`). Text is
 * decoded without special tokens: it has neither token ids nor chat markers.
 *
 * The newer trainer's `uid` is `{sample}_{rollout}_{output}`: siblings share sample and step. Without it they are grouped by
 * equal prompt and step. `score` may be in -1..1 or 0..1, whatever the reward function gives.
 */
export const verl: RolloutFormat = {
  name: "verl",
  summary: "verl's trainer.rollout_data_dir and validation_data_dir",
  isProvedBy: (row) => hasColumns(row, "input", "output", "gts", "score", "step"),
  columns: {
    group: "group",
    prompt: "input",
    response: "output",
    outcome: "score",
    groundTruth: "gts",
    trainingStep: "step",
  },
  reads: ["uid"],
  flatten: (row) => {
    const uid = valueAt(row, "uid");
    if (uid === undefined) return row;
    return { ...row, group: `${valueAt(row, "step")}/${String(uid).replace(/_\d+_\d+$/, "")}` };
  },
};
