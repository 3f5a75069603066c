/**
 * What a device must offer to train and run models: one sentence per method. The WASM backend promises the
 * same bits for the same calls on every machine and for any number of threads.
 *
 * Work is done in the order of the calls. What comes back to the CPU comes by promise: a GPU answers late, and each
 * wait for it is dear. So call first and await later, e.g. the reports of 50 steps at once. A call with a wrong argument
 * throws at once, or rejects the promise where the device works in a Worker; what goes wrong on the device rejects it.
 */
import type { FrozenWeight, Parameter, Tape } from "./tape.ts";

/** A device. */
export interface Backend {
  /** "wasm" or "webgpu". */
  readonly name: string;
  /** Memory for one model's weights and optimizer state, all zero. */
  session(
    parameters: readonly Parameter[],
    constants: Readonly<Record<string, Float32Array>>,
    frozen?: FrozenWeights,
  ): Session;
  /** Memory for weights that are not trained: of one pretrained model, for any number of sessions. */
  frozen(weights: readonly FrozenWeight[]): FrozenWeights;
  /** Frees workers and memory; the backend cannot be used afterwards. */
  close(): void;
}

/** Weights or one of AdamW's moments. */
export type StateName = "weights" | "m" | "v";

/** Weights on a device that are not trained. */
export interface FrozenWeights {
  /**
   * Copies columns of a tensor (rows, cols) in, rounded to nearest even as its storage says. Each is copied once before it is
   * read. Throws RangeError for what is no number of its columns.
   *
   * @param values (columns, rows), row-major: of torch.nn.Linear's (outputs, inputs) some rows.
   * @param firstColumn Where they begin; default: at the first.
   */
  write(name: string, values: Float32Array, firstColumn?: number): void;
}

/** One model on a device. */
export interface Session {
  /** Copies one tensor out, row-major (rows, cols). */
  read(state: StateName, name: string): Promise<Float32Array>;
  /** Copies one tensor in, row-major (rows, cols). */
  write(state: StateName, name: string, values: Float32Array): void;
  /** Compiles a training step on batches of `sequences` sequences of `length` tokens. */
  training(shape: BatchShape, record: (tape: Tape) => void): TrainingProgram;
  /** Compiles a forward pass that collects at most `slots` rows. */
  forward(shape: BatchShape & { slots: number }, record: (tape: Tape) => void): ForwardProgram;
  /** Compiles token-by-token generation for at most `rows` sequences of at most `capacity` tokens. */
  decoding(shape: DecodingShape, record: (tape: Tape, capacity: number) => void): DecodingProgram;
  /** Compiles generation that reads prompts as a whole (`gqa_prefill`) and then goes on token by token (`gqa_decode`). */
  generation(shape: DecodingShape, record: GenerationRecorder): GenerationProgram;
}

/** The two programs of a generation: that of one whole prompt, which fills a row's cache, and that of one token a row. */
export interface GenerationRecorder {
  /** A tape of one sequence, without a head; records `tokens`, `positions`. */
  prefill(tape: Tape, capacity: number): void;
  /** A tape of length 1; records `tokens`, `positions`, `filled`; its last instruction is `sample_at`. */
  step(tape: Tape, capacity: number): void;
}

/** A row to generate. */
export interface GenerationRow {
  /** At least one. Position ids are 0, 1, 2, ... */
  readonly prompt: readonly number[];
  /** Most tokens of the response. */
  readonly maxTokens: number;
  /** Row of the sampling stream, an integer in 0..2^32-1. */
  readonly row: number;
}

/** What ends a response. */
export interface GenerationStop {
  /** A response ends with one of these, which it keeps. */
  readonly tokens: readonly number[];
  /**
   * A response ends with the token in which its bytes so far contain one of `texts`; `bytes[token]` are the bytes a token
   * stands for.
   */
  readonly texts?: readonly Uint8Array[];
  readonly bytes?: readonly Uint8Array[];
}

