import type { RolloutFormat } from "../format.ts";
import { BadRow, hasColumns, listAt, type Row, textAt, valueAt } from "../row.ts";

/**
 * The Monte Carlo Parquet that `value_estimation make_dataset` of the open-instruct fork with GenAC writes
 * (hamishivi/open-instruct), and `writeMonteCarloParquet` with a few columns more: group, outcome, steps, log-probabilities,
 * and each probe's own number of continuations. In the fork's file siblings are of equal prompt and actor, and the
 * outcome is 0 or 1.
 */
export const monteCarlo: RolloutFormat = {
  name: "monte-carlo",
  summary: "Monte Carlo values (Parquet) of `task values`, or of open-instruct's GenAC fork",
  isProvedBy: (row) => hasColumns(row, "rollout_tokens", "probe_positions", "mc_values"),
  columns: {
    group: "group",
    prompt: "prompt",
    promptTokens: "prompt_token_ids",
    problem: "problem",
    response: "rollout_text",
    responseTokens: "rollout_tokens",
    steps: "steps",
    logProbabilities: "rollout_logprobs",
    outcome: "outcome",
    groundTruth: "ground_truth",
    verifier: "verifier_name",
    trainingStep: "training_step",
    actor: "actor_model_name",
    successRate: "actor_success_rate",
    tokenLimit: "response_token_limit",
    probes: "probes",
  },
  needs: ["probes"],
  reads: [
    ...["rollout_is_correct", "probe_positions", "mc_values", "num_continuations"],
    ...["probe_unit", "probe_continuations"],
  ],
  outcomeRange: [0, 1],
  flatten: (row) => ({
    ...row,
    outcome: valueAt(row, "outcome") ?? valueAt(row, "rollout_is_correct"),
    probes: probesOf(row),
  }),
};

function probesOf(row: Row): unknown[] {
  const positions = listAt(row, "probe_positions"), means = listAt(row, "mc_values");
  const unit = valueAt(row, "probe_unit") === undefined ? "token" : textAt(row, "probe_unit");
  const counts = valueAt(row, "probe_continuations") === undefined
    ? positions.map(() => valueAt(row, "num_continuations"))
    : listAt(row, "probe_continuations");
  for (const [column, list] of [["mc_values", means], ["probe_continuations", counts]] as const) {
    if (list.length !== positions.length) {
      const found = `${list.length} for ${positions.length} probe_positions`;
      throw new BadRow(column, found, "one a probe is needed");
    }
  }
  return positions.map((at, i) => ({ at, unit, mean: means[i], n: counts[i] }));
}
