/** How a critic is judged on labelled states: the numbers that a cell stores for each test set. */
import type { Critic, LabelledState, Prediction } from "../../lib/critic/critic.ts";
import type { Environment } from "../../lib/env/environment.ts";
import { type ValueReport, valueReport } from "../../lib/eval/value_report.ts";
import type { Json } from "../../lib/run/experiment.ts";
import { firstWrongToken, haveChains } from "./chains.ts";

/** A test set's numbers in a cell's metrics. */
export interface TestReport extends Omit<ValueReport, "slices"> {
  /** The same answers read as the mean over value tokens or bins in place of the integer; null for scalar heads. */
  readonly expectation: { readonly r2: number | null; readonly rmse: number | null } | null;
  /** Fraction of responses whose chain of thought is right in every token; null for critics that write none. */
  readonly traceAccuracy: number | null;
}

/** The critic's predictions for labelled states and their report; `value` is the exact value. */
export async function evaluate<State>(
  critic: Critic<State>,
  environment: Environment<State, unknown>,
  labelled: readonly LabelledState<State>[],
): Promise<{ report: TestReport; predictions: Prediction[] }> {
  const predictions = await critic.values(labelled);
  return { report: testReport(environment, labelled, predictions), predictions };
}

/** The report of predictions for labelled states. `trace`: the chain of thought that counts as right. */
export function testReport<State>(
  environment: Environment<State, unknown>,
  labelled: readonly LabelledState<State>[],
  predictions: readonly Prediction[],
  trace = (state: State): readonly number[] => environment.reasoningTrace(state),
): TestReport {
  const exact = labelled.map(({ value }) => value);
  const { slices: _, ...metrics } = valueReport(predictions.map((p) => p.value), exact);
  const expectation = predictions.some((p) => p.expectation !== null)
    ? valueReport(predictions.map((p) => p.expectation), exact)
    : null;
  return {
    ...metrics,
    calibration: metrics.calibration.map((bin) => ({ ...bin })),
    expectation: expectation && { r2: expectation.r2, rmse: expectation.rmse },
    traceAccuracy: traceAccuracy(labelled, predictions, trace),
  };
}

/** A report as a cell stores it. */
export function asJson(report: TestReport): Json {
  return report as unknown as Json;
}

function traceAccuracy<State>(
  labelled: readonly LabelledState<State>[],
  predictions: readonly Prediction[],
  trace: (state: State) => readonly number[],
): number | null {
  if (!haveChains(predictions)) return null;
  const right = predictions.filter(({ responses }, i) =>
    firstWrongToken(trace(labelled[i]!.state), responses?.[0]) === null
  );
  return right.length / labelled.length;
}
