/** Test-time scaling of a generative critic: the mean value of several sampled chains of thought in place of one. */
import type { LabelledState, Prediction } from "../../lib/critic/critic.ts";
import type { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { valueReport } from "../../lib/eval/value_report.ts";
import type { SampleKey } from "../../lib/nn/generate_options.ts";
import { maximum } from "../../lib/numeric/extrema.ts";
import { mean } from "../../lib/numeric/sums.ts";

/** How good answers are, on states whose exact values are known. */
export interface AnswerReport {
  /** RMSE against the exact value, with 1 charged where nothing could be parsed. */
  readonly rmse: number;
  /** Pairs with an answer that could not be parsed count 1/2. */
  readonly rankingAccuracy: number;
  readonly parseRate: number;
}

/** What a critic gains from sampling. */
export interface SamplesReport {
  /** Of greedy decoding, on the same states. */
  readonly greedy: AnswerReport;
  /** Of the mean over the first `count` sampled responses, by `count`. */
  readonly sampled: readonly (AnswerReport & { readonly count: number })[];
}

/**
 * Samples responses at temperature 1, as many as the largest count, and judges the mean value of the first few.
 *
 * @param critic One that writes a chain of thought.
 * @param greedy Its greedy predictions for the states.
 * @param counts How many responses to average, each 1 or more.
 * @param key Where the responses' random numbers come from.
 */
export async function samplesReport<State>(
  critic: NeuralCritic<State>,
  labelled: readonly LabelledState<State>[],
  greedy: readonly Prediction[],
  counts: readonly number[],
  key: SampleKey,
): Promise<SamplesReport> {
  const exact = labelled.map(({ value }) => value);
  const responses = await critic.respond(labelled, key, { count: maximum(counts) });
  const values = responses.map((all) => all.map(({ value }) => value));
  const sampled = counts.map((count) => ({
    count,
    ...answerReport(values.map((all) => meanOfFirst(all, count)), exact),
  }));
  return {
    greedy: answerReport(greedy.map(({ value }) => value), exact),
    sampled,
  };
}

/** Mean of those of the first `count` values that were parsed; null if none was. */
export function meanOfFirst(values: readonly (number | null)[], count: number): number | null {
  const parsed = values.slice(0, count).filter((value) => value !== null);
  return parsed.length === 0 ? null : mean(parsed);
}

function answerReport(
  values: readonly (number | null)[],
  exact: readonly number[],
): AnswerReport {
  const { parseRate, penalizedMse, rankingAccuracy } = valueReport(values, exact);
  return { rmse: Math.sqrt(penalizedMse), rankingAccuracy: rankingAccuracy ?? 0.5, parseRate };
}
