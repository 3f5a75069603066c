/** How a critic is judged on labelled states: the numbers that a cell stores for each test set. */
import type { LabelledState, Prediction } from "../../lib/critic/critic.ts";
import type { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import type { Environment, SampleOptions } from "../../lib/env/environment.ts";
import { type BatchKey, sampleStates } from "../../lib/env/sampling.ts";
import { type ValueReport, valueReport } from "../../lib/eval/value_report.ts";
import { firstWrongToken, haveChains } from "./chains.ts";

/**
 * How a critic's answer is read: its value, or, for critics that emit a value token, the mean over the value tokens.
 * The emitted token is the likeliest one: where the critic cannot know the value, that is not the mean.
 */
export const READOUTS = ["value", "expectation"] as const;
/** One of them. */
export type Readout = (typeof READOUTS)[number];

/** A test set's numbers in a cell's metrics. */
export interface TestReport extends Omit<ValueReport, "slices"> {
  /** The same answers read as the mean over value tokens or bins in place of the integer; null for scalar heads. */
  readonly expectation: { readonly r2: number | null; readonly rmse: number | null } | null;
  /** Fraction of responses whose chain of thought is right in every token; null for critics that write none. */
  readonly traceAccuracy: number | null;
}

/** `count` held-out states with their exact values for the actor that reaches them. Row i depends on the key and i alone. */
export function heldOutStates<State, Actor>(
  environment: Environment<State, Actor>,
  key: BatchKey,
  count: number,
  options: Omit<SampleOptions<Actor>, "split">,
): LabelledState<State>[] {
  return sampleStates(environment, key, count, { ...options, split: "test" }).map((state) => ({
    state,
    context: {},
    value: environment.exactValue(state, options.actor),
  }));
}

/** The critic's predictions for labelled states and their report; `value` is the exact value. */
export async function testCritic<State>(
  critic: NeuralCritic<State>,
  labelled: readonly LabelledState<State>[],
): Promise<{ report: TestReport; predictions: Prediction[] }> {
  const predictions = await critic.values(labelled);
  return { report: testReport(critic.environment, labelled, predictions), predictions };
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
    expectation: expectation && { r2: expectation.r2, rmse: expectation.rmse },
    traceAccuracy: traceAccuracy(labelled, predictions, trace),
  };
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
