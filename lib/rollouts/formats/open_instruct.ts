import { basename } from "node:path";
import type { RolloutFormat } from "../format.ts";
import { hasColumns, valueAt } from "../row.ts";

/**
 * open-instruct's `--save_traces`: token ids with their log-probabilities; text only with a tokenizer. `prompt_idx` counts
 * inside of a step: siblings share run, step and prompt_idx. Rewards may go to 10, or be sums of several.
 */
export const openInstruct: RolloutFormat = {
  name: "open-instruct",
  summary: "open-instruct's --save_traces, DIR/<run>_rollouts_<shard>.jsonl",
  isProvedBy: (row) => hasColumns(row, "prompt_tokens", "response_tokens", "prompt_idx", "reward"),
  columns: {
    group: "group",
    promptTokens: "prompt_tokens",
    responseTokens: "response_tokens",
    logProbabilities: "logprobs",
    outcome: "reward",
    groundTruth: "ground_truth_text",
    groundTruthTokens: "ground_truth_tokens",
    trainingStep: "step",
  },
  reads: ["prompt_idx", "ground_truth"],
  flatten: (row, { file }) => {
    const run = basename(file).replace(/(_rollouts_\d+)?\.jsonl(\.gz)?$/, "");
    const truth = valueAt(row, "ground_truth");
    return {
      ...row,
      group: `${run}/${valueAt(row, "step")}/${valueAt(row, "prompt_idx")}`,
      [Array.isArray(truth) ? "ground_truth_tokens" : "ground_truth_text"]: truth,
    };
  },
};
