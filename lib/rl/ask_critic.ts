import type { NeuralCritic } from "../critic/neural_critic.ts";
import type { CriticContext } from "../env/environment.ts";
import { populationVariance } from "../numeric/sums.ts";
import { forwardFlops, prefillTokens } from "../nn/flops.ts";
import type { SampleKey } from "../nn/generate_options.ts";
import type { ActorResponse } from "../actor/neural_actor.ts";
import { segmentOptions } from "./advantage/options.ts";
import { segmentStarts } from "./advantage/segments.ts";
import type { RlAlgorithm } from "./algorithms.ts";
import type { Rollout } from "./rollout.ts";

/** Which value of a critic is used: the one it emits, or the mean of its distribution over values. */
export type CriticReading = "emitted" | "expectation";

/** A critic's answers about a batch of rollouts. */
export interface CriticAnswers {
  /** V before each token, null where it was not asked or its answer not parsed; arrays of T. */
  readonly values: (number | null)[][];
  /** The tokens before which it was asked, rising, by rollout. */
  readonly positions: readonly (readonly number[])[];
  /** The fraction of questions whose answers could be parsed. */
  readonly parseRate: number;
  /** Standard deviation of the answers. */
  readonly spread: number;
  /** Different questions. */
  readonly questions: number;
  /** Tokens that the critic wrote, of all responses behind an answer. */
  readonly tokens: number;
  /** Of reading prompts and writing; a prompt that several responses share is read once. */
  readonly flops: number;
}

/** The tokens before which an algorithm asks its critic, by rollout. */
export function askedStates(
  rollouts: readonly Rollout[],
  { states, advantage }: RlAlgorithm,
): number[][] {
  if (states === "tokens") return rollouts.map(({ logProbabilities: p }) => p.map((_, t) => t));
  const options = segmentOptions.parse(advantage.options ?? {});
  return rollouts.map(({ logProbabilities }) => segmentStarts(logProbabilities, options));
}

/** What to ask a critic, and how to read its answers. */
export interface AskOptions {
  readonly positions: readonly (readonly number[])[];
  /** What the critic's prompt states of the actor. */
  readonly context: Pick<CriticContext, "successRate">;
  /** The value of a first state whose answer cannot be parsed: the actor's success rate. */
  readonly fallback: number;
  readonly read: CriticReading;
  /** Whether a later state without an answer takes the value before it, for estimators that need all. */
  readonly fill: boolean;
  /** Of a critic that samples. Its rows are those from `firstRow` on, one for each different question. */
  readonly key: SampleKey;
}

/** The values of a batch of rollouts' states, asked of a critic: each state once, whoever shares it. */
export async function askCritic<State>(
  critic: NeuralCritic<State>,
  rollouts: readonly Pick<ActorResponse<State>, "states">[],
  { positions, context, fallback, read, fill, key: sampleKey }: AskOptions,
): Promise<CriticAnswers> {
  const { environment, model } = critic;
  const questions = new Map<
    string,
    { state: State; places: [number, number][]; prompt: number[] }
  >();
  rollouts.forEach(({ states }, i) =>
    positions[i]!.forEach((t) => {
      const prompt = environment.criticPrompt(states[t]!, context), key = prompt.join(" ");
      const known = questions.get(key);
      if (known) known.places.push([i, t]);
      else questions.set(key, { state: states[t]!, places: [[i, t]], prompt });
    })
  );
  const asked = [...questions.values()];
  const predictions = await critic.values(
    asked.map(({ state }) => ({ state, context })),
    sampleKey,
  );
  const values = rollouts.map(({ states }) => new Array<number | null>(states.length).fill(null));
  const parsed: number[] = [];
  let tokens = 0;
  predictions.forEach(({ value, expectation, responses = [] }, q) => {
    const v = read === "expectation" ? expectation ?? value : value;
    if (v !== null) parsed.push(v);
    for (const response of responses) tokens += response.length;
    for (const [i, t] of asked[q]!.places) values[i]![t] = v;
  });
  for (const row of values) {
    if (row.length > 0) row[0] ??= fallback;
    if (fill) { for (let t = 1; t < row.length; t++) row[t] ??= row[t - 1]!; }
  }
  const prompts = asked.map(({ prompt }) => prompt);
  const prefilled = critic.definition.writesChain
    ? prefillTokens(prompts)
    : prompts.reduce((n, { length }) => n + length, 0);
  return {
    values,
    positions,
    parseRate: asked.length === 0 ? 1 : parsed.length / asked.length,
    spread: parsed.length === 0 ? 0 : Math.sqrt(populationVariance(parsed)),
    questions: asked.length,
    tokens,
    flops: forwardFlops(model.config, prefilled + tokens, critic.sequenceLength),
  };
}
