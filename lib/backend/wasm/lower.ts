import type { Buffer, Instruction, Scalar, WeightStorage } from "../../tensor/tape.ts";

/** An argument before addresses are known; `undefined` is the null pointer. */
type Symbolic = Buffer | number | Scalar | undefined;

/** Bytes between panels. */
const stride = (b: Buffer) => (b.rows + 1) * 64;
/** The two arguments of a matrix: where it is, and its stride. */
const matrix = (b: Buffer) => [b, stride(b)] as const;

/** How kernels/wasm/pretrained/widen.ts numbers the storages. */
const STORAGES: readonly WeightStorage[] = ["float32", "float16", "bfloat16"];
/** The three arguments of a frozen matrix: where it is, its stride, and how it is stored. */
function frozen(b: Buffer) {
  const storage = b.storage ?? "float32";
  return [b, (b.rows + 1) * (storage === "float32" ? 64 : 32), STORAGES.indexOf(storage)] as const;
}

/** Throws Error unless the cache has room for whole panels of keys. */
function checkCapacity(capacity: number): void {
  if (capacity % 16 !== 0) throw new Error(`a cache of ${capacity} tokens: give a multiple of 16`);
}

/**
 * Which WASM kernel runs an instruction, and with which arguments in which order. The kernel has the operation's name.
 * Throws Error on an operation that has none.
 */
