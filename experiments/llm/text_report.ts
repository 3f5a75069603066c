import type { LabelledState } from "../../lib/critic/critic.ts";
import type { SampleOptions } from "../../lib/env/environment.ts";
import type { RunningSumActor } from "../../lib/env/running_sum.ts";
import { type BatchKey, sampleStates } from "../../lib/env/sampling.ts";
import type { TextTask } from "../../lib/env/text_task.ts";
import { valueReport } from "../../lib/eval/value_report.ts";
import type { TextCritic, TextPrediction } from "../../lib/text_models/text_critic.ts";
import type { TestReport } from "../shared/test_report.ts";

/** A test set's numbers in a cell's metrics. */
export type TextReport = Omit<TestReport, "calibration">;

/** Labelled states of an actor's; `told`: what a critic's prompt says of it. Row i depends on the key and i alone. */
export function labelledStates<State>(
  task: TextTask<State, RunningSumActor>,
  key: BatchKey,
  count: number,
  options: SampleOptions<RunningSumActor>,
  told: LabelledState<State>["context"] = {},
): LabelledState<State>[] {
  return sampleStates(task, key, count, options).map((state) => ({
    state,
    context: told,
    value: task.exactValue(state, options.actor),
  }));
}

/** What a critic says of labelled states, and how many tokens it writes for an answer. */
export async function testTextCritic<State>(
  critic: TextCritic<State>,
  labelled: readonly LabelledState<State>[],
): Promise<{ report: TextReport; tokens: number }> {
  const predictions = await critic.values(labelled);
  const written = predictions.map(({ responses }) => responses?.[0]?.length ?? 0);
  return {
    report: textReport(critic.task, labelled, predictions, critic.kind.reasons),
    tokens: written.reduce((a, b) => a + b, 0) / labelled.length,
  };
}

/** The report of predictions for labelled states. */
export function textReport<State>(
  task: Pick<TextTask<State, unknown>, "traceText">,
  labelled: readonly LabelledState<State>[],
  predictions: readonly TextPrediction[],
  reasons: boolean,
): TextReport {
  const exact = labelled.map(({ value }) => value);
  const { slices: _, calibration: __, ...metrics } = valueReport(
    predictions.map(({ value }) => value),
    exact,
  );
  const means = predictions.map(({ expectation }) => expectation);
  const expected = means.some((mean) => mean !== null) ? valueReport(means, exact) : null;
  const right = predictions.filter(({ reasoning }, i) =>
    reasoning === task.traceText(labelled[i]!.state, labelled[i]!.context)
  );
  return {
    ...metrics,
    expectation: expected && { r2: expected.r2, rmse: expected.rmse },
    traceAccuracy: reasons ? right.length / labelled.length : null,
  };
}
