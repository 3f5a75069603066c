/** A critic of any kind with its transformer: one interface to train and to ask. */
import type { Environment } from "../env/environment.ts";
import { batchLength, type Sequence } from "../nn/batch.ts";
import { trainingFlops } from "../nn/flops.ts";
import { Model } from "../nn/model.ts";
import type { OptimizerConfig } from "../nn/optimizer.ts";
import type { TransformerConfig } from "../nn/transformer.ts";
import type { Backend, StepReport } from "../tensor/backend.ts";
import type { CriticDefinition, LabelledState, Prediction, Question } from "./critic.ts";

/** Size of a critic's transformer. */
export interface CriticSize {
  /** Width of the residual stream, a multiple of 16. */
  readonly dModel: number;
  readonly layers: number;
}

/** Anything that answers questions about states. */
export interface Critic<State> {
  readonly name: string;
  /** Values in the order of the questions. */
  values(questions: readonly Question<State>[]): Promise<Prediction[]>;
}

/**
 * The testbed's transformer for a critic: heads of 16, rotary positions on half of each head (base 1000), GELU MLP of
 * 4 times the width; with the mixer and loops that the critic asks for.
 */
export function criticTransformer(
  definition: CriticDefinition,
  environment: Pick<Environment<unknown, unknown>, "vocabulary" | "traceOffset">,
  size: CriticSize,
): TransformerConfig {
  return {
    vocabularySize: environment.vocabulary.size,
    dModel: size.dModel,
    layers: size.layers,
    headDim: 16,
    rotaryDim: 8,
    ropeBase: 1000,
    // Traces start at traceOffset and are at most as long as a prompt of that length, plus distance and value.
    maxPosition: 2 * environment.traceOffset + 8,
    mlpRatio: 4,
    ...definition.architecture,
    languageHead: definition.languageHead,
    ...(definition.valueHead ? { valueHead: definition.valueHead } : {}),
  };
}

/** Tokens of the longest training sequence at the configured difficulty, in whole steps of 4. */
export function criticSequenceLength(
  { after }: CriticDefinition,
  environment: Pick<Environment<unknown, unknown>, "maxPromptLength" | "maxTraceLength">,
): number {
  const { maxPromptLength, maxTraceLength } = environment;
  return Math.ceil((maxPromptLength + (after === "trace" ? 1 + maxTraceLength : 0)) / 4) * 4;
}

/** See the file's header. */
export class NeuralCritic<State> implements Critic<State> {
  readonly model: Model;

  constructor(
    backend: Backend,
    readonly definition: CriticDefinition,
    readonly environment: Environment<State, unknown>,
    size: CriticSize,
    seed: number,
  ) {
    this.model = new Model(backend, criticTransformer(definition, environment, size)).initialize(
      seed,
    );
  }

  get name(): string {
    return this.definition.name;
  }

  /** Tokens of a training sequence at most: the batch length that never changes. */
  get sequenceLength(): number {
    return criticSequenceLength(this.definition, this.environment);
  }

  /** FLOPs of one training step on `batch` states. */
  trainingFlops(batch: number): number {
    return trainingFlops(this.model.config, batch, this.sequenceLength);
  }

  /** One optimizer step; see `Model.train` on when to await its report. */
  update(batch: readonly LabelledState<State>[], optimizer: OptimizerConfig): Promise<StepReport> {
    return this.train(
      batch.map((labelled) => this.definition.encode(this.environment, labelled)),
      optimizer,
    );
  }

  /** One optimizer step on sequences made elsewhere; see `Model.train`. */
  train(
    sequences: readonly Sequence[],
    optimizer: OptimizerConfig,
    normalizer?: number,
  ): Promise<StepReport> {
    const length = Math.max(this.sequenceLength, batchLength(sequences));
    return this.model.train(sequences, length, optimizer, normalizer);
  }

  values(questions: readonly Question<State>[]): Promise<Prediction[]> {
    return this.definition.predict(this.model, this.environment, questions);
  }
}