/** A compiled generation program. */
export interface GenerationProgram {
  /**
   * The responses, without prompts. A row's response depends on its prompt, options and `row` alone, not on the rows beside
   * it: token t is drawn with the counter (k / 4, row, prompt length + t - 1). A NOT_FINITE ends a row whose logits were
   * not finite. Prompts that start alike are read once.
   */
  run(
    rows: readonly GenerationRow[],
    options: Omit<GenerationOptions, "stop"> & { readonly stop: GenerationStop },
  ): Promise<number[][]>;
}

/** Sequences in a batch and tokens in a sequence (a multiple of 4). */
export interface BatchShape {
  readonly sequences: number;
  readonly length: number;
  /** Sequences that WASM works on at a time; results depend on it. Fewer take less memory. Default 4. */
  readonly chunk?: number;
}

/** Size of a generation program. */
export interface DecodingShape {
  readonly rows: number;
  readonly capacity: number;
}

/** Batch records by label: (sequences * length * cols) elements each; absent ones are zero. */
export type BatchRecords = Readonly<Record<string, Int32Array | Float32Array>>;

/** AdamW's numbers for one step. */
export interface AdamWStep {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** 1 - beta^t after this step. */
  readonly biasCorrection1: number;
  readonly biasCorrection2: number;
  /** Largest gradient norm; Infinity = no clipping. */
  readonly clip: number;
}

/** What one training step reports. */
export interface StepReport {
  /** Weighted mean loss of the language head (or its weighted sum over the normalizer), 0 where it has no weight. */
  readonly loss: number;
  /** Weighted mean loss of the value head, 0 where it has no weight. */
  readonly valueLoss: number;
  /** L2 norm of the gradient before clipping. */
  readonly gradientNorm: number;
}

/** A compiled training step. `normalizer` divides the language head's weighted loss; see `lossScale`. */
export interface TrainingProgram {
  /** Forward, backward and AdamW on one batch. */
  step(batch: BatchRecords, optimizer: AdamWStep, normalizer?: number): Promise<StepReport>;
  /** Forward and backward only. */
  gradients(batch: BatchRecords, normalizer?: number): Promise<GradientReport>;
}

/** Losses and gradients of a batch. */
export interface GradientReport extends StepReport {
  /** Row-major by parameter name. */
  readonly gradients: Record<string, Float32Array>;
}

/** A compiled forward pass. */
export interface ForwardProgram {
  /** Runs the batch; returns `width` floats for every slot, by label ("logits", "values"). */
  run(batch: BatchRecords, slots: number): Promise<Record<string, Float32Array>>;
}

/** How generation chooses tokens. */
export interface GenerationOptions {
  /** 0 = greedy. */
  readonly temperature: number;
  /** What is kept of each distribution, see lib/nn/generate_options.ts; undefined = all. */
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  /** Seed and purpose of the sampling stream; row and step come from the program. */
  readonly seed: number;
  readonly purpose: number;
  /** A row is finished when it emits one of these. */
  readonly stop: readonly number[];
}

/** A compiled generation program. */
export interface DecodingProgram {
  /**
   * @param forced (length, rows) with length <= capacity: prompt tokens, -1 where the model chooses.
   * @param positions (length, rows): position ids.
   * @param rowIds (rows): row of the random stream.
   * @returns (length, rows): all tokens; NOT_FINITE where the logits were not; -1 after that or a row's stop token.
   */
  run(
    forced: Int32Array,
    positions: Int32Array,
    rowIds: Int32Array,
    options: GenerationOptions,
  ): Promise<Int32Array>;
  /**
   * Logits (length, rows, classes) after each of the given tokens, as `run` computes them before it draws. There to
   * measure what a backend's generation is off; absent on backends that have nothing to measure.
   *
   * @param forced (length, rows), all >= 0.
   */
  logits?(forced: Int32Array, positions: Int32Array, rowIds: Int32Array): Promise<Float32Array>;
}
