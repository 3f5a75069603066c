import type {
  BatchRecords,
  BatchShape,
  GradientReport,
  Session,
  StateName,
  StepReport,
  TrainingProgram,
} from "../tensor/backend.ts";
import type { Parameter, Tape } from "../tensor/tape.ts";
import { UsageError } from "../errors.ts";
import { canonicalBytes, sha256 } from "../numeric/digest.ts";
import { RandomStream } from "../numeric/random.ts";
import { checkShape, packBatch, type Sequence } from "./batch.ts";
import { cached } from "./cached.ts";
import { type OptimizerConfig, optimizerStep } from "./optimizer.ts";

/** A named tensor, row-major. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** What models of any architecture have: initial weights, training steps, state. */
export abstract class TrainableModel {
  readonly #training = new Map<string, TrainingProgram>();
  /** Architecture and heads. */
  abstract readonly config: object;
  /** Optimizer steps taken. */
  step = 0;

  /** Weights are zero until `initialize`. */
  constructor(
    protected readonly session: Session,
    protected readonly parameters: readonly Parameter[],
  ) {}

  /** Records forward and backward passes of the losses. */
  protected abstract recordTraining(tape: Tape): void;

  /** The batch as the training program reads it. Throws RangeError for ids that the model has no row for. */
  protected abstract checked(batch: BatchRecords, shape: BatchShape): BatchRecords;

  /** Sequences that a training program works on at a time, where it is not the backend's default. */
  protected chunk?: number;

  /** The length of the program for batches of this length; more is padding. */
  protected programLength(length: number): number {
    return length;
  }

  /** Normal initial weights; every tensor has its own random stream (`purpose` is its name). */
  initialize(seed: number): this {
    for (const p of this.parameters) {
      const values = new Float32Array(p.rows * p.cols);
      if (p.init === "ones") values.fill(1);
      else if (p.init !== 0) {
        const random = new RandomStream({ seed, purpose: `weights/${p.name}` });
        for (let i = 0; i < values.length; i++) values[i] = random.normal() * p.init;
      }
      this.session.write("weights", p.name, values);
    }
    return this;
  }

  /**
   * One optimizer step on a batch. Awaiting each report before the next step makes a GPU wait for the CPU: collect the
   * promises and await them every 50 steps or so. Throws RangeError for a batch that does not fit the model, UsageError for
   * a length or a number of the optimizer that is out of range.
   *
   * @param normalizer What the language head's weighted loss is divided by; default: the sum of its weights. Must be
   *   given where weights have signs, as in policy gradients.
   */
  train(
    sequences: readonly Sequence[],
    length: number,
    optimizer: OptimizerConfig,
    normalizer?: number,
  ): Promise<StepReport> {
    const padded = this.programLength(length), batch = packBatch(sequences, padded);
    return this.trainPacked(batch, sequences.length, padded, optimizer, normalizer);
  }

  /** `train` on records as `packBatch` makes them. */
  trainPacked(
    batch: BatchRecords,
    sequences: number,
    length: number,
    optimizer: OptimizerConfig,
    normalizer?: number,
  ): Promise<StepReport> {
    const records = this.checked(batch, { sequences, length });
    const report = this.#trainingProgram(sequences, length)
      .step(records, optimizerStep(optimizer, this.step), normalizer);
    this.step++;
    return report;
  }

  /** Losses and gradients of a batch, without a step. `normalizer` as in `train`. */
  gradients(
    sequences: readonly Sequence[],
    length: number,
    normalizer?: number,
  ): Promise<GradientReport> {
    const padded = this.programLength(length), batch = packBatch(sequences, padded);
    const records = this.checked(batch, { sequences: sequences.length, length: padded });
    return this.#trainingProgram(sequences.length, padded).gradients(records, normalizer);
  }

  #trainingProgram(sequences: number, length: number): TrainingProgram {
    checkShape(sequences, length);
    const shape = { sequences, length, ...this.chunk !== undefined && { chunk: this.chunk } };
    return cached(
      this.#training,
      `${sequences}x${length}`,
      () => this.session.training(shape, (tape) => this.recordTraining(tape)),
    );
  }

  /** All weights, or AdamW's moments, by name. */
  async tensors(state: StateName = "weights"): Promise<Record<string, NamedTensor>> {
    const tensors = this.parameters.map(async (parameter) => {
      const { name } = parameter, data = await this.session.read(state, name);
      return [name, { shape: shapeOf(parameter), data }] as const;
    });
    return Object.fromEntries(await Promise.all(tensors));
  }

  /**
   * Sets weights or moments: all of them, with the names and shapes that `tensors` gives them. Throws UsageError as
   * `checkTensors` does, and then has set nothing.
   */
  setTensors(tensors: Readonly<Record<string, NamedTensor>>, state: StateName = "weights"): void {
    this.checkTensors(tensors);
    for (const [name, { data }] of Object.entries(tensors)) this.session.write(state, name, data);
  }

  /**
   * Throws UsageError, which names the tensor, if one is missing, unknown, of another shape or not of float32.
   *
   * @param source Where they come from, in messages.
   * @param prefix What is before their names there.
   */
  checkTensors(
    tensors: Readonly<Record<string, NamedTensor>>,
    source = "checkpoint",
    prefix = "",
  ): void {
    const unknown = new Set(Object.keys(tensors));
    for (const parameter of this.parameters) {
      const { name } = parameter, expected = shapeOf(parameter), tensor = tensors[name];
      if (!tensor) {
        const remedy = "this tensor is missing: is it another model's?";
        throw new UsageError(source, prefix + name, remedy);
      }
      const { shape, data } = tensor, size = parameter.rows * parameter.cols;
      const refuse = (found: string, needed: string) => {
        const remedy =
          `the model needs ${needed}: use the config that the checkpoint was made with`;
        throw new UsageError(`${source} ${prefix}${name}`, found, remedy);
      };
      const written = (shape: readonly number[]) => `[${shape.join(", ")}]`;
      if (written(shape) !== written(expected)) refuse(written(shape), written(expected));
      if (!(data instanceof Float32Array) || data.length !== size) {
        refuse(
          `${(data as object).constructor.name} of ${(data as Float32Array).length}`,
          `Float32Array of ${size}`,
        );
      }
      unknown.delete(name);
    }
    for (const name of unknown) {
      const remedy =
        "the model has no such tensor: use the config that the checkpoint was made with";
      throw new UsageError(source, prefix + name, remedy);
    }
  }

  /** SHA-256 over all weights in order. */
  async digest(): Promise<string> {
    const digests = Object.entries(await this.tensors()).map(([name, t]) =>
      `${name}:${sha256(canonicalBytes(t.data))}`
    );
    return sha256(new TextEncoder().encode(digests.join("\n")));
  }
}

function shapeOf({ rows, cols }: Parameter): number[] {
  return rows === 1 ? [cols] : [rows, cols];
}
