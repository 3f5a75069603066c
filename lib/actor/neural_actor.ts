import { criticTransformer } from "../critic/neural_critic.ts";
import type { TaskEnvironment } from "../env/task.ts";
import { UsageError } from "../errors.ts";
import type { Sequence } from "../nn/batch.ts";
import { forwardFlops, prefillTokens, trainingFlops } from "../nn/flops.ts";
import type { GenerateOptions, SampleKey } from "../nn/generate_options.ts";
import { logProbability } from "../nn/log_probability.ts";
import { Model } from "../nn/model.ts";
import type { OptimizerConfig } from "../nn/optimizer.ts";
import type { TransformerConfig } from "../nn/transformer.ts";
import type { Backend, StepReport } from "../tensor/backend.ts";
import { maximum } from "../numeric/extrema.ts";
import { RandomStream } from "../numeric/random.ts";
import { softmax } from "../numeric/softmax.ts";

/** Size of an actor's transformer. */
export interface ActorSize {
  /** Width of the residual stream, a multiple of 16. */
  readonly dModel: number;
  readonly layers: number;
}

/** What an actor wrote from some state on. T tokens, at least one. */
export interface ActorResponse<State> {
  /** Before each token: the first is the state that was given (T). */
  readonly states: readonly State[];
  /** (T). The last may be no action; all others are. */
  readonly tokens: readonly number[];
  /** After the last token; null if that is no action. */
  readonly final: State | null;
  /** The verifier's; 0 where there is no final state. */
  readonly reward: 0 | 1;
}

/**
 * An actor that is a language model: it reads `TaskEnvironment.actorPrompt` and writes one action token a step, sampled
 * from its softmax over the whole vocabulary at temperature 1. A token that is no action ends the response with reward
 * 0: it cannot be parsed.
 */
export class NeuralActor<State, Teacher = unknown> {
  readonly model: Model;

  /** @param seed Of the parameters' initial values. */
  constructor(
    backend: Backend,
    readonly environment: TaskEnvironment<State, unknown, Teacher>,
    size: ActorSize,
    seed: number,
  ) {
    this.model = new Model(backend, actorTransformer(environment, size)).initialize(seed);
  }

  /** FLOPs of one training step on `batch` responses. */
  trainingFlops(batch: number): number {
    return trainingFlops(this.model.config, batch, this.#length);
  }

  /** FLOPs of generating responses: every token that was written, and prompts, of which shared starts count once. */
  generationFlops(responses: readonly Pick<ActorResponse<State>, "states" | "tokens">[]): number {
    const { environment } = this;
    const read = prefillTokens(responses.map(({ states }) => environment.actorPrompt(states[0]!)));
    const written = responses.reduce((n, { tokens }) => n + tokens.length, 0);
    return forwardFlops(this.model.config, read + written, environment.maxActorLength);
  }

  /** Tokens of a training sequence: the batch length that never changes. */
  get #length(): number {
    return Math.ceil(this.environment.maxActorLength / 4) * 4;
  }

