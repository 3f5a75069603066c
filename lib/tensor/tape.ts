/**
 * The tape: a program as data. Model code calls operations (`lib/nn/operations.ts`), each of which
 * appends instructions on buffers; a backend turns the list into kernel calls. Nothing is computed while
 * recording and no value is ever read in the middle of a program, so that one model runs on every backend.
 *
 * Shapes: a training or forward program works on a chunk of `sequences` sequences of `length` tokens;
 * activations are (rows, cols) with rows = sequences * length, row b * length + t, and cols % 16 = 0. The
 * backend repeats the program over the chunks of a batch. A decoding program has length 1.
 */

/** Where a buffer lives. */
export type Space =
  /** Weights: one copy. */
  | "parameter"
  /** Loss gradients of weights: one copy per shard of the batch. */
  | "gradient"
  /** W^T of a weight, refreshed before each training step: one copy. */
  | "transposed"
  /** Tables made once. */
  | "constant"
  /** Per-row records of the batch, read (tokens, targets) or written (losses): one per row of the batch. */
  | "batch"
  /** Rows collected over the whole batch. */
  | "collected"
  /** Working memory, reused from chunk to chunk. */
  | "activation"
  /** Key/value cache: kept from one decoding step to the next. */
  | "cache";

/** A block of memory named by a program. Elements are 4 bytes: float32 or int32. */
export interface Buffer {
  readonly id: number;
  readonly label: string;
  readonly space: Space;
  readonly rows: number;
  readonly cols: number;
  /** "panel": 16 columns of every row, panel after panel; "plain": row-major. */
  readonly layout: "panel" | "plain";
}

/** A value known only when the program runs. */
export type Scalar =
  /** 1 / (sum of the batch's weights) or 1 / (a given normalizer), for each of the two losses. */
  | "lossScale"
  | "valueLossScale"
  /** Index of the decoding step, from 0. */
  | "step"
  /** Sampling: 1 / temperature (0 = greedy), seed and purpose of the random stream. */
  | "inverseTemperature"
  | "seed"
  | "purpose";

/** One operation on buffers. What each `op` means is said where it is recorded. */
export interface Instruction {
  readonly op: string;
  readonly buffers: Readonly<Record<string, Buffer | undefined>>;
  readonly numbers: Readonly<Record<string, number | Scalar>>;
}

/** A weight matrix: what the optimizer and checkpoints know of it. */
export interface Parameter {
  readonly name: string;
  /** Logical shape (out of which cols are padded to a multiple of 16). */
  readonly rows: number;
  readonly cols: number;
  /** Standard deviation of the initial normal distribution; `"ones"` for gains. */
  readonly init: number | "ones";
  /** Whether AdamW's weight decay applies. */
  readonly decay: boolean;
}

/** Records a program. */
export class Tape {
  readonly instructions: Instruction[] = [];
  readonly buffers: Buffer[] = [];
  readonly #backward: (() => void)[] = [];
  readonly #gradients = new Map<Buffer, Buffer>();
  readonly #named = new Map<string, Buffer>();

  /**
   * @param sequences Sequences in a chunk (rows, for decoding).
   * @param length Tokens per sequence, a multiple of 4; 1 for decoding.
   * @param training Whether backward passes are recorded.
   */
  constructor(readonly sequences: number, readonly length: number, readonly training: boolean) {}

  /** Rows of an activation: sequences * length. */
  get rows(): number {
    return this.sequences * this.length;
  }

  #add(
    label: string,
    space: Space,
    rows: number,
    cols: number,
    layout: Buffer["layout"],
  ): Buffer {
    const buffer = { id: this.buffers.length, label, space, rows, cols, layout };
    this.buffers.push(buffer);
    return buffer;
  }

  #once(
    label: string,
    space: Space,
    rows: number,
    cols: number,
    layout: Buffer["layout"],
  ): Buffer {
    const key = `${space}:${label}`;
    let buffer = this.#named.get(key);
    if (!buffer) this.#named.set(key, buffer = this.#add(label, space, rows, cols, layout));
    return buffer;
  }

  /** A new activation of (rows, cols). */
  activation(label: string, cols: number): Buffer {
    return this.#add(label, "activation", this.rows, cols, "panel");
  }

  /** Working memory without structure: `size` elements. */
  scratch(label: string, size: number): Buffer {
    return this.#add(label, "activation", 1, size, "plain");
  }

  /** The buffer of a weight. */
  parameter(p: Parameter): Buffer {
    return this.#once(p.name, "parameter", p.rows, padded(p.cols), "panel");
  }

  /** W^T of a weight, (cols, rows). */
  transposed(w: Buffer): Buffer {
    return this.#once(w.label, "transposed", w.cols, w.rows, "panel");
  }

  /** A table of (rows, cols) that the backend holds under this label. */
  constant(label: string, rows: number, cols: number): Buffer {
    return this.#once(label, "constant", rows, cols, "plain");
  }

  /** A per-row record of the batch, `cols` elements a row. */
  batch(label: string, cols = 1): Buffer {
    return this.#once(label, "batch", this.rows, cols, "plain");
  }

  /** Rows collected from the whole batch, `cols` elements a row. */
  collected(label: string, cols: number): Buffer {
    return this.#once(label, "collected", 0, cols, "plain");
  }

  /** Key/value cache of `size` elements a row. */
  cache(label: string, size: number): Buffer {
    return this.#once(label, "cache", this.rows, size, "plain");
  }

  /** Appends an instruction. */
  emit(
    op: string,
    buffers: Instruction["buffers"],
    numbers: Instruction["numbers"] = {},
  ): void {
    this.instructions.push({ op, buffers, numbers });
  }

  /** Registers the backward pass of the operation just recorded; run in reverse order by `backward`. */
  onBackward(record: () => void): void {
    if (this.training) this.#backward.push(record);
  }

  /** The gradient of a buffer: of a weight, the shard's accumulator; of an activation, what has been set. */
  gradient(x: Buffer): Buffer {
    if (x.space === "parameter") {
      return this.#once(x.label, "gradient", x.rows, x.cols, "panel");
    }
    const g = this.#gradients.get(x);
    if (!g) throw new Error(`no gradient has reached ${x.label}: it takes no part in the loss`);
    return g;
  }

  /** Makes `g` the gradient of `x` so far. The caller gives `g` up: later operations add to it in place. */
  setGradient(x: Buffer, g: Buffer): void {
    if (this.#gradients.has(x)) {
      throw new Error(`gradient of ${x.label} is set already: add to it instead`);
    }
    this.#gradients.set(x, g);
  }

  /**
   * Where an operation shall write its contribution to dL/dx: `out = init + contribution`, with `init`
   * undefined for the first contribution and equal to `out` for the later ones.
   */
  accumulate(x: Buffer): { out: Buffer; init: Buffer | undefined } {
    const known = this.#gradients.get(x);
    if (known) return { out: known, init: known };
    const out = this.activation(`d ${x.label}`, x.cols);
    this.#gradients.set(x, out);
    return { out, init: undefined };
  }

  /** Records the backward passes, last operation first. */
  backward(): void {
    while (this.#backward.length > 0) this.#backward.pop()!();
  }
}

/** Columns rounded up to whole panels of 16. */
export function padded(cols: number): number {
  return Math.ceil(cols / 16) * 16;
}

/** Elements that a buffer occupies; panels are one row apart so that equal rows do not share a cache set. */
export function elements(b: Pick<Buffer, "rows" | "cols" | "layout">): number {
  return b.layout === "panel" ? (b.cols / 16) * (b.rows + 1) * 16 : b.rows * b.cols;
}
