import { UsageError } from "../../errors.ts";
import type { Buffer, Instruction, InstructionOf, Tape } from "../../tensor/tape.ts";
import {
  type Dispatch,
  type Float,
  grid,
  MAX_GROUPS,
  type Operand,
  type Temporary,
} from "./dispatch.ts";
import { type GemmShape, type GemmTuning, planGemm } from "./gemm.ts";

/** Indices of float32 words in the block of scalars; kernels/wgsl/step.wgsl names all. */
const SCALAR_INDEX = { lossScale: 0, valueLossScale: 1 } as const;

/** Rows that rmsnorm_gain.wgsl adds up in one workgroup. */
const GAIN_BLOCK = 128;

/** Whether an output adds to something. */
const Init = { none: 0, other: 1, itself: 2 } as const;

/** Which WGSL dispatches run the instructions of one tape. Nothing here touches a device. */
export class Lowering {
  readonly dispatches: Dispatch[] = [];
  /** Floats of buffers whose size on this backend is not what the tape says. */
  readonly sizes = new Map<Buffer, number>();
  /** Gradients that have been written: the first contribution overwrites, the others add. */
  readonly #written = new Set<string>();

  /** @param half Buffers that are kept in float16. */
  constructor(
    private readonly tuning: GemmTuning,
    readonly half: ReadonlySet<Operand> = new Set(),
  ) {}

  /** A tape, lowered. */
  static of({ instructions }: Tape, tuning: GemmTuning, half?: ReadonlySet<Operand>): Lowering {
    const lowering = new Lowering(tuning, half);
    for (const instruction of instructions) lowering.add(instruction);
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
    operands: Record<string, Operand>,
    constants: Record<string, number> = {},
  ): void {
    const half = Object.keys(operands).filter((name) => this.half.has(operands[name]!));
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
        const shape = { m: c.rows, n: c.cols, k: a.cols, transposeA: false, transposeB };
        // W^T is not kept: the kernel reads W the other way.
        const weight = transposeB ? { ...b, space: "parameter" as const } : b;
        return this.#gemm(shape, a, weight, c, init);
      }
      case "gemm_tn": {
        const { a, b, c } = i;
        const shape = { m: a.cols, n: b.cols, k: a.rows, transposeA: true, transposeB: false };
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
      case "gather_rows": {
        const { slots, x, out, width } = i;
        const groups = grid(Math.ceil(x.rows * width / 256));
        return this.emit(i.op, groups, [x.rows, x.cols, width], { slots, x, out });
      }
      case "sample": {
        const { forced, rowIds: row_ids, x, next: tokens } = i;
        return this.emit(
          i.op,
          grid(x.rows),
          [x.rows, x.cols, i.classes],
          { step: "step", sampling: "sampling", forced, row_ids, x, tokens },
        );
      }
      case "frozen_gemm_nn":
      case "frozen_gemm_nt":
      case "frozen_embedding":
      case "add_bias":
      case "add_bias_backward":
      case "scale":
      case "swiglu_forward":
      case "swiglu_backward":
      case "rope_halves":
      case "gqa_forward":
      case "gqa_backward":
      case "gqa_decode":
      case "gqa_prefill":
      case "vocabulary_loss":
      case "vocabulary_log_probs":
      case "sample_at":
        throw new Error(`${i.op} is not there yet`);
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
    operands: Record<string, Operand>,
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

  #gemm(shape: GemmShape, a: Buffer, b: Buffer, c: Buffer, init: Buffer | undefined): void {
    const { m, n, k } = shape;
    const { constants, splits, kSplit, groups } = planGemm(shape, this.tuning);
    const dims = [m, n, k, kSplit];
    if (splits === 1) {
      const { start, INIT } = beginning(c, init, a);
      this.emit("gemm", groups, dims, { a, b, start, c }, { ...constants, INIT });
      return;
    }
    const sums = temporary("partial sums", splits * m * n);
    const operands = { a, b, start: a, c: sums };
    this.emit("gemm", groups, dims, operands, { ...constants, INIT: Init.none });
    this.#sumSplits(sums, splits, m * n / 4, c, init);
  }

  #sumSplits(
    x: Temporary,
    splits: number,
    vectors: number,
    y: Buffer,
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

  #rmsNormBackward({ dx, dg, dy, x, rstd, g, init }: InstructionOf<"rmsnorm_backward">): void {
    const vectors = x.cols / 4;
    const blocks = Math.ceil(x.rows / GAIN_BLOCK);
    const sums = temporary("gain sums", blocks * x.cols);
    const groups = [blocks, Math.ceil(vectors / 16), 1] as const;
    this.emit("rmsnorm_gain", groups, [x.rows, vectors], { dy, x, rstd, out: sums });
    this.#sumSplits(sums, blocks, vectors, dg, this.#accumulated(dg));
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

  #attention(i: InstructionOf<"attention_forward" | "attention_backward">): void {
    const { o, p: lse, qkv, sequences, length, heads } = i;
    const headDim = checkedHeadDim(i.headDim);
    const rows = Math.min(64, Math.max(8, powerOfTwo(length)));
    const constants = { HEAD_DIM: headDim, DIMS: headDim % 32 === 0 ? 32 : 16 };
    const groups = [Math.ceil(length / rows), heads, sequences] as const;
    const dims = [length, heads, scaleOf(headDim)];
    // What is kept for the backward pass is one number a query, not a probability a key.
    this.sizes.set(lse, sequences * heads * length);
    if (i.op === "attention_forward") {
      this.emit(i.op, groups, dims, { qkv, o, lse }, { ...constants, QUERIES: rows });
      return;
    }
    const { do: dout, dqkv } = i;
    const delta = temporary("attention delta", sequences * heads * length);
    this.emit(
      "attention_delta",
      grid(Math.ceil(sequences * length * heads / 256)),
      [sequences * length, length, heads, headDim / 4],
      { o, dout, delta },
    );
    const operands = { qkv, dout, lse, delta, dqkv };
    this.emit("attention_backward_query", groups, dims, operands, { ...constants, QUERIES: rows });
    this.emit("attention_backward_key", groups, dims, operands, { ...constants, ROWS: rows });
  }
}

/** What `output` adds to, for a kernel's binding `start`: `unused` stands there where nothing is read from it. */
function beginning(output: Buffer, init: Buffer | undefined, unused: Operand) {
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
