/**
 * Generative critics: a language model that ends its response with a value token, an integer from 0 to 10 as in the
 * GenAC paper (figure 3). With a chain of thought it first writes the reasoning trace; the others are controls.
 */
import { type Environment, positionId } from "../env/environment.ts";
import type { Sequence } from "../nn/batch.ts";
import type { SampleKey } from "../nn/generate_options.ts";
import type { Model } from "../nn/model.ts";
import { clip01 } from "../numeric/clip01.ts";
import { softmax } from "../numeric/softmax.ts";
import type { CriticDefinition, LabelledState, Prediction, Question } from "./critic.ts";
import { responseSequence, sampleResponses } from "./responses.ts";
import { valueTarget } from "./value_target.ts";

/** Loss weight of the value token where the trace is taught too; trace tokens have 1. This kit's default. */
const VALUE_WEIGHT = 0.3;

/** Chain of thought, then the value: the paper's critic (GenAC, arXiv 2604.10701). */
export const cot: CriticDefinition = {
  name: "cot",
  title: "Generative, chain of thought",
  languageHead: true,
  after: "trace",
  writesChain: true,
  encode: withChain,
  predict: async (model, environment, questions, key) =>
    (await greedy(model, environment, questions, key)).map(({ prediction }) => prediction),
};

/** Control: the value token at once. Same head and loss as `cot`, no chain of thought. */
export const oneShot: CriticDefinition = {
  name: "one-shot",
  title: "Generative, one-shot",
  languageHead: true,
  after: "nothing",
  writesChain: false,
  encode: (environment, labelled) => given(environment, labelled, []),
  predict: (model, environment, questions) => immediate(model, environment, questions, () => []),
};

/** Control: as many filler tokens as the chain of thought is long. More computation, no words. */
export const filler: CriticDefinition = {
  name: "filler",
  title: "Generative, filler tokens",
  languageHead: true,
  after: "trace",
  writesChain: false,
  encode: (environment, labelled) => given(environment, labelled, fillers(environment, labelled)),
  predict: (model, environment, questions) =>
    immediate(model, environment, questions, (q) => fillers(environment, q)),
};

/** Control: the chain of thought is generated, and a scalar head reads the value where the token would be. */
export const cotScalar: CriticDefinition = {
  name: "cot-scalar",
  title: "Chain of thought, scalar head",
  languageHead: true,
  valueHead: { loss: "squared_error", outputs: 1 },
  after: "trace",
  writesChain: true,
  encode: (environment, labelled, chain) => {
    const sequence = withChain(environment, labelled, chain);
    const last = sequence.tokens.length - 1;
    const at = (x: number) => sequence.tokens.map((_, i) => i === last ? x : 0);
    return { ...sequence, valueTargets: at(valueTarget(labelled.value)), valueWeights: at(1) };
  },
  predict: async (model, environment, questions, key) =>
    (await greedy(model, environment, questions, key)).map(({ prediction, scalar }) => ({
      ...prediction,
      value: scalar === undefined ? null : clip01(scalar),
    })),
};

/** Prompt and what follows it as input; position ids as the environment wants them. */
function sequenceOf<State>(
  environment: Environment<State, unknown>,
  q: Question<State>,
  after: readonly number[],
): Sequence & { promptLength: number } {
  const prompt = environment.criticPrompt(q.state, q.context);
  const tokens = [...prompt, ...after], n = prompt.length;
  const positions = tokens.map((_, i) => positionId(i, n, environment.traceOffset));
  return { tokens, positions, promptLength: n };
}

