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
  /** Weights that are not trained, shared by the models that are adapted from them: one copy, stored as `storage` says. */
  | "frozen"
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

/** How frozen weights are stored; kernels widen them to float32. */
export const WEIGHT_STORAGES = ["float32", "float16", "bfloat16"] as const;
/** How frozen weights are stored. */
export type WeightStorage = typeof WEIGHT_STORAGES[number];

/** Elements of scratch with which the WASM kernels widen frozen weights, 16 columns at a time. */
export const FROZEN_SCRATCH = 16 * 2048;

/** A block of memory named by a program. Elements are 4 bytes, float32 or int32, but for frozen weights. */
export interface Buffer {
  readonly id: number;
  readonly label: string;
  readonly space: Space;
  readonly rows: number;
  readonly cols: number;
  /** "panel": 16 columns of every row, panel after panel; "plain": row-major. */
  readonly layout: "panel" | "plain";
  /** Of frozen weights alone. */
  readonly storage?: WeightStorage;
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

/**
 * The instruction set: one operation on buffers, each with its operands by name. A backend lowers every one of them.
 *
 * A buffer is (rows, cols); `d` is the width of an activation, and `rows` that of the tape unless said otherwise. Where
 * there is `init` the result is added to it: to nothing if it is undefined; it may be the output itself. Gradients of
 * weights (`dw`, `dg`, and `c` of gemm_tn) are always added to. `scratch` is the WASM kernels' working memory.
 */
export type Instruction = Readonly<
  /** x[i] = w[tokens[i]]. x (rows, d), w (vocabulary, d), tokens (rows, 1) int32. */
  | { op: "embedding_forward"; x: Buffer; w: Buffer; tokens: Buffer }
  /** dw[tokens[i]] += dx[i]. Shapes as above. */
  | { op: "embedding_backward"; dw: Buffer; dx: Buffer; tokens: Buffer }
  /** y = g x rstd, rstd = 1 / sqrt(mean(x^2) + eps) of each row. x, y (rows, d), g (1, d), rstd `rows` elements. */
  | { op: "rmsnorm_forward"; y: Buffer; rstd: Buffer; x: Buffer; g: Buffer; eps: number }
  /** dx = init + dL/dx and dg += dL/dg, from dy = dL/dy. scratch: `rows` elements. */
  | {
    op: "rmsnorm_backward";
    dx: Buffer;
    init: Buffer | undefined;
    dg: Buffer;
    dy: Buffer;
    x: Buffer;
    rstd: Buffer;
    g: Buffer;
    scratch: Buffer;
  }
  /** c (m, n) = init + a (m, k) b (k, n). */
  | { op: "gemm_nn"; c: Buffer; a: Buffer; b: Buffer; init: Buffer | undefined }
  /** c (k, n) += a^T b, with a (m, k), b (m, n). */
  | { op: "gemm_tn"; c: Buffer; a: Buffer; b: Buffer }
  /** y = gelu(u), tanh form; u becomes the slope, gelu'(u). Both (rows, cols). */
  | { op: "gelu_forward"; y: Buffer; u: Buffer }
  /** dy becomes dL/du = dy slope. */
  | { op: "gelu_backward"; dy: Buffer; slope: Buffer }
  /**
   * A gated recurrent unit over each sequence (equations: `gru` in lib/nn/operations.ts): h, its predecessor in time
   * `previous`, and q (rows, d); x (rows, 3 d) becomes the gates r, z, n; u (d, 3 d). scratch: 16 d elements.
   */
  | {
    op: "gru_forward";
    h: Buffer;
    previous: Buffer;
    q: Buffer;
    x: Buffer;
    u: Buffer;
    scratch: Buffer;
    sequences: number;
    length: number;
  }
  /** x, the gates, becomes dL/dx; dp (rows, 3 d) the gradient of the products h' u; ut is u^T; dh = dL/dh. */
  | {
    op: "gru_backward";
    x: Buffer;
    dp: Buffer;
    dh: Buffer;
    previous: Buffer;
    q: Buffer;
    ut: Buffer;
    scratch: Buffer;
    sequences: number;
    length: number;
  }
  /**
   * Rotates the first `rotaryDim` dimensions of the first `heads` heads of x (rows, at least heads headDim) in place, by
   * the angles in the row of `table` (maxPosition, rotaryDim / 2 pairs of cosine and sine) that `positions` (rows, 1)
   * names. sign -1 rotates back, as the backward pass does.
   */
  | {
    op: "rope";
    x: Buffer;
    positions: Buffer;
    table: Buffer;
    heads: number;
    headDim: number;
    rotaryDim: number;
    sign: 1 | -1;
  }
  /**
   * o = softmax(causal(Q K^T / sqrt(headDim))) V inside each sequence, head by head. qkv (rows, 3 heads headDim): Q, K, V
   * side by side; o (rows, heads headDim). p keeps what a backend needs for the backward pass: probabilities (WASM), or
   * the log of each softmax's sum (WebGPU). scratch: 16 (headDim + length) elements.
   */
  | {
    op: "attention_forward";
    o: Buffer;
    p: Buffer;
    qkv: Buffer;
    scratch: Buffer;
    sequences: number;
    length: number;
    heads: number;
    headDim: number;
  }
  /** dqkv = dL/dqkv from do = dL/do. */
  | {
    op: "attention_backward";
    dqkv: Buffer;
    do: Buffer;
    o: Buffer;
    p: Buffer;
    qkv: Buffer;
    scratch: Buffer;
    sequences: number;
    length: number;
    heads: number;
    headDim: number;
  }
  /**
   * One decoding step of attention, a token for each of `rows` sequences: appends its K and V to the cache, (rows, heads 2
   * capacity headDim) elements in the backend's order, and attends over all that is there. scratch: 4 capacity elements.
   */
  | {
    op: "attention_decode";
    o: Buffer;
    cache: Buffer;
    qkv: Buffer;
    scratch: Buffer;
    rows: number;
    capacity: number;
    heads: number;
    headDim: number;
  }
  /**
   * loss[i] = weights[i] (logsumexp(x[i]) - x[i, targets[i]]) over the first `classes` columns; x becomes its gradient
   * times `scale`. targets (rows, 1) int32; loss, weights (rows, 1).
   */
  | {
    op: "cross_entropy";
    loss: Buffer;
    x: Buffer;
    targets: Buffer;
    weights: Buffer;
    scale: "lossScale" | "valueLossScale";
    classes: number;
  }
  /**
   * Over the first `outputs` columns, with targets (rows, outputs): loss[i] = weights[i] sum_k (x - targets)^2, or
   * weights[i] sum_k targets (logsumexp(x[i]) - x). x becomes the gradient times `scale`.
   */
  | {
    op: "squared_error" | "soft_cross_entropy";
    loss: Buffer;
    x: Buffer;
    targets: Buffer;
    weights: Buffer;
    scale: "lossScale" | "valueLossScale";
    outputs: number;
  }
  /** c (m, n) = init + a (m, k) b (k, n) with frozen b; or c (m, k) = init + a (m, n) b^T. scratch: FROZEN_SCRATCH elements. */
  | {
    op: "frozen_gemm_nn" | "frozen_gemm_nt";
    c: Buffer;
    a: Buffer;
    b: Buffer;
    init: Buffer | undefined;
    scratch: Buffer;
  }
  /** x[i] = column tokens[i] of w. x (rows, d), frozen w (d, vocabulary), tokens (rows, 1) int32. */
  | { op: "frozen_embedding"; x: Buffer; w: Buffer; tokens: Buffer }
  /** y += b, row by row. y (rows, n); b (1, n), a parameter or frozen float32. */
  | { op: "add_bias"; y: Buffer; b: Buffer }
  /** db += the sum of the rows of dy. */
  | { op: "add_bias_backward"; db: Buffer; dy: Buffer }
  /** x *= by, in place. */
  | { op: "scale"; x: Buffer; by: number }
  /** y = silu(gate) up, silu(x) = x sigmoid(x). All (rows, d). */
  | { op: "swiglu_forward"; y: Buffer; gate: Buffer; up: Buffer }
  /** gate and up become dL/dgate and dL/dup, from dy = dL/dy. */
  | { op: "swiglu_backward"; dy: Buffer; gate: Buffer; up: Buffer }
  /**
   * Rotates every head of x (rows, heads headDim) in place: dimensions i and i + headDim / 2 are a pair, turned by the
   * angle in the row of `table` (maxPositions, headDim / 2 pairs of cosine and sine) that `positions` (rows, 1) names.
   * sign -1 rotates back.
   */
  | {
    op: "rope_halves";
    x: Buffer;
    positions: Buffer;
    table: Buffer;
    heads: number;
    headDim: number;
    sign: 1 | -1;
  }
  /**
   * Causal attention with fewer heads of keys and values than of queries: query head h reads head floor(h kvHeads / heads).
   * q, o (rows, heads headDim); k, v (rows, kvHeads headDim). lse (sequences heads, length) keeps the log of each softmax's
   * sum. scratch: 32 (headDim + length) elements.
   */
  | {
    op: "gqa_forward";
    o: Buffer;
    lse: Buffer;
    q: Buffer;
    k: Buffer;
    v: Buffer;
    scratch: Buffer;
    sequences: number;
    length: number;
    heads: number;
    kvHeads: number;
    headDim: number;
  }
  /** dq, dk, dv from do = dL/do; they overwrite what was there. Probabilities are computed again from lse. */
  | {
    op: "gqa_backward";
    dq: Buffer;
    dk: Buffer;
    dv: Buffer;
    do: Buffer;
    o: Buffer;
    lse: Buffer;
    q: Buffer;
    k: Buffer;
    v: Buffer;
    scratch: Buffer;
    sequences: number;
    length: number;
    heads: number;
    kvHeads: number;
    headDim: number;
  }
  /**
   * One decoding step of a token for each of `rows` sequences: appends its k and v to the cache, (rows, kvHeads 2 capacity
   * headDim) elements in the backend's order, at place filled[i], and attends over places 0 to filled[i]. filled (rows, 1)
   * int32. capacity is a multiple of 16. scratch: 4 (capacity + headDim + 16) elements.
   */
  | {
    op: "gqa_decode";
    o: Buffer;
    cache: Buffer;
    q: Buffer;
    k: Buffer;
    v: Buffer;
    filled: Buffer;
    scratch: Buffer;
    rows: number;
    capacity: number;
    heads: number;
    kvHeads: number;
    headDim: number;
  }
  /** Puts k and v of one sequence (rows of the tape: its tokens, from place 0 on) into the cache of one row. */
  | {
    op: "gqa_prefill";
    cache: Buffer;
    k: Buffer;
    v: Buffer;
    capacity: number;
    kvHeads: number;
    headDim: number;
  }
  /**
   * Cross-entropy of softmax(h w) over a large vocabulary, a block of rows at a time, so that the logits of all rows are
   * never in memory together: loss[i] = weights[i] (logsumexp(h[i] w) - (h[i] w)[targets[i]]), dh its gradient times
   * `scale` with respect to h. h, dh (rows, d); frozen w (d, vocabulary); rows of weight 0 are skipped, their dh is 0.
   * scratch: (blockRows + 1) (padded vocabulary + 2 d) + FROZEN_SCRATCH elements.
   */
  | {
    op: "vocabulary_loss";
    loss: Buffer;
    dh: Buffer;
    h: Buffer;
    w: Buffer;
    targets: Buffer;
    weights: Buffer;
    scale: "lossScale";
    scratch: Buffer;
    blockRows: number;
    classes: number;
  }
  /**
   * Of the rows that are asked for (slots[i] >= 0): out[i, 0] = log softmax(h[i] w)[targets[i]] and out[i, 1], the entropy of
   * that distribution, in nats; other rows hold anything. out (rows, 16); other operands as above.
   */
  | {
    op: "vocabulary_log_probs";
    out: Buffer;
    h: Buffer;
    w: Buffer;
    targets: Buffer;
    slots: Buffer;
    scratch: Buffer;
    blockRows: number;
    classes: number;
  }
  /** out[slots[i]] = x[i, 0 to width] where slots[i] >= 0. slots (rows, 1) int32, out (any, width). */
  | { op: "gather_rows"; out: Buffer; x: Buffer; slots: Buffer; width: number }
  /**
   * next[i]: a draw from softmax(x[i, 0 to classes] inverseTemperature), or the largest if that scalar is 0; forced[i]
   * where that is >= 0. rowIds (rows, 1) chooses the random stream. scratch: 4 elements.
   */
  | {
    op: "sample";
    next: Buffer;
    x: Buffer;
    forced: Buffer;
    rowIds: Buffer;
    scratch: Buffer;
    classes: number;
  }
  /** As `sample`, without `forced`, and with steps[i] in the place of the step: a row draws alike whatever is beside it. */
  | {
    op: "sample_at";
    next: Buffer;
    x: Buffer;
    rowIds: Buffer;
    steps: Buffer;
    classes: number;
  }
>;

/** The instruction of this name. */
export type InstructionOf<Op extends Instruction["op"]> = Extract<Instruction, { op: Op }>;

/** The buffers of an instruction, in the order of its operands. */
export function buffersOf(instruction: Instruction): Buffer[] {
  return Object.values(instruction).filter((operand) => typeof operand === "object");
}

/** A weight matrix: what the optimizer and checkpoints know of it. */
export interface Parameter {
  readonly name: string;
  /** Logical shape (out of which cols are padded to a multiple of 16). */
  readonly rows: number;
  readonly cols: number;
  /** Whether rows are padded so, too: for a matrix behind an activation of padded columns. */
  readonly padRows?: boolean;
  /** Standard deviation of the initial normal distribution; `"ones"` for gains. */
  readonly init: number | "ones";
  /** Whether AdamW's weight decay applies. */
  readonly decay: boolean;
}

/** A weight that is not trained. */
export interface FrozenWeight {
  readonly name: string;
  /** Logical shape (in, out): the transpose of torch.nn.Linear's. */
  readonly rows: number;
  readonly cols: number;
  readonly storage: WeightStorage;
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
    return this.#once(p.name, "parameter", storedRows(p), padded(p.cols), "panel");
  }

