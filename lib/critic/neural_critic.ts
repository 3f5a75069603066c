import { type Environment, positionCount } from "../env/environment.ts";
import { UsageError } from "../errors.ts";
import { batchLength, type Sequence } from "../nn/batch.ts";
import { trainingFlops } from "../nn/flops.ts";
import type { SampleKey } from "../nn/generate_options.ts";
import { Model } from "../nn/model.ts";
import type { OptimizerConfig } from "../nn/optimizer.ts";
import type { TransformerConfig } from "../nn/transformer.ts";
import type { Backend, StepReport } from "../tensor/backend.ts";
import type { Critic, CriticDefinition, LabelledState, Prediction, Question } from "./critic.ts";
import {
  checkWritesChain,
  type CriticResponse,
  sampleResponses,
  type SampleResponsesOptions,
} from "./responses.ts";
import { clippedSquaredError, type ValueClip } from "./value_clip.ts";

/** Size of a critic's transformer. */
export interface CriticSize {
  /** Width of the residual stream, a multiple of 16. */
  readonly dModel: number;
  readonly layers: number;
}

/**
 * This kit's default transformer for critics and actors: attention heads of 16, rotary positions on half of each (base
 * 1000), GELU MLP of 4 times the width; with the output heads, mixer and loops that are asked for.
 */
export function criticTransformer(
  definition: Pick<CriticDefinition, "languageHead" | "valueHead" | "architecture">,
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
    maxPosition: positionCount(environment.traceOffset),
    mlpRatio: 4,
    ...definition.architecture,
    languageHead: definition.languageHead,
    ...(definition.valueHead ? { valueHead: definition.valueHead } : {}),
  };
}

/** Tokens of the longest training sequence at the configured difficulty, in whole steps of 4. */
export function criticSequenceLength(
  { after }: CriticDefinition,
  environment: Pick<Environment<unknown, unknown>, "maxLengths">,
): number {
  const { prompt, trace } = environment.maxLengths();
  return Math.ceil((prompt + (after === "trace" ? 1 + trace : 0)) / 4) * 4;
}

/** Where answers come from if nobody says: the same questions get the same answers. */
const DEFAULT_KEY: SampleKey = { seed: 0, purpose: "critic/generate", firstRow: 0 };

/** A critic of any kind with its transformer: one interface to train and to ask. */
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

  /**
   * What the scalar head says, not moved into 0..1, at the token of each sequence on which it is trained.
   *
   * @param sequences As from `definition.encode`.
   * @throws UsageError for a critic without a scalar head.
   */
  async scalarValues(sequences: readonly Sequence[]): Promise<number[]> {
    const { name, valueHead } = this.definition;
    if (valueHead?.loss !== "squared_error" || valueHead.outputs !== 1) {
      throw new UsageError("critic", name, "value clipping needs a critic with a scalar head");
    }
    const rows = sequences.map((s, sequence) => ({ sequence, token: valueToken(s) }));
    const { values } = await this.model.forward(sequences, rows);
    return Array.from(values!);
  }

  /**
   * `train` with PPO's clipped value loss (value_clip.ts); the language head's loss, if any, is as ever.
   *
   * @throws UsageError for a critic without a scalar head, and for a range that is not positive.
   */
  async trainClipped(
    sequences: readonly Sequence[],
    optimizer: OptimizerConfig,
    { old, range }: ValueClip,
  ): Promise<StepReport & { readonly valueClipFraction: number }> {
    if (!(range > 0)) throw new UsageError("valueClip", range, "give a positive number");
    const now = await this.scalarValues(sequences);
    let held = 0, clipped = 0;
    const trained = sequences.map((sequence, i) => {
      const at = valueToken(sequence), value = now[i]!;
      const error = clippedSquaredError(value, sequence.valueTargets![at]!, old[i]!, range);
      if (!error.clipped) return sequence;
      clipped++;
      held += error.loss;
      // No slope, but counted in the mean: the value is its own target.
      return {
        ...sequence,
        valueTargets: sequence.valueTargets!.map((x, t) => t === at ? value : x),
      };
    });
    const report = await this.train(trained, optimizer);
    return {
      ...report,
      valueLoss: report.valueLoss + held / sequences.length,
      valueClipFraction: clipped / sequences.length,
    };
  }

  /**
   * Responses of a critic that writes a chain of thought: `sampleResponses`.
   *
   * @throws UsageError for a critic that writes none.
   */
  async respond(
    questions: readonly Question<State>[],
    key: SampleKey,
    options?: SampleResponsesOptions,
  ): Promise<CriticResponse[][]> {
    checkWritesChain(this.definition);
    return await sampleResponses(this.model, this.environment, questions, key, options);
  }

  values(
    questions: readonly Question<State>[],
    key: SampleKey = DEFAULT_KEY,
  ): Promise<Prediction[]> {
    return this.definition.predict(this.model, this.environment, questions, key);
  }
}

/** The token of a sequence at which its value head is trained. */
function valueToken({ valueWeights = [] }: Sequence): number {
  return valueWeights.findIndex((w) => w > 0);
}