export function lower(i: Instruction): { kernel: string; args: Symbolic[] } {
  const call = (...args: Symbolic[]) => ({ kernel: i.op, args });
  switch (i.op) {
    case "embedding_forward":
      return call(...matrix(i.x), ...matrix(i.w), i.tokens, i.x.rows, i.x.cols);
    case "embedding_backward":
      return call(...matrix(i.dw), ...matrix(i.dx), i.tokens, i.dx.rows, i.dx.cols);
    case "rmsnorm_forward":
      return call(i.y, i.rstd, ...matrix(i.x), ...matrix(i.g), i.x.rows, i.x.cols, i.eps);
    case "rmsnorm_backward":
      return call(
        ...[i.dx, i.init, i.dg, i.dy, ...matrix(i.x), i.rstd, ...matrix(i.g), i.scratch],
        ...[i.x.rows, i.x.cols],
      );
    case "gemm_nn":
      return call(
        ...[...matrix(i.c), ...matrix(i.a), ...matrix(i.b)],
        ...[i.init, i.init ? stride(i.init) : 0, i.c.rows, i.a.cols, i.c.cols],
      );
    case "gemm_tn":
      return call(
        ...[...matrix(i.c), ...matrix(i.a), ...matrix(i.b), i.a.rows, i.a.cols, i.b.cols],
      );
    case "gelu_forward":
      return call(i.y, i.u, stride(i.y), i.y.rows, i.y.cols);
    case "gelu_backward":
      return call(i.dy, i.slope, stride(i.dy), i.dy.rows, i.dy.cols);
    case "gru_forward":
      return call(
        ...[i.h, i.previous, i.q, ...matrix(i.x), ...matrix(i.u), i.scratch],
        ...[i.sequences, i.length, i.u.rows],
      );
    case "gru_backward":
      return call(
        ...[...matrix(i.x), i.dp, i.dh, i.previous, i.q, ...matrix(i.ut), i.scratch],
        ...[i.sequences, i.length, i.ut.cols],
      );
    case "rope":
      return call(
        ...[...matrix(i.x), i.positions, i.table, i.x.rows],
        ...[i.heads, i.headDim, i.rotaryDim, i.sign],
      );
    case "attention_forward":
      return call(
        ...[i.o, i.p, ...matrix(i.qkv), i.scratch, i.sequences, i.length, i.heads, i.headDim],
      );
    case "attention_backward":
      return call(
        ...[i.dqkv, i.do, i.p, ...matrix(i.qkv), i.scratch],
        ...[i.sequences, i.length, i.heads, i.headDim],
      );
    case "attention_decode":
      return call(
        ...[i.o, i.cache, ...matrix(i.qkv), i.scratch],
        ...[i.rows, "step" as const, i.capacity, i.heads, i.headDim],
      );
    case "cross_entropy":
      return call(i.loss, ...matrix(i.x), i.targets, i.weights, i.scale, i.x.rows, i.classes);
    case "soft_cross_entropy":
    case "squared_error":
      return call(i.loss, ...matrix(i.x), i.targets, i.weights, i.scale, i.x.rows, i.outputs);
    case "gather_rows":
      return call(i.out, i.width, i.slots, ...matrix(i.x), i.x.rows);
    case "sample":
      return call(
        ...[i.next, ...matrix(i.x), i.forced, i.rowIds, i.scratch, i.x.rows, i.classes],
        ...["inverseTemperature", "step", "seed", "purpose"] as const,
      );
    case "frozen_gemm_nn":
    case "frozen_gemm_nt":
      return call(
        ...[...matrix(i.c), ...matrix(i.a), ...frozen(i.b), i.init, i.init ? stride(i.init) : 0],
        ...[i.scratch, i.c.rows, i.b.rows, i.b.cols],
      );
    case "frozen_embedding":
      return call(...matrix(i.x), ...frozen(i.w), i.tokens, i.x.rows, i.x.cols);
    case "add_bias":
      return call(...matrix(i.y), ...matrix(i.b), i.y.rows, i.y.cols);
    case "add_bias_backward":
      return call(...matrix(i.db), ...matrix(i.dy), i.dy.rows, i.dy.cols);
    case "scale":
      return call(...matrix(i.x), i.by, i.x.rows, i.x.cols);
    case "swiglu_forward":
      return call(i.y, i.gate, i.up, stride(i.y), i.y.rows, i.y.cols);
    case "swiglu_backward":
      return call(i.dy, i.gate, i.up, stride(i.dy), i.dy.rows, i.dy.cols);
    case "rope_halves":
      return call(
        ...[...matrix(i.x), i.positions, i.table, i.x.rows, i.heads, i.headDim, i.sign],
      );
    case "gqa_forward":
      return call(
        ...[i.o, i.lse, i.q, i.k, ...matrix(i.v), i.scratch],
        ...[i.sequences, i.length, i.heads, i.kvHeads, i.headDim],
      );
    case "gqa_backward":
      return call(
        ...[i.dq, i.dk, i.dv, i.do, i.lse, i.q, i.k, ...matrix(i.v), i.scratch],
        ...[i.sequences, i.length, i.heads, i.kvHeads, i.headDim],
      );
    case "gqa_decode":
      checkCapacity(i.capacity);
      return call(
        ...[i.o, i.cache, i.q, i.k, ...matrix(i.v), i.filled, i.scratch],
        ...[i.rows, i.capacity, i.heads, i.kvHeads, i.headDim],
      );
    case "gqa_prefill":
      checkCapacity(i.capacity);
      return call(i.cache, i.k, ...matrix(i.v), i.v.rows, i.capacity, i.kvHeads, i.headDim);
    case "vocabulary_loss":
      return call(
        ...[i.loss, i.dh, ...matrix(i.h), ...frozen(i.w), i.targets, i.weights, i.scale],
        ...[i.scratch, i.h.rows, i.h.cols, i.blockRows, i.classes],
      );
    case "vocabulary_log_probs":
      return call(
        ...[i.out, ...matrix(i.h), ...frozen(i.w), i.targets, i.slots, i.scratch],
        ...[i.h.rows, i.h.cols, i.blockRows, i.classes],
      );
    case "sample_at":
      return call(
        ...[i.next, ...matrix(i.x), i.rowIds, i.steps, i.x.rows, i.classes],
        ...["inverseTemperature", "seed", "purpose"] as const,
      );
    default: {
      const { op } = i satisfies never as Instruction;
      throw new Error(`the WASM backend has no kernel for ${op}`);
    }
  }
}