  /** The buffer of a weight that is not trained. */
  frozen({ name, rows, cols, storage }: FrozenWeight): Buffer {
    const key = `frozen:${name}`;
    let buffer = this.#named.get(key);
    if (!buffer) {
      const shape = { rows, cols: padded(cols), layout: "panel" as const, storage };
      buffer = { id: this.buffers.length, label: name, space: "frozen", ...shape };
      this.buffers.push(buffer);
      this.#named.set(key, buffer);
    }
    return buffer;
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
  emit(instruction: Instruction): void {
    this.instructions.push(instruction);
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

  /**
   * The output of `body` without what it needs for its backward pass: that is computed again when the backward pass comes
   * to it (Chen et al. 2016). `x` must be all that it reads besides weights and records.
   */
  checkpoint(x: Buffer, body: (x: Buffer) => Buffer): Buffer {
    const start = this.#backward.length;
    const y = body(x);
    if (!this.training) return y;
    this.#backward.length = start;
    this.onBackward(() => {
      const again = body(x);
      this.setGradient(again, this.gradient(y));
    });
    return y;
  }

  /** Makes what is recorded so far a constant to the operations that follow: it has no backward pass. */
  detach(): void {
    this.#backward.length = 0;
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

/** Rows of a weight in memory. */
export function storedRows({ rows, padRows }: Pick<Parameter, "rows" | "padRows">): number {
  return padRows ? padded(rows) : rows;
}

/** Elements that a buffer occupies; panels are one row apart so that equal rows do not share a cache set. */
export function elements(b: Pick<Buffer, "rows" | "cols" | "layout">): number {
  return b.layout === "panel" ? (b.cols / 16) * (b.rows + 1) * 16 : b.rows * b.cols;
}

/** The tape, with what `record` puts on it. */
export function recorded(tape: Tape, record: (tape: Tape) => void): Tape {
  record(tape);
  return tape;
}
