/** Which WGSL dispatches run an instruction of the tape. Nothing here touches a device. */
import { UsageError } from "../../errors.ts";
import type { Buffer, Instruction } from "../../tensor/tape.ts";
import {
  type Dispatch,
  type Float,
  grid,
  MAX_GROUPS,
  type Operand,
  type Special,
  type Temporary,
} from "./dispatch.ts";
import { type GemmShape, type GemmTuning, planGemm } from "./gemm.ts";

/** Indices of float32 words in the block of scalars; kernels/wgsl/adamw.wgsl names all. */
const SCALAR_INDEX: Readonly<Record<string, number>> = { lossScale: 0, valueLossScale: 1 };

/** Rows that rmsnorm_gain.wgsl adds up in one workgroup. */
const GAIN_BLOCK = 128;

/** Whether an output adds to something. */
const Init = { none: 0, other: 1, itself: 2 } as const;

/** Lowers the instructions of one tape. */
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

  /** Appends an instruction's dispatches. Throws on an unknown operation or a missing operand. */
  add(instruction: Instruction): void {
    const { op, buffers, numbers } = instruction;
    const b = (name: string): Buffer => {
      const buffer = buffers[name];
      if (!buffer) throw new Error(`${op}: operand ${name} is missing`);
      return buffer;
    };
    const n = (name: string): number => {
      const value = numbers[name];
      if (typeof value !== "number") throw new Error(`${op}: number ${name} is missing`);
      return value;
    };
    const { init } = buffers;
    switch (op) {
      case "embedding_forward": {
        const x = b("x"), w = b("w");
        const operands = { step: "step" as Special, tokens: b("tokens"), w, x };
        this.emit(op, grid(Math.ceil(x.rows * x.cols / 1024)), [x.rows, x.cols / 4], operands);
        break;
      }
      case "embedding_backward":
        return this.#embeddingBackward(b("dw"), b("dx"), b("tokens"));
      case "rmsnorm_forward": {
        const x = b("x");
        const operands = { x, g: b("g"), y: b("y"), rstd: b("rstd") };
        const dims = [x.rows, x.cols / 4, float(n("eps"))];
        this.#rows(op, x.rows, x.cols / 4, dims, operands);
        break;
      }
      case "rmsnorm_backward":
        return this.#rmsNormBackward(instruction);
      case "gemm_nn": {
        const c = b("c"), a = b("a"), w = b("b");
        const transposeB = w.space === "transposed";
        const shape = { m: c.rows, n: c.cols, k: a.cols, transposeA: false, transposeB };
        // W^T is not kept: the kernel reads W the other way.
        const weight = transposeB ? { ...w, space: "parameter" as const } : w;
        return this.#gemm(shape, a, weight, c, init);
      }
      case "gemm_tn": {
        const c = b("c"), a = b("a"), y = b("b");
        const shape = { m: a.cols, n: y.cols, k: a.rows, transposeA: true, transposeB: false };
        return this.#gemm(shape, a, y, c, this.#accumulated(c));
      }
      case "gelu_forward": {
        const y = b("y"), vectors = y.rows * y.cols / 4;
        this.emit(op, grid(Math.ceil(vectors / 256)), [vectors], { y, u: b("u") });
        break;
      }
      case "gelu_backward": {
        const dy = b("dy"), vectors = dy.rows * dy.cols / 4;
        this.emit(op, grid(Math.ceil(vectors / 256)), [vectors], { dy, slope: b("slope") });
        break;
      }
      case "gru_forward":
      case "gru_backward": {
        const shared = { x: b("x"), previous: b("previous"), q: b("q") };
        const sequences = n("sequences");
        if (shared.q.cols > 1024) {
          throw new UsageError(
            "dModel",
            shared.q.cols,
            "the WebGPU backend has GRUs of at most 1024",
          );
        }
        this.emit(
          op,
          grid(sequences),
          [sequences, n("length")],
          op === "gru_forward"
            ? { ...shared, u: b("u"), h: b("h") }
            // U^T is not kept: the kernel reads U the other way.
            : { ...shared, u: { ...b("ut"), space: "parameter" }, dh: b("dh"), dp: b("dp") },
          { D: shared.q.cols, THREADS: Math.min(256, powerOfTwo(shared.q.cols)) },
        );
        break;
      }
      case "rope": {
        const x = b("x"), heads = n("heads"), rotary = n("rotaryDim");
        this.emit(
          op,
          grid(Math.ceil(x.rows * heads * rotary / 2 / 256)),
          [x.rows, x.cols, heads, n("headDim"), rotary, float(n("sign"))],
          { step: "step", positions: b("positions"), table: b("table"), x },
        );
        break;
      }
      case "attention_forward":
      case "attention_backward":
        return this.#attention(instruction);
      case "attention_decode": {
        const heads = n("heads"), headDim = checkedHeadDim(n("headDim"));
        this.emit(
          op,
          [heads, n("rows"), 1],
          [heads, n("capacity"), scaleOf(headDim)],
          { step: "step", qkv: b("qkv"), cache: b("cache"), o: b("o") },
          { HEAD_DIM: headDim },
        );
        break;
      }
      case "cross_entropy":
      case "soft_cross_entropy":
      case "squared_error": {
        const x = b("x"), classes = op === "cross_entropy" ? n("classes") : n("outputs");
        const scale = SCALAR_INDEX[String(numbers.scale)];
        if (scale === undefined) throw new Error(`${op}: no scalar ${numbers.scale}`);
        this.#rows(op, x.rows, x.cols, [x.rows, x.cols, classes, scale], {
          scalars: "scalars",
          targets: b("targets"),
          weights: b("weights"),
          x,
          loss: b("loss"),
        });
        break;
      }
      case "gather_rows": {
        const x = b("x"), width = n("width");
        this.emit(op, grid(Math.ceil(x.rows * width / 256)), [x.rows, x.cols, width], {
          slots: b("slots"),
          x,
          out: b("out"),
        });
        break;
      }
      case "sample": {
        const x = b("x");
        this.emit(op, grid(x.rows), [x.rows, x.cols, n("classes")], {
          step: "step",
          sampling: "sampling",
          forced: b("forced"),
          row_ids: b("rowIds"),
          x,
          tokens: b("next"),
        });
        break;
      }
      default:
        throw new Error(`the WebGPU backend has no kernel for ${op}`);
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
    const kind = init === undefined ? Init.none : init === c ? Init.itself : Init.other;
    const start = kind === Init.other ? init! : a;
    if (splits === 1) {
      this.emit("gemm", groups, [m, n, k, kSplit], { a, b, start, c }, {
        ...constants,
        INIT: kind,
      });
      return;
    }
    const sums = temporary("partial sums", splits * m * n);
    this.emit("gemm", groups, [m, n, k, kSplit], { a, b, start: a, c: sums }, {
      ...constants,
      INIT: Init.none,
    });
    this.#sumSplits(sums, splits, m * n / 4, c, init);
  }

  #sumSplits(
    x: Temporary,
    splits: number,
    vectors: number,
    y: Buffer,
    init: Buffer | undefined,
  ): void {
    const kind = init === undefined ? Init.none : init === y ? Init.itself : Init.other;
    const start = kind === Init.other ? init! : x;
    const groups = grid(Math.ceil(vectors / 256));
    this.emit("sum_splits", groups, [splits, vectors], { x, start, y }, { INIT: kind });
  }

  #embeddingBackward(dw: Buffer, dx: Buffer, tokens: Buffer): void {
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

  #rmsNormBackward({ buffers }: Instruction): void {
    const { dx, dg, dy, x, rstd, g, init } = buffers;
    if (!dx || !dg || !dy || !x || !rstd || !g) {
      throw new Error("rmsnorm_backward: an operand is missing");
    }
    const vectors = x.cols / 4;
    const blocks = Math.ceil(x.rows / GAIN_BLOCK);
    const sums = temporary("gain sums", blocks * x.cols);
    const groups = [blocks, Math.ceil(vectors / 16), 1] as const;
    this.emit("rmsnorm_gain", groups, [x.rows, vectors], { dy, x, rstd, out: sums });
    this.#sumSplits(sums, blocks, vectors, dg, this.#accumulated(dg));
    const kind = init === undefined ? Init.none : init === dx ? Init.itself : Init.other;
    const start = kind === Init.other ? init! : dy;
    const operands = { dy, x, rstd, g, start, dx };
    this.#rows("rmsnorm_backward", x.rows, vectors, [x.rows, vectors], operands, { INIT: kind });
  }

  #attention({ op, buffers, numbers }: Instruction): void {
    const [sequences, length, heads] = [numbers.sequences, numbers.length, numbers.heads] as [
      number,
      number,
      number,
    ];
    const headDim = checkedHeadDim(numbers.headDim as number);
    const rows = Math.min(64, Math.max(8, powerOfTwo(length)));
    const constants = { HEAD_DIM: headDim, DIMS: headDim % 32 === 0 ? 32 : 16 };
    const groups = [Math.ceil(length / rows), heads, sequences] as const;
    const dims = [length, heads, scaleOf(headDim)];
    // What is kept for the backward pass is one number a query, not a probability a key.
    const { p: lse, qkv, o, do: dout, dqkv } = buffers;
    if (!lse || !qkv || !o) throw new Error(`${op}: an operand is missing`);
    this.sizes.set(lse, sequences * heads * length);
    if (op === "attention_forward") {
      const operands = { qkv, o, lse };
      this.emit(op, groups, dims, operands, { ...constants, QUERIES: rows });
      return;
    }
    if (!dout || !dqkv) throw new Error(`${op}: an operand is missing`);
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
