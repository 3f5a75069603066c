/**
 * What the kit calls a critic: something that reads a state (and perhaps who acts) and returns its value.
 *
 * To add a critic (checklist: lib/README.md), write one file that exports a `CriticDefinition`, and list it in `registry.ts`.
 * `discriminative.ts` and `generative.ts` are the examples; `sampleResponses` in `responses.ts` writes the responses of a
 * critic that writes.
 */
import type { CriticContext, Environment } from "../env/environment.ts";
import type { Sequence } from "../nn/batch.ts";
import type { SampleKey } from "../nn/generate_options.ts";
import type { Model } from "../nn/model.ts";
import type { TransformerConfig, ValueHead } from "../nn/transformer.ts";

/** A state to learn from or to judge. */
export interface Question<State> {
  readonly state: State;
  /** In-Context Conditioning: what the prompt states of the actor; `{}` for nothing. */
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
   * For critics with a distribution over values, its mean, in [0, 1]: for generative critics over the value tokens at the
   * position of the emitted one. Null where there is none.
   */
  readonly expectation: number | null;
  /**
   * Every response that was written for this answer, value tokens included; left out by a critic that writes nothing. Costs
   * are counted by these tokens. Where a chain of thought is judged, it is that of the first response.
   */
  readonly responses?: readonly (readonly number[])[];
}

/** Anything that answers questions about states. */
export interface Critic<State> {
  readonly name: string;
  /** Answers in the order of the questions. `key`: as for `CriticDefinition.predict`, with a fixed default. */
  values(questions: readonly Question<State>[], key?: SampleKey): Promise<Prediction[]>;
}

/**
 * A kind of critic: how it is built, what it can do, what it learns from, and how it answers. Everything that the kit does
 * with a critic follows from these fields; nothing depends on its name.
 */
export interface CriticDefinition {
  /** Name in the registry, in configs and in results. */
  readonly name: string;
  /** Name in figures and tables. */
  readonly title: string;
  /** Whether its transformer predicts tokens: needed to write, and to learn from `Sequence.targets`. */
  readonly languageHead: boolean;
  /** The head that reads values off a token, for critics that learn from `Sequence.valueTargets`. */
  readonly valueHead?: ValueHead;
  /** Where its transformer differs from the others': see `criticTransformer`. */
  readonly architecture?: Pick<TransformerConfig, "loops" | "mixer">;
  /** Whether it reads or writes tokens after the prompt: "trace" for as many as a reasoning trace. */
  readonly after: "nothing" | "trace";
  /**
   * Whether it writes a chain of thought before the value: think token, chain, value token, as `responsePrompt` has it. Such
   * a critic can be taught chains (`encode`), and its responses can be sampled (`sampleResponses`).
   */
  readonly writesChain: boolean;
  /**
   * Whether `encode` uses labels that only one who knows the task can give, whatever the chain; default: no. "Equal
   * knowledge" refuses such a critic.
   */
  readonly privilegedLabels?: boolean;
  /**
   * The training sequence of a labelled state.
   *
   * @param chain The chain of thought to learn, without think and value token; default: the environment's own, which is
   *   right. Critics that write none ignore it; those that do must not look at the right one where it is given.
   * @throws UsageError for a value that is no `valueTarget`.
   */
  encode<State>(
    environment: Environment<State, unknown>,
    labelled: LabelledState<State>,
    chain?: readonly number[],
  ): Sequence;
  /**
   * Answers, in the order of the questions; decoded freely, never with the true trace.
   *
   * @param key Where a critic that samples takes its random numbers from; the same key gives the same answers. Question i
   *   may use rows of its own only, as `sampleResponses` does. Greedy critics need none.
   */
  predict<State>(
    model: Model,
    environment: Environment<State, unknown>,
    questions: readonly Question<State>[],
    key: SampleKey,
  ): Promise<Prediction[]>;
}
