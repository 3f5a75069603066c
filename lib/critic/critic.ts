/**
 * What the kit calls a critic: something that reads a state (and perhaps who acts) and returns its value.
 *
 * To add a critic: write one file that exports a `CriticDefinition` and list it in `registry.ts`.
 * `generative.ts` and `discriminative.ts` are the examples.
 */
import type { CriticContext, Environment } from "../env/environment.ts";
import type { Sequence } from "../nn/batch.ts";
import type { Model } from "../nn/model.ts";
import type { TransformerConfig, ValueHead } from "../nn/transformer.ts";

/** A state to learn from or to judge. */
export interface Question<State> {
  readonly state: State;
  /** In-Context Conditioning: what the critic is told of the actor; `{}` for nothing. */
  readonly context: CriticContext<State>;
}

/** A state with the value to learn: exact, or a sampled outcome. */
export interface LabelledState<State> extends Question<State> {
  /** In [0, 1]; see `valueTarget`. */
  readonly value: number;
}

/** A critic's answer. */
export interface Prediction {
  /**
   * The critic's value in [0, 1]; null where a generative critic's response could not be parsed (a parse failure
   * has no value: it is not 0).
   */
  readonly value: number | null;
  /**
   * For critics with a distribution over values, its mean: for generative critics over the value tokens at the
   * position of the emitted one. Null where there is none.
   */
  readonly expectation: number | null;
  /** What a generative critic wrote, value token included. */
  readonly response?: readonly number[];
}

/** A kind of critic: how it is built, what it learns from, and how it answers. */
export interface CriticDefinition {
  /** Name in the registry, in configs and in results. */
  readonly name: string;
  /** Name in figures and tables. */
  readonly title: string;
  /** Which heads its transformer has. */
  readonly languageHead: boolean;
  readonly valueHead?: ValueHead;
  /** Where its transformer differs from the others': see `criticTransformer`. */
  readonly architecture?: Pick<TransformerConfig, "loops" | "mixer">;
  /** Whether it reads or writes tokens after the prompt: "trace" for as many as a reasoning trace. */
  readonly after: "nothing" | "trace";
  /** The training sequence of a labelled state. Throws UsageError for a value that is no `valueTarget`. */
  encode<State>(
    environment: Environment<State, unknown>,
    labelled: LabelledState<State>,
  ): Sequence;
  /** Answers, in order; decoded freely, never with the true trace. */
  predict<State>(
    model: Model,
    environment: Environment<State, unknown>,
    questions: readonly Question<State>[],
  ): Promise<Prediction[]>;
}