  /**
   * One optimizer step of supervised fine-tuning on fresh problems of the training split, with responses as the
   * teacher writes them. They depend on seed, purpose and the model's step alone.
   */
  supervisedStep(
    { seed, purpose, batchSize }: { seed: number; purpose: string; batchSize: number },
    teacher: Teacher,
    optimizer: OptimizerConfig,
  ): Promise<StepReport> {
    const { environment } = this, { step } = this.model;
    const sequences = Array.from({ length: batchSize }, (_, row) => {
      const random = new RandomStream({ seed, purpose, step, row });
      const state = environment.problem(random, { split: "train" });
      const tokens = environment.demonstration(random, state, teacher);
      return this.sequence(state, tokens, tokens.map(() => 1));
    });
    return this.model.train(sequences, this.#length, optimizer);
  }

  /** One optimizer step that descends the cross-entropy of sequences, weighted, over the normalizer. */
  train(
    sequences: readonly Sequence[],
    optimizer: OptimizerConfig,
    normalizer: number,
  ): Promise<StepReport> {
    return this.model.train(sequences, this.#length, optimizer, normalizer);
  }

  /** The gradient of the loss of `train` by parameter, without a step. */
  gradients(sequences: readonly Sequence[], normalizer: number) {
    return this.model.gradients(sequences, this.#length, normalizer);
  }

  /**
   * A training sequence.
   *
   * @param tokens The response to `state`, or its first part (T).
   * @param weights Of the tokens' log-probabilities in the loss (T); the prompt's have none.
   */
  sequence(state: State, tokens: readonly number[], weights: readonly number[]): Sequence {
    const prompt = this.environment.actorPrompt(state);
    const before = new Array<number>(prompt.length - 1).fill(0);
    const all = [...prompt, ...tokens.slice(0, -1)];
    return {
      tokens: all,
      positions: all.map((_, i) => this.environment.actorPosition(i, state)),
      targets: [...before, ...tokens],
      weights: [...before, ...weights],
    };
  }

  /**
   * One response to each state, in order. Throws RangeError for a state that is final.
   *
   * @param temperature 1 = the policy itself; 0 = greedy.
   * @param filter Leave it out where log-probabilities count: they are the policy's (`GenerateOptions`).
   */
  async sample(
    states: readonly State[],
    { seed, purpose, firstRow }: SampleKey,
    temperature = 1,
    filter: Pick<GenerateOptions, "topK" | "topP"> = {},
  ): Promise<ActorResponse<State>[]> {
    const { environment } = this;
    const actions = new Set(environment.actionTokens);
    const limits = states.map((state) => environment.stepsLeft(state));
    const finished = limits.indexOf(0);
    if (finished >= 0) throw new RangeError(`state ${finished}: its response is complete`);
    const written = await this.model.generate(
      states.map((state, i) => ({
        tokens: environment.actorPrompt(state),
        position: (t) => environment.actorPosition(t, state),
        row: firstRow + i,
      })),
      { maxTokens: maximum(limits), temperature, ...filter, stop: [], seed, purpose },
    );
    return written.map((all, i): ActorResponse<State> => {
      const before: State[] = [], tokens: number[] = [];
      let state: State = states[i]!;
      for (const token of all.slice(0, limits[i])) {
        before.push(state);
        tokens.push(token);
        if (!actions.has(token)) return { states: before, tokens, final: null, reward: 0 };
        state = environment.act(state, token);
      }
      return { states: before, tokens, final: state, reward: environment.verify(state) };
    });
  }

  /** log pi(y_t | s_t) in nats of every token of every response, at temperature 1. */
  async logProbabilities(
    responses: readonly Pick<ActorResponse<State>, "states" | "tokens">[],
  ): Promise<number[][]> {
    const sequences = responses.map(({ states, tokens }) =>
      this.sequence(states[0]!, tokens, tokens.map(() => 0))
    );
    const rows = sequences.flatMap(({ tokens: all }, sequence) => {
      const { tokens } = responses[sequence]!;
      return tokens.map((_, t) => ({ sequence, token: all.length - tokens.length + t }));
    });
    const { logits } = await this.model.forward(inputs(sequences), rows);
    const n = this.model.config.vocabularySize;
    let row = 0;
    return responses.map(({ tokens }) =>
      tokens.map((token) => logProbability(logits!.subarray(row * n, ++row * n), token))
    );
  }

  /**
   * The policy along responses that need not be complete.
   *
   * @param wanted Whether to read the policy of a response after its first k tokens, k = 0..length; default: always.
   * @returns By response, then by k: the probabilities of `environment.actionTokens`. They sum to at most 1.
   */
  async actionProbabilities(
    responses: readonly { readonly state: State; readonly tokens: readonly number[] }[],
    wanted: (response: number, k: number) => boolean = () => true,
  ): Promise<Map<number, number[]>[]> {
    const { actionTokens } = this.environment;
    const sequences = responses.map(({ state, tokens }) =>
      this.sequence(state, [...tokens, actionTokens[0]!], [...tokens, 0].map(() => 0))
    );
    const rows: { sequence: number; token: number; k: number }[] = [];
    sequences.forEach(({ tokens: all }, sequence) => {
      const count = responses[sequence]!.tokens.length + 1;
      for (let k = 0; k < count; k++) {
        if (wanted(sequence, k)) rows.push({ sequence, token: all.length - count + k, k });
      }
    });
    const { logits } = await this.model.forward(inputs(sequences), rows);
    const n = this.model.config.vocabularySize;
    const out = responses.map(() => new Map<number, number[]>());
    rows.forEach(({ sequence, k }, row) => {
      const p = softmax(logits!.subarray(row * n, (row + 1) * n));
      out[sequence]!.set(k, actionTokens.map((token) => p[token]!));
    });
    return out;
  }
}

/**
 * The transformer of an actor: this kit's default (`criticTransformer`) with a language head.
 *
 * @throws UsageError where `maxActorLength` is not positive.
 */
export function actorTransformer(
  environment: Pick<
    TaskEnvironment<unknown, unknown>,
    "vocabulary" | "traceOffset" | "maxActorLength"
  >,
  size: ActorSize,
): TransformerConfig {
  if (environment.maxActorLength < 1) {
    throw new UsageError("maxActorLength", environment.maxActorLength, "give a positive length");
  }
  return criticTransformer({ languageHead: true }, environment, size);
}

function inputs(sequences: readonly Sequence[]): Sequence[] {
  return sequences.map(({ tokens, positions }) => ({ tokens, positions: positions! }));
}
