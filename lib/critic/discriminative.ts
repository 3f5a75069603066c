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

/** Where scalar critics differ. */
interface ScalarCritic extends Pick<CriticDefinition, "name" | "title" | "architecture"> {
  /** Whether a language head learns the chain of thought's labels beside the value. */
  readonly auxiliary: boolean;
}

/**
 * A scalar head trained by squared error on the prompt's last token. With `auxiliary` a language head learns the chain of
 * thought's labels at the prompt tokens from which each can be computed: the supervision of the generative critic.
 */
function scalarCritic({ auxiliary, ...own }: ScalarCritic): CriticDefinition {
  return {
    ...own,
    languageHead: auxiliary,
    valueHead: { loss: "squared_error", outputs: 1 },
    after: "nothing",
    writesChain: false,
    privilegedLabels: auxiliary,
    encode: (environment, labelled) => {
      const sequence = promptWithValue(environment, labelled, [valueTarget(labelled.value)]);
      if (!auxiliary) return sequence;
      const labels = environment.promptLabels(labelled.state);
      return {
        ...sequence,
        targets: labels.map((label) => Math.max(label, 0)),
        weights: labels.map((label) => label >= 0 ? 1 : 0),
      };
    },
    predict: (model, environment, questions) =>
      atLastToken(
        model,
        environment,
        questions,
        ([v]) => ({ value: clip01(v!), expectation: null }),
      ),
  };
}

/** Scalar head, squared error. */
export const discriminativeMse: CriticDefinition = scalarCritic({
  name: "discriminative-mse",
  title: "Discriminative (MSE)",
  auxiliary: false,
});

/** Bins of the HL-Gauss head over [0, 1]. */
const BINS = 50;

/** Categorical head, HL-Gauss (Farebrother et al. 2024, arXiv 2403.03950). */
export const discriminativeHlGauss: CriticDefinition = {
  name: "discriminative-hl-gauss",
  title: "Discriminative (HL-Gauss)",
  languageHead: false,
  valueHead: { loss: "soft_cross_entropy", outputs: BINS },
  after: "nothing",
  writesChain: false,
  encode: (environment, labelled) =>
    promptWithValue(environment, labelled, hlGaussTarget(valueTarget(labelled.value), BINS)),
  predict: (model, environment, questions) =>
    atLastToken(model, environment, questions, (logits) => {
      const mean = hlGaussMean(logits);
      return { value: mean, expectation: mean };
    }),
};

/** Control: `discriminativeMse` with the generative critic's supervision, but no serial computation. */
export const discriminativeAuxiliary: CriticDefinition = scalarCritic({
  name: "discriminative-auxiliary",
  title: "Discriminative + CoT labels",
  auxiliary: true,
});

/** A GRU in the place of attention goes through the prompt token by token, as a chain of thought does. */
const GRU = { mixer: "gru" } as const;

/**
 * The stack of layers, applied six times with the same weights, is as deep as a transformer of six times the layers. A
 * transformer can compose a word in pairs, then pairs of pairs (Liu et al. 2023, arXiv 2210.10749): 4 rounds for the
 * puzzle's longest training prompts (10 generators and 3 moves). Six leave one to read the symbols and one for the value.
 */
const LOOPED = { loops: 6 } as const;

/** Control: serial computation over the prompt without written tokens. */
export const discriminativeGru: CriticDefinition = scalarCritic({
  name: "discriminative-gru",
  title: "Discriminative, GRU",
  architecture: GRU,
  auxiliary: false,
});

/** Control: `discriminativeGru` with the supervision of `discriminativeAuxiliary`. */
export const discriminativeGruAuxiliary: CriticDefinition = scalarCritic({
  name: "discriminative-gru-auxiliary",
  title: "Discriminative, GRU + CoT labels",
  architecture: GRU,
  auxiliary: true,
});

/** Control: serial computation in depth without written tokens. */
export const discriminativeLooped: CriticDefinition = scalarCritic({
  name: "discriminative-looped",
  title: "Discriminative, looped transformer",
  architecture: LOOPED,
  auxiliary: false,
});

/** Control: `discriminativeLooped` with the supervision of `discriminativeAuxiliary`. */
export const discriminativeLoopedAuxiliary: CriticDefinition = scalarCritic({
  name: "discriminative-looped-auxiliary",
  title: "Discriminative, looped + CoT labels",
  architecture: LOOPED,
  auxiliary: true,
});

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
