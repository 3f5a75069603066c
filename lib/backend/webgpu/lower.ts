import { UsageError } from "../../errors.ts";
import {
  type Buffer,
  buffersOf,
  type Instruction,
  type InstructionOf,
  type Tape,
} from "../../tensor/tape.ts";
import {
  type Dispatch,
  type Float,
  grid,
  MAX_GROUPS,
  type Operand,
  type RowsOf,
  type Temporary,
} from "./dispatch.ts";
import { gemmDims, type GemmShape, type GemmTuning, planGemm } from "./gemm.ts";

/** Indices of float32 words in the block of scalars; kernels/wgsl/step.wgsl names all. */
const SCALAR_INDEX = { lossScale: 0, valueLossScale: 1 } as const;

/** Rows that rmsnorm_gain.wgsl and add_bias_backward.wgsl add up in one workgroup. */
const SUM_BLOCK = 128;

/** Bytes of the logits that are in memory together; the least that a binding may have. */
const LOGIT_BYTES = 2 ** 27;

/** Columns of a product with few rows up to which a workgroup takes 16, so that there are more of them; else 64. */
const NARROW = 4096;

/** Whether an output adds to something. */
const Init = { none: 0, other: 1, itself: 2 } as const;

/** Which WGSL dispatches run the instructions of one tape. Nothing here touches a device. */
export class Lowering {
  readonly dispatches: Dispatch[] = [];
  /** Floats of buffers whose size on this backend is not what the tape says. */
  readonly sizes = new Map<Buffer, number>();
  /** Gradients that have been written: the first contribution overwrites, the others add. */
  readonly #written = new Set<string>();

  /**
   * @param half Buffers that are kept in float16.
   * @param products How matrix products are run: for "rows" a row's result has the same bits however many rows there are;
   *   "few rows" is that for a token a row.
   */
  constructor(
    private readonly tuning: GemmTuning,
    readonly half: ReadonlySet<Operand> = new Set(),
    private readonly products: "any" | "rows" | "few rows" = "any",
  ) {}

  /** A tape, lowered. */
  static of({ instructions }: Tape, ...options: ConstructorParameters<typeof Lowering>): Lowering {
    const lowering = new Lowering(...options);
    for (let i = 0; i < instructions.length; i++) {
      const first = instructions[i]!, second = instructions[i + 1];
      if (second?.op === "gather_rows" && isCollectedAlone(first, second, instructions)) {
        lowering.#collectProduct(first, second);
        i++;
      } else lowering.add(first);
    }
    return lowering;
  }

  /** Names of the weights whose gradients the program writes. */
  get gradients(): ReadonlySet<string> {
    return this.#written;
  }

  /** Appends one dispatch. */
  emit(
    kernel: string,
    groups: Dispatch["groups"],
    dims: Dispatch["dims"],
    operands: Record<string, Operand | RowsOf>,
    constants: Record<string, number> = {},
  ): void {
    const half = Object.keys(operands).filter((name) => this.half.has(operands[name] as Operand));
    this.dispatches.push({ kernel, groups, dims, operands, constants, half });
  }

