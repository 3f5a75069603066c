/**
 * Discriminative critics: one pass over the prompt, a value head on its last token. This is the usual value model of
 * PPO for LLMs, with a scalar head, or with a categorical one trained by HL-Gauss.
 */
import { type Environment, positionId } from "../env/environment.ts";
import type { Sequence } from "../nn/batch.ts";
import type { Model } from "../nn/model.ts";
import type { CriticDefinition, LabelledState, Prediction, Question } from "./critic.ts";
import { clip01 } from "../numeric/clip01.ts";
import { hlGaussMean, hlGaussTarget } from "./hl_gauss.ts";
import { valueTarget } from "./value_target.ts";

/** Scalar head, squared error. */
export const discriminativeMse: CriticDefinition = {
  name: "discriminative-mse",
  title: "Discriminative (MSE)",
  languageHead: false,
  valueHead: { loss: "squared_error", outputs: 1 },
  after: "nothing",
  encode: (environment, labelled) =>
    promptWithValue(environment, labelled, [valueTarget(labelled.value)]),
  predict: (model, environment, questions) =>
    atLastToken(model, environment, questions, ([v]) => ({ value: clip01(v!), expectation: null })),
};

/** Bins of the HL-Gauss head over [0, 1]. */
const BINS = 50;

/** Categorical head, HL-Gauss (Farebrother et al. 2024, arXiv 2403.03950). */
export const discriminativeHlGauss: CriticDefinition = {
  name: "discriminative-hl-gauss",
  title: "Discriminative (HL-Gauss)",
  languageHead: false,
  valueHead: { loss: "soft_cross_entropy", outputs: BINS },
  after: "nothing",
  encode: (environment, labelled) =>
    promptWithValue(environment, labelled, hlGaussTarget(valueTarget(labelled.value), BINS)),
  predict: (model, environment, questions) =>
    atLastToken(model, environment, questions, (logits) => {
      const mean = hlGaussMean(logits);
      return { value: mean, expectation: mean };
    }),
};

/**
 * Control: the scalar head of `discriminativeMse`, while a language head learns the chain of thought's labels at the
 * prompt tokens from which each can be computed. Same supervision as the generative critic, no serial computation.
 */
export const discriminativeAuxiliary: CriticDefinition = {
  ...discriminativeMse,
  name: "discriminative-auxiliary",
  title: "Discriminative + CoT labels",
  languageHead: true,
  encode: (environment, labelled) => {
    const labels = environment.promptLabels(labelled.state);
    return {
      ...promptWithValue(environment, labelled, [valueTarget(labelled.value)]),
      targets: labels.map((label) => Math.max(label, 0)),
      weights: labels.map((label) => label >= 0 ? 1 : 0),
    };
  },
};

/** A GRU in the place of attention goes through the prompt token by token, as a chain of thought does. */
const recurrent = { architecture: { mixer: "gru" } } as const;

/**
 * The stack of layers, applied six times with the same weights, is as deep as a transformer of six times the layers. A
 * transformer can compose a word in pairs, then pairs of pairs (Liu et al. 2023, arXiv 2210.10749): 4 rounds for the
 * puzzle's longest training prompts (10 generators and 3 moves). Six leave one to read the symbols and one for the value.
 */
const looped = { architecture: { loops: 6 } } as const;

/** Control: serial computation over the prompt without written tokens. */
export const discriminativeGru: CriticDefinition = {
  ...discriminativeMse,
  ...recurrent,
  name: "discriminative-gru",
  title: "Discriminative, GRU",
};

/** Control: `discriminativeGru` with the supervision of `discriminativeAuxiliary`. */
export const discriminativeGruAuxiliary: CriticDefinition = {
  ...discriminativeAuxiliary,
  ...recurrent,
  name: "discriminative-gru-auxiliary",
  title: "Discriminative, GRU + CoT labels",
};

/** Control: serial computation in depth without written tokens. */
export const discriminativeLooped: CriticDefinition = {
  ...discriminativeMse,
  ...looped,
  name: "discriminative-looped",
  title: "Discriminative, looped transformer",
};

/** Control: `discriminativeLooped` with the supervision of `discriminativeAuxiliary`. */
export const discriminativeLoopedAuxiliary: CriticDefinition = {
  ...discriminativeAuxiliary,
  ...looped,
  name: "discriminative-looped-auxiliary",
  title: "Discriminative, looped + CoT labels",
};

function prompt<State>(environment: Environment<State, unknown>, q: Question<State>): Sequence {
  const tokens = environment.criticPrompt(q.state, q.context);
  const n = tokens.length;
  return { tokens, positions: tokens.map((_, i) => positionId(i, n, environment.traceOffset)) };
}

/** The prompt with a value target on its last token. */
function promptWithValue<State>(
  environment: Environment<State, unknown>,
  labelled: LabelledState<State>,
  target: readonly number[],
): Sequence {
  const sequence = prompt(environment, labelled);
  const last = sequence.tokens.length - 1;
  const valueTargets = new Array<number>((last + 1) * target.length).fill(0);
  target.forEach((x, k) => valueTargets[last * target.length + k] = x);
  return {
    ...sequence,
    valueTargets,
    valueWeights: sequence.tokens.map((_, i) => i === last ? 1 : 0),
  };
}

async function atLastToken<State>(
  model: Model,
  environment: Environment<State, unknown>,
  questions: readonly Question<State>[],
  read: (outputs: Float32Array) => Prediction,
): Promise<Prediction[]> {
  const sequences = questions.map((q) => prompt(environment, q));
  const rows = sequences.map((s, sequence) => ({ sequence, token: s.tokens.length - 1 }));
  const { values } = await model.forward(sequences, rows);
  const width = model.config.valueHead!.outputs;
  return rows.map((_, i) => read(values!.subarray(i * width, (i + 1) * width)));
}
