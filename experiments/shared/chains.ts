/** Where a chain of thought first goes wrong, and what that costs. */
import type { LabelledState, Prediction } from "../../lib/critic/critic.ts";
import type { Environment } from "../../lib/env/environment.ts";
import { maximum } from "../../lib/numeric/extrema.ts";

/** The chains of one test set, as a cell stores them. Token index 0 is the first of the chain. */
export interface ChainReport {
  /** By token index: chains that have a token there and are right in every token before it. */
  readonly reached: readonly number[];
  /** By token index: chains whose first wrong token it is. */
  readonly firstWrong: readonly number[];
  /** By tenth of the chain's length: chains whose first wrong token lies there. */
  readonly firstWrongByTenth: readonly number[];
  /** Values after chains that are right in every token, and after the others. */
  readonly afterRight: ChainErrors;
  readonly afterWrong: ChainErrors;
}

/** Errors of some values against the exact ones. */
export interface ChainErrors {
  readonly count: number;
  /** Sum of squared errors, 1 for a response that cannot be parsed. */
  readonly squares: number;
}

/** Index of the first token of `response` that is not the reasoning trace's; null if all are right. */
export function firstWrongToken(
  trace: readonly number[],
  response: readonly number[] | undefined,
): number | null {
  const index = trace.findIndex((token, k) => response?.[k] !== token);
  return index < 0 ? null : index;
}

/** Whether these predictions come with chains of thought: more than a value token. */
export function haveChains(predictions: readonly Prediction[]): boolean {
  return predictions.some((p) => (p.responses?.[0]?.length ?? 0) > 1);
}

/** Judges the chains of `predictions`, which answer `labelled` in order. */
export function chainReport<State>(
  environment: Environment<State, unknown>,
  labelled: readonly LabelledState<State>[],
  predictions: readonly Prediction[],
): ChainReport {
  const traces = labelled.map(({ state }) => environment.reasoningTrace(state));
  const longest = maximum(traces.map((trace) => trace.length));
  const reached = new Array<number>(longest).fill(0), firstWrong = reached.slice();
  const firstWrongByTenth = new Array<number>(10).fill(0);
  const afterRight = { count: 0, squares: 0 }, afterWrong = { count: 0, squares: 0 };
  predictions.forEach(({ responses, value }, i) => {
    const trace = traces[i]!, wrong = firstWrongToken(trace, responses?.[0]);
    const last = wrong ?? trace.length - 1;
    for (let k = 0; k <= last; k++) reached[k]!++;
    if (wrong !== null) {
      firstWrong[wrong]!++;
      firstWrongByTenth[Math.floor((10 * wrong) / trace.length)]!++;
    }
    const errors = wrong === null ? afterRight : afterWrong;
    const error = value === null ? 1 : value - labelled[i]!.value;
    errors.count++;
    errors.squares += error * error;
  });
  return { reached, firstWrong, firstWrongByTenth, afterRight, afterWrong };
}

/**
 * By token index, the probability that a chain is right up to and including that token: the Kaplan-Meier estimate, in
 * which a chain that ends counts as long as it lasts.
 */
export function stillRight({ reached, firstWrong }: ChainReport): number[] {
  let right = 1;
  return reached.map((n, k) => n === 0 ? right : right *= 1 - firstWrong[k]! / n);
}