  /** Appends an instruction's dispatches. Throws on an operation that has none, UsageError for a model too wide. */
  add(i: Instruction): void {
    switch (i.op) {
      case "embedding_forward": {
        const { tokens, w, x } = i, dims = [x.rows, x.cols / 4];
        const operands = { step: "step" as const, tokens, w, x };
        return this.emit(i.op, grid(Math.ceil(x.rows * x.cols / 1024)), dims, operands);
      }
      case "embedding_backward":
        return this.#embeddingBackward(i);
      case "rmsnorm_forward": {
        const { x, g, y, rstd } = i, vectors = x.cols / 4;
        const dims = [x.rows, vectors, float(i.eps)];
        return this.#rows(i.op, x.rows, vectors, dims, { x, g, y, rstd });
      }
      case "rmsnorm_backward":
        return this.#rmsNormBackward(i);
      case "gemm_nn": {
        const { a, b, c, init } = i, transposeB = b.space === "transposed";
        const size = { m: c.rows, n: c.cols, k: a.cols, bRows: transposeB ? b.cols : b.rows };
        const shape = { ...size, transposeA: false, transposeB };
        // W^T is not kept: the kernel reads W the other way.
        const weight = transposeB ? { ...b, space: "parameter" as const } : b;
        return this.#gemm(shape, a, weight, c, init);
      }
      case "gemm_tn": {
        const { a, b, c } = i;
        const size = { m: a.cols, n: b.cols, k: a.rows, cRows: c.rows };
        const shape = { ...size, transposeA: true, transposeB: false };
        return this.#gemm(shape, a, b, c, this.#accumulated(c));
      }
      case "gelu_forward": {
        const { y, u } = i, vectors = y.rows * y.cols / 4;
        return this.emit(i.op, grid(Math.ceil(vectors / 256)), [vectors], { y, u });
      }
      case "gelu_backward": {
        const { dy, slope } = i, vectors = dy.rows * dy.cols / 4;
        return this.emit(i.op, grid(Math.ceil(vectors / 256)), [vectors], { dy, slope });
      }
      case "gru_forward": {
        const { x, previous, q, u, h } = i;
        return this.#gru(i, { x, previous, q, u, h });
      }
      case "gru_backward": {
        const { x, previous, q, ut, dh, dp } = i;
        // U^T is not kept: the kernel reads U the other way.
        return this.#gru(i, { x, previous, q, u: { ...ut, space: "parameter" }, dh, dp });
      }
      case "rope": {
        const { positions, table, x, heads, headDim, rotaryDim } = i;
        return this.emit(
          i.op,
          grid(Math.ceil(x.rows * heads * rotaryDim / 2 / 256)),
          [x.rows, x.cols, heads, headDim, rotaryDim, float(i.sign)],
          { step: "step", positions, table, x },
        );
      }
      case "attention_forward":
      case "attention_backward":
        return this.#attention(i);
      case "attention_decode": {
        const { qkv, cache, o, rows, heads, capacity } = i, headDim = checkedHeadDim(i.headDim);
        const dims = [heads, capacity, scaleOf(headDim)];
        const operands = { step: "step" as const, qkv, cache, o };
        return this.emit(i.op, [heads, rows, 1], dims, operands, { HEAD_DIM: headDim });
      }
      case "cross_entropy":
        return this.#loss(i, i.classes);
      case "soft_cross_entropy":
      case "squared_error":
        return this.#loss(i, i.outputs);
      case "gather_rows":
        return this.#gather(i.x, i.slots, i);
      case "sample": {
        const { forced, rowIds: row_ids, x, next: tokens } = i;
        return this.emit(
          i.op,
          grid(x.rows),
          [x.rows, x.cols, i.classes],
          { step: "step", sampling: "sampling", forced, row_ids, x, tokens },
        );
      }
      case "frozen_gemm_nn": {
        const { a, b, c, init } = i;
        return this.#gemm(productOf(c, a, b, false), a, b, c, init);
      }
      case "frozen_gemm_nt": {
        const { a, b, c, init } = i;
        return this.#gemm(productOf(c, a, b, true), a, b, c, init);
      }
      case "frozen_embedding": {
        const { tokens, w, x } = i, groups = grid(Math.ceil(x.rows * x.cols / 256));
        const constants = { ...storageOf(w), FLOAT32: Number(w.storage === "float32") };
        return this.emit(i.op, groups, [x.rows, x.cols, w.cols], { tokens, w, x }, constants);
      }
      case "add_bias": {
        const { y, b } = i, vectors = y.cols / 4;
        return this.emit(i.op, grid(Math.ceil(y.rows * vectors / 256)), [y.rows, vectors], {
          b,
          y,
        });
      }
      case "add_bias_backward": {
        const { db, dy } = i, sums = (out: Temporary) => ({ dy, out });
        return this.#columnSums(i.op, dy, sums, db);
      }
      case "scale": {
        const { x } = i, vectors = x.rows * x.cols / 4;
        return this.emit(i.op, grid(Math.ceil(vectors / 256)), [vectors, float(i.by)], { x });
      }
      case "swiglu_forward": {
        const { y, gate, up } = i, vectors = y.rows * y.cols / 4;
        return this.emit(i.op, grid(Math.ceil(vectors / 256)), [vectors], { y, gate, up });
      }
      case "swiglu_backward": {
        const { dy, gate, up } = i, vectors = dy.rows * dy.cols / 4;
        return this.emit(i.op, grid(Math.ceil(vectors / 256)), [vectors], { dy, gate, up });
      }
      case "rope_halves": {
        const { positions, table, x, heads, headDim } = i, pairs = headDim / 2;
        const groups = grid(Math.ceil(x.rows * heads * pairs / 256));
        const dims = [x.rows, heads, pairs, float(i.sign)];
        return this.emit(i.op, groups, dims, { positions, table, x });
      }
      case "gqa_forward":
      case "gqa_backward":
        return this.#groupedAttention(i);
      case "gqa_decode": {
        const { q, k, v, cache, filled, o, rows, heads, capacity } = i;
        const headDim = checkedHeadDim(i.headDim);
        const constants = { HEAD_DIM: headDim, GROUP: heads / i.kvHeads };
        const operands = { q, k, v, cache, filled, o };
        return this.emit(
          i.op,
          [heads, rows, 1],
          [heads, capacity, scaleOf(headDim)],
          operands,
          constants,
        );
      }
      case "gqa_prefill": {
        const { cache, k, v, capacity, kvHeads, headDim } = i;
        return this.emit(
          i.op,
          grid(Math.ceil(k.rows * k.cols / 1024)),
          [k.rows, kvHeads, headDim / 4, capacity],
          { chosen: "chosen", cache, k, v },
        );
      }
      case "vocabulary_loss":
      case "vocabulary_log_probs":
        return this.#vocabulary(i);
      case "sample_at": {
        const { steps, rowIds: row_ids, x, next } = i, dims = [x.rows, x.cols, i.classes];
        const operands = { sampling: "sampling" as const, steps, row_ids, x, next };
        return this.emit(i.op, grid(x.rows), dims, operands, { THREADS: 256 });
      }
      default: {
        const { op } = i satisfies never as Instruction;
        throw new Error(`the WebGPU backend has no kernel for ${op}`);
      }
    }
  }

