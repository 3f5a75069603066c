import type { LabelledState } from "../../lib/critic/critic.ts";
import type { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { mean, populationVariance, sum } from "../../lib/numeric/sums.ts";
import { criticReward } from "../../lib/critic_learning/reward.ts";
import { klTerms } from "../../lib/critic_learning/reinforce.ts";
import { testCritic } from "../shared/test_report.ts";

/**
 * A critic at one moment of its training: every number that the report follows. Greedy answers to the test states unless
 * said otherwise.
 */
export interface Snapshot {
  /** Training steps taken. */
  readonly step: number;
  /** RMSE of the emitted integer against the exact value, 1 charged for a parse failure. */
  readonly rmse: number;
  /** RMSE of the expectation over value tokens, charged likewise. */
  readonly expectationRmse: number;
  /** 0.5 where nothing could be ranked. */
  readonly rankingAccuracy: number;
  readonly parseRate: number;
  /** Fraction of chains of thought that are right in every token. */
  readonly traceAccuracy: number;
  /** Fraction of the chain's tokens that are right. */
  readonly tokenAccuracy: number;
  /** Standard deviation of the emitted values; 0 where none could be parsed. */
  readonly valueSpread: number;
  /** Mean R_v of one response to each state, sampled at temperature 1 as in training, exact over outcomes. */
  readonly reward: number;
  /** Mean log pi - log SFT critic of those responses, in nats per response. */
  readonly kl: number;
}

/** The metrics, in the order of tables. */
export const METRICS = [
  "rmse",
  "expectationRmse",
  "rankingAccuracy",
  "parseRate",
  "traceAccuracy",
  "tokenAccuracy",
  "valueSpread",
  "reward",
  "kl",
] as const satisfies readonly (keyof Snapshot)[];
/** One of them. */
export type Metric = typeof METRICS[number];

/** Judges a critic on labelled test states; responses are sampled from the stream of `seed`. */
export async function measure<State>(
  critic: NeuralCritic<State>,
  reference: NeuralCritic<State>,
  labelled: readonly LabelledState<State>[],
  seed: number,
): Promise<Snapshot> {
  const { environment } = critic, { step } = critic.model;
  const { report, predictions } = await testCritic(critic, labelled);
  const { n, parsed } = report;
  const expectationRmse = report.expectation?.rmse ?? 0;
  const values = predictions.flatMap(({ value }) => value === null ? [] : [value]);
  const right = predictions.map(({ responses }, i) =>
    environment.reasoningTrace(labelled[i]!.state).map((token, t) => responses![0]![t] === token)
  );
  const tokens = right.flat();

  const key = { seed, purpose: "critic-training/test/responses", firstRow: 0 };
  const sampled = await critic.respond(labelled, key);
  const rewards = sampled.map(([response], i) => {
    const exact = labelled[i]!.value;
    return exact * criticReward(1, response!.value) +
      (1 - exact) * criticReward(0, response!.value);
  });
  const kl = (await klTerms(critic.model, reference.model, sampled)).flat().map(sum);
  return {
    step,
    rmse: Math.sqrt(report.penalizedMse),
    expectationRmse: Math.sqrt((expectationRmse * expectationRmse * parsed + (n - parsed)) / n),
    rankingAccuracy: report.rankingAccuracy ?? 0.5,
    parseRate: report.parseRate,
    traceAccuracy: right.filter((row) => row.every(Boolean)).length / n,
    tokenAccuracy: tokens.filter(Boolean).length / tokens.length,
    valueSpread: values.length > 0 ? Math.sqrt(populationVariance(values)) : 0,
    reward: mean(rewards),
    kl: mean(kl),
  };
}

/** In what a critic has collapsed. */
export type Collapse = "chain of thought" | "constant value" | "no answer";
/** All of them. */
export const COLLAPSES: readonly Collapse[] = ["chain of thought", "constant value", "no answer"];

/**
 * Whether, and in what, a critic has collapsed:
 *
 * - "chain of thought": fewer than half as many chains are right as at the start;
 * - "constant value": the values it emits spread less than half as wide as the exact ones;
 * - "no answer": fewer than half of its responses can be parsed.
 *
 * @param exactSpread Standard deviation of the exact values of the test states.
 */
export function collapses(point: Snapshot, start: Snapshot, exactSpread: number): Collapse[] {
  const is: Record<Collapse, boolean> = {
    "chain of thought": point.traceAccuracy < start.traceAccuracy / 2,
    "constant value": point.valueSpread < exactSpread / 2,
    "no answer": point.parseRate < 0.5,
  };
  return COLLAPSES.filter((kind) => is[kind]);
}
