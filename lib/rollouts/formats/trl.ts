import type { RolloutFormat } from "../format.ts";
import { hasColumns } from "../row.ts";

/**
 * TRL's `log_completions=True` of GRPO and RLOO: one Parquet file a step. There is a column for each reward function and
 * none for their sum or for groups: the user names the outcome, siblings are grouped by equal prompt and step.
 */
export const trl: RolloutFormat = {
  name: "trl",
  summary: "TRL's log_completions, OUTPUT_DIR/completions/*.parquet",
  isProvedBy: (row) => hasColumns(row, "step", "prompt", "completion", "advantage"),
  columns: { prompt: "prompt", response: "completion", trainingStep: "step" },
};