  /** A kernel with LANES threads a row, which have `width` elements to work on. */
  #rows(
    kernel: string,
    rows: number,
    width: number,
    dims: Dispatch["dims"],
    operands: Record<string, Operand | RowsOf>,
    constants: Record<string, number> = {},
  ): void {
    const lanes = Math.min(128, powerOfTwo(width));
    const groups = grid(Math.ceil(rows / (128 / lanes)));
    this.emit(kernel, groups, dims, operands, { ...constants, LANES: lanes });
  }

  /** `c` itself from the second contribution to a weight's gradient on. */
  #accumulated(c: Buffer): Buffer | undefined {
    if (c.space !== "gradient") return undefined;
    if (this.#written.has(c.label)) return c;
    this.#written.add(c.label);
    return undefined;
  }

  /** C = init + op(A) op(B); what is not the whole of a buffer is never `init`. */
  #gemm(
    shape: GemmShape,
    a: Buffer | RowsOf | Temporary,
    b: Buffer,
    c: Buffer | RowsOf | Temporary,
    init: Buffer | undefined,
  ): void {
    const { m, n, k, bRows = k } = shape;
    const isPacked = b.space === "frozen" && b.storage !== "float32";
    const name = isPacked ? "frozen_gemm" : "gemm", packed = isPacked ? storageOf(b) : {};
    if (this.products === "few rows") {
      const { start, INIT } = beginning(c, init, a);
      const VECTORS = n <= NARROW ? 4 : 16, ROWS = Math.min(16, Math.ceil(m / 4) * 4);
      const groups = [Math.ceil(n / 4 / VECTORS), Math.ceil(m / ROWS), 1] as const;
      const constants = { ...packed, INIT, VECTORS, ROWS };
      return this.emit(`${name}_rows`, groups, [m, n, k, bRows], { a, b, start, c }, constants);
    }
    const { constants, splits, kSplit, groups } = planGemm(
      shape,
      this.tuning,
      this.products === "any",
    );
    const dims = gemmDims(shape, kSplit);
    if (splits === 1) {
      const { start, INIT } = beginning(c, init, a);
      return this.emit(name, groups, dims, { a, b, start, c }, { ...packed, ...constants, INIT });
    }
    const { cRows = m } = shape, sums = temporary("partial sums", splits * cRows * n);
    const operands = { a, b, start: a, c: sums };
    this.emit(name, groups, dims, operands, { ...packed, ...constants, INIT: Init.none });
    this.#sumSplits(sums, splits, cRows * n / 4, c, init);
  }

  #sumSplits(
    x: Temporary,
    splits: number,
    vectors: number,
    y: Buffer | RowsOf | Temporary,
    init: Buffer | undefined,
  ): void {
    const { start, INIT } = beginning(y, init, x);
    const groups = grid(Math.ceil(vectors / 256));
    this.emit("sum_splits", groups, [splits, vectors], { x, start, y }, { INIT });
  }

  #embeddingBackward({ dw, dx, tokens }: InstructionOf<"embedding_backward">): void {
    if (dw.rows > MAX_GROUPS) {
      throw new UsageError(
        "vocabularySize",
        dw.rows,
        `the WebGPU backend trains at most ${MAX_GROUPS}`,
      );
    }
    const sorted = (what: string, cols: number): Buffer => ({
      ...tokens,
      label: `${tokens.label} ${what}`,
      rows: 1,
      cols,
    });
    const init = this.#accumulated(dw) ? Init.itself : Init.none;
    this.emit(
      "embedding_backward",
      [dw.rows, Math.ceil(dw.cols / 64), 1],
      [dw.rows, dw.cols / 4],
      { order: sorted("order", dx.rows), starts: sorted("starts", dw.rows + 1), dx, dw },
      { INIT: init },
    );
  }

  /** A weight's gradient as the sum over the rows of `x`: first over blocks of them, by `kernel`. */
  #columnSums(
    kernel: string,
    { rows, cols }: Buffer,
    operands: (out: Temporary) => Record<string, Operand>,
    gradient: Buffer,
  ): void {
    const vectors = cols / 4, blocks = Math.ceil(rows / SUM_BLOCK);
    const sums = temporary("sums of blocks", blocks * cols);
    this.emit(kernel, [blocks, Math.ceil(vectors / 16), 1], [rows, vectors], operands(sums));
    this.#sumSplits(sums, blocks, vectors, gradient, this.#accumulated(gradient));
  }

  #rmsNormBackward({ dx, dg, dy, x, rstd, g, init }: InstructionOf<"rmsnorm_backward">): void {
    const vectors = x.cols / 4;
    // Where nobody wants the gain's gradient, the tape has no weight's gradient there.
    if (dg.space !== "activation") {
      this.#columnSums("rmsnorm_gain", x, (out) => ({ dy, x, rstd, out }), dg);
    }
    const { start, INIT } = beginning(dx, init, dy);
    const operands = { dy, x, rstd, g, start, dx };
    this.#rows("rmsnorm_backward", x.rows, vectors, [x.rows, vectors], operands, { INIT });
  }

  #gru(
    { op, q, sequences, length }: InstructionOf<"gru_forward" | "gru_backward">,
    operands: Record<string, Operand>,
  ): void {
    const d = q.cols;
    if (d > 1024) {
      throw new UsageError("dModel", d, "the WebGPU backend has GRUs of at most 1024");
    }
    const constants = { D: d, THREADS: Math.min(256, powerOfTwo(d)) };
    this.emit(op, grid(sequences), [sequences, length], operands, constants);
  }

  #loss(
    i: InstructionOf<"cross_entropy" | "squared_error" | "soft_cross_entropy">,
    classes: number,
  ): void {
    const { targets, weights, x, loss } = i;
    const dims = [x.rows, x.cols, classes, SCALAR_INDEX[i.scale]];
    this.#rows(i.op, x.rows, x.cols, dims, { scalars: "scalars", targets, weights, x, loss });
  }

  /** h w for some rows at a time, w being frozen, and what becomes of each part. */
  #rowsOfProduct(
    h: Buffer,
    w: Buffer,
    use: (product: RowsOf, part: (of: Buffer) => RowsOf) => void,
  ): void {
    const most = Math.max(64, Math.floor(LOGIT_BYTES / (4 * w.cols) / 64) * 64);
    const logits = temporary("logits", Math.min(most, h.rows) * w.cols);
    for (let first = 0; first < h.rows; first += most) {
      const rows = Math.min(most, h.rows - first);
      const part = (of: Buffer): RowsOf => ({ of, first, rows, cols: of.cols });
      const x = { of: logits, first: 0, rows, cols: w.cols };
      this.#gemm(productOf(x, h, w, false), part(h), w, x, undefined);
      use(x, part);
    }
  }

  /** Collects rows of a product that is too large to be whole in memory. */
  #collectProduct({ a, b }: InstructionOf<"frozen_gemm_nn">, i: InstructionOf<"gather_rows">) {
    this.#rowsOfProduct(a, b, (x, part) => this.#gather(x, part(i.slots), i));
  }

  #gather(
    x: Buffer | RowsOf,
    slots: Buffer | RowsOf,
    { out, width }: InstructionOf<"gather_rows">,
  ): void {
    const groups = grid(Math.ceil(x.rows * width / 256));
    this.emit("gather_rows", groups, [x.rows, x.cols, width], { slots, x, out });
  }

  #vocabulary(i: InstructionOf<"vocabulary_loss" | "vocabulary_log_probs">): void {
    const { h, w, targets, classes } = i;
    this.#rowsOfProduct(h, w, (x, part) => {
      const dims = [x.rows, x.cols, classes];
      if (i.op === "vocabulary_log_probs") {
        const operands = { targets: part(targets), slots: part(i.slots), x, out: part(i.out) };
        return this.#rows("log_probs", x.rows, x.cols, dims, operands);
      }
      const records = { targets: part(targets), weights: part(i.weights), loss: part(i.loss) };
      const operands = { scalars: "scalars" as const, ...records, x };
      this.#rows("cross_entropy", x.rows, x.cols, [...dims, SCALAR_INDEX[i.scale]], operands);
      const dh = part(i.dh);
      this.#gemm(productOf(dh, x, w, true), x, w, dh, undefined);
    });
  }

  #groupedAttention(i: InstructionOf<"gqa_forward" | "gqa_backward">): void {
    const { o, lse, q, k, v, sequences, length, heads, kvHeads } = i;
    const { rows, constants, dims } = attentionShape(i);
    const tiles = Math.ceil(length / rows), group = { ...constants, GROUP: heads / kvHeads };
    if (i.op === "gqa_forward") {
      const operands = { q, k, v, o, lse }, groups = [tiles, heads, sequences] as const;
      return this.emit(i.op, groups, dims, operands, { ...group, QUERIES: rows });
    }
    const { do: dout, dq, dk, dv } = i, delta = this.#attentionDelta(i, o, dout);
    const operands = { q, k, v, dout, lse, delta };
    this.emit(
      "gqa_backward_query",
      [tiles, heads, sequences],
      dims,
      { ...operands, dq },
      { ...group, QUERIES: rows },
    );
    this.emit(
      "gqa_backward_key",
      [tiles, kvHeads, sequences],
      dims,
      { ...operands, dk, dv },
      { ...group, ROWS: rows },
    );
  }

  #attentionDelta({ sequences, length, heads, headDim }: AttentionShape, o: Buffer, dout: Buffer) {
    const delta = temporary("attention delta", sequences * heads * length);
    this.emit(
      "attention_delta",
      grid(Math.ceil(sequences * length * heads / 256)),
      [sequences * length, length, heads, headDim / 4],
      { o, dout, delta },
    );
    return delta;
  }

  #attention(i: InstructionOf<"attention_forward" | "attention_backward">): void {
    const { o, p: lse, qkv, sequences, length, heads } = i;
    const { rows, constants, dims } = attentionShape(i);
    const groups = [Math.ceil(length / rows), heads, sequences] as const;
    // What is kept for the backward pass is one number a query, not a probability a key.
    this.sizes.set(lse, sequences * heads * length);
    if (i.op === "attention_forward") {
      this.emit(i.op, groups, dims, { qkv, o, lse }, { ...constants, QUERIES: rows });
      return;
    }
    const { do: dout, dqkv } = i, delta = this.#attentionDelta(i, o, dout);
    const operands = { qkv, dout, lse, delta, dqkv };
    this.emit("attention_backward_query", groups, dims, operands, { ...constants, QUERIES: rows });
    this.emit("attention_backward_key", groups, dims, operands, { ...constants, ROWS: rows });
  }
}