/** Trains on think token, chain and value: every token is predicted from the ones before it. */
function withChain<State>(
  environment: Environment<State, unknown>,
  labelled: LabelledState<State>,
  chain: readonly number[] = environment.reasoningTrace(labelled.state),
): Sequence {
  const { vocabulary } = environment;
  const { tokens, positions, promptLength } = sequenceOf(environment, labelled, [
    vocabulary.think,
    ...chain,
  ]);
  const value = vocabulary.valueToken(valueTarget(labelled.value));
  // From TH (index promptLength) on, the target is the next token of the chain; at its end, the value.
  const targets = tokens.map((_, i) => i < promptLength ? 0 : chain[i - promptLength] ?? value);
  const weights = tokens.map((_, i) =>
    i < promptLength ? 0 : i < tokens.length - 1 ? 1 : VALUE_WEIGHT
  );
  return { tokens, positions: positions!, targets, weights };
}

function fillers<State>(
  environment: Environment<State, unknown>,
  { state }: Question<State>,
): number[] {
  const { think, filler } = environment.vocabulary;
  return [think, ...environment.reasoningTrace(state).map(() => filler)];
}

/** Trains on the value token alone, after tokens that are given, not generated. */
function given<State>(
  environment: Environment<State, unknown>,
  labelled: LabelledState<State>,
  after: readonly number[],
): Sequence {
  const { tokens, positions } = sequenceOf(environment, labelled, after);
  const last = tokens.length - 1;
  const value = environment.vocabulary.valueToken(valueTarget(labelled.value));
  return {
    tokens,
    positions: positions!,
    targets: tokens.map((_, i) => i === last ? value : 0),
    weights: tokens.map((_, i) => i === last ? 1 : 0),
  };
}

/** Reads the value off the next-token distribution: greedy over the whole vocabulary, so that it can fail to parse. */
async function immediate<State>(
  model: Model,
  environment: Environment<State, unknown>,
  questions: readonly Question<State>[],
  after: (q: Question<State>) => readonly number[],
): Promise<Prediction[]> {
  const sequences = questions.map((q) => sequenceOf(environment, q, after(q)));
  const rows = sequences.map((s, sequence) => ({ sequence, token: s.tokens.length - 1 }));
  const { logits } = await model.forward(sequences, rows);
  const n = environment.vocabulary.size;
  return rows.map((_, i) => {
    const row = logits!.subarray(i * n, (i + 1) * n);
    const token = argmax(row);
    const value = environment.vocabulary.valueOf(token) ?? null;
    return {
      value,
      expectation: value === null ? null : bucketMean(environment, row),
      responses: [[token]],
    };
  });
}

/** Greedy responses, and in a second pass the outputs at the token before the value. */
async function greedy<State>(
  model: Model,
  environment: Environment<State, unknown>,
  questions: readonly Question<State>[],
  key: SampleKey,
): Promise<{ prediction: Prediction; scalar?: number }[]> {
  const written = (await sampleResponses(model, environment, questions, key, { temperature: 0 }))
    .flat();
  const sequences = written.map(responseSequence);
  const rows = sequences.map((s, sequence) => ({ sequence, token: s.tokens.length - 1 }));
  const { logits, values } = await model.forward(sequences, rows);
  const n = environment.vocabulary.size;
  return written.map(({ tokens, value }, i) => {
    const responses = [tokens];
    if (value === null) return { prediction: { value, expectation: null, responses } };
    const expectation = bucketMean(environment, logits!.subarray(i * n, (i + 1) * n));
    const prediction = { value, expectation, responses };
    return values ? { prediction, scalar: values[i]! } : { prediction };
  });
}

/** Mean of the value tokens' values under their softmax, other tokens left out. */
function bucketMean<State>(
  { vocabulary }: Environment<State, unknown>,
  logits: ArrayLike<number>,
): number {
  const p = softmax(vocabulary.values.map((token) => logits[token]!));
  let mean = 0;
  p.forEach((x, k) => mean += x * vocabulary.valueOf(vocabulary.values[k]!)!);
  return mean;
}

/** Index of the largest entry, the first of equals. */
function argmax(x: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < x.length; i++) if (x[i]! > x[best]!) best = i;
  return best;
}
