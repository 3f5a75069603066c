import { UsageError } from "../../errors.ts";
import type { RolloutFormat } from "../format.ts";
import { BadRow, hasColumns, listAt, type Row, Skipped, textAt, valueAt } from "../row.ts";

/** What lm-evaluation-harness calls the results of a task without filters. */
const NO_FILTER = "none";

/**
 * lm-evaluation-harness, `--log_samples`: one line per document AND filter, so one filter is taken, or every rollout would
 * count twice. The outcome is the metric that the user names. Tasks that compare log-likelihoods have no rollouts.
 */
export const lmEval: RolloutFormat = {
  name: "lm-eval",
  summary: "lm-evaluation-harness' --log_samples, samples_<task>_<date>.jsonl",
  isProvedBy: (row) => hasColumns(row, "doc_id", "doc", "arguments", "resps", "filtered_resps"),
  columns: { prompt: "prompt", response: "response", groundTruth: "target" },
  reads: ["arguments", "resps", "filter"],
  flatten: (row, { filter = NO_FILTER }) => {
    const found = textAt(row, "filter");
    if (found !== filter) {
      if (filter !== NO_FILTER) return new Skipped(`results of the filter ${found}`);
      const remedy =
        "the task has filters and a line for each: give --filter with the one to take, or every rollout would count twice";
      throw new UsageError("--filter", found, remedy);
    }
    return { ...row, prompt: promptOf(row), response: responseOf(row) };
  },
};

function promptOf(row: Row): string {
  // Older versions write [[prompt, options]].
  const prompt = valueAt(row, "arguments.gen_args_0.arg_0") ?? valueAt(row, "arguments.0.0");
  if (typeof prompt === "string") return prompt;
  throw new BadRow("arguments", prompt, "the prompt of a generation is needed here, as text");
}

function responseOf(row: Row): string {
  const [samples, ...others] = listAt(row, "resps");
  if (others.length > 0 || !Array.isArray(samples) || typeof samples[0] !== "string") {
    throw new BadRow("resps", row.resps, "one generated text is needed here: [[text]]");
  }
  if (samples.length === 1) return samples[0];
  const remedy =
    "several samples share one metric, so none has an outcome of its own: run with repeats: 1";
  throw new BadRow("resps", `${samples.length} samples`, remedy);
}