/** Whether the first is a product too large for a buffer, of which nothing is wanted but rows that the second collects. */
function isCollectedAlone(
  first: Instruction,
  second: InstructionOf<"gather_rows">,
  all: readonly Instruction[],
): first is InstructionOf<"frozen_gemm_nn"> {
  if (first.op !== "frozen_gemm_nn") return false;
  const { c, init } = first;
  return second.x === c && !init && 4 * c.rows * c.cols > LOGIT_BYTES &&
    all.filter((i) => buffersOf(i).includes(c)).length === 2;
}

interface AttentionShape {
  readonly sequences: number;
  readonly length: number;
  readonly heads: number;
  readonly headDim: number;
}

/** Rows of a workgroup, and what the kernels of attention are told. */
function attentionShape({ length, heads, headDim }: AttentionShape) {
  const DIMS = checkedHeadDim(headDim) % 32 === 0 ? 32 : 16;
  let rows = Math.min(64, Math.max(8, powerOfTwo(length)));
  // The threads of a workgroup: a row's parts.
  while (rows * headDim / DIMS > 256) rows /= 2;
  return {
    rows,
    constants: { HEAD_DIM: headDim, DIMS },
    dims: [length, heads, scaleOf(headDim)],
  };
}

/** C = A B, or C = A B^T, with B as it is stored. */
function productOf(
  c: Pick<Buffer, "rows" | "cols">,
  a: Pick<Buffer, "cols">,
  b: Pick<Buffer, "rows">,
  transposeB: boolean,
): GemmShape {
  return { m: c.rows, n: c.cols, k: a.cols, bRows: b.rows, transposeA: false, transposeB };
}

/** The constants of packed.wgsl. */
function storageOf({ storage }: Buffer): { BFLOAT16: number } {
  return { BFLOAT16: Number(storage === "bfloat16") };
}

/** What `output` adds to, for a kernel's binding `start`: `unused` stands there where nothing is read from it. */
function beginning(
  output: Buffer | RowsOf | Temporary,
  init: Buffer | undefined,
  unused: Operand | RowsOf,
) {
  if (init === undefined) return { start: unused, INIT: Init.none };
  return init === output ? { start: unused, INIT: Init.itself } : { start: init, INIT: Init.other };
}

function temporary(label: string, elements: number): Temporary {
  return { space: "temporary", label, elements };
}

function float(f32: number): Float {
  return { f32 };
}

function scaleOf(headDim: number): Float {
  return float(1 / Math.sqrt(headDim));
}

function checkedHeadDim(headDim: number): number {
  if (headDim > 128) {
    throw new UsageError("headDim", headDim, "the WebGPU backend has heads of at most 128");
  }
  return headDim;
}

/** The smallest power of two that is not below x. */
function powerOfTwo(x: number): number {
  let p = 1;
  while (p < x) p *= 2;
  return p;
}
