/** Which WASM kernel runs an instruction, and with which arguments in which order. */
import type { Buffer, Instruction, Scalar } from "../../tensor/tape.ts";

/** An argument before addresses are known; `undefined` is the null pointer. */
type Symbolic = Buffer | number | Scalar | undefined;

/** Bytes between panels. */
const stride = (b: Buffer) => (b.rows + 1) * 64;

/** Lowers one instruction. Throws on an unknown operation or a missing operand. */
export function lower({ op, buffers, numbers }: Instruction): { kernel: string; args: Symbolic[] } {
  const b = (name: string): Buffer => {
    const buffer = buffers[name];
    if (!buffer) throw new Error(`${op}: operand ${name} is missing`);
    return buffer;
  };
  const n = (name: string): number | Scalar => {
    const value = numbers[name];
    if (value === undefined) throw new Error(`${op}: number ${name} is missing`);
    return value;
  };
  const call = (...args: Symbolic[]) => ({ kernel: op, args });
  const { init } = buffers;
  switch (op) {
    case "embedding_forward": {
      const x = b("x"), w = b("w");
      return call(x, stride(x), w, stride(w), b("tokens"), x.rows, x.cols);
    }
    case "embedding_backward": {
      const dw = b("dw"), dx = b("dx");
      return call(dw, stride(dw), dx, stride(dx), b("tokens"), dx.rows, dx.cols);
    }
    case "rmsnorm_forward": {
      const x = b("x"), g = b("g");
      return call(b("y"), b("rstd"), x, stride(x), g, stride(g), x.rows, x.cols, n("eps"));
    }
    case "rmsnorm_backward": {
      const x = b("x"), g = b("g");
      return call(
        ...[b("dx"), init, b("dg"), b("dy"), x, stride(x), b("rstd"), g, stride(g), b("scratch")],
        ...[x.rows, x.cols],
      );
    }
    case "gemm_nn": {
      const c = b("c"), a = b("a"), w = b("b");
      return call(
        ...[c, stride(c), a, stride(a), w, stride(w), init, init ? stride(init) : 0],
        ...[c.rows, a.cols, c.cols],
      );
    }
    case "gemm_tn": {
      const c = b("c"), a = b("a"), y = b("b");
      return call(c, stride(c), a, stride(a), y, stride(y), a.rows, a.cols, y.cols);
    }
    case "gelu_forward": {
      const y = b("y");
      return call(y, b("u"), stride(y), y.rows, y.cols);
    }
    case "gelu_backward": {
      const dy = b("dy");
      return call(dy, b("slope"), stride(dy), dy.rows, dy.cols);
    }
    case "gru_forward": {
      const x = b("x"), u = b("u");
      return call(
        ...[b("h"), b("previous"), b("q"), x, stride(x), u, stride(u), b("scratch")],
        ...[n("sequences"), n("length"), u.rows],
      );
    }
    case "gru_backward": {
      const x = b("x"), ut = b("ut");
      return call(
        ...[x, stride(x), b("dp"), b("dh"), b("previous"), b("q"), ut, stride(ut), b("scratch")],
        ...[n("sequences"), n("length"), ut.cols],
      );
    }
    case "rope": {
      const x = b("x");
      return call(
        ...[x, stride(x), b("positions"), b("table"), x.rows],
        ...[n("heads"), n("headDim"), n("rotaryDim"), n("sign")],
      );
    }
    case "attention_forward": {
      const qkv = b("qkv");
      return call(
        ...[b("o"), b("p"), qkv, stride(qkv), b("scratch")],
        ...[n("sequences"), n("length"), n("heads"), n("headDim")],
      );
    }
    case "attention_backward": {
      const qkv = b("qkv");
      return call(
        ...[b("dqkv"), b("do"), b("p"), qkv, stride(qkv), b("scratch")],
        ...[n("sequences"), n("length"), n("heads"), n("headDim")],
      );
    }
    case "attention_decode": {
      const qkv = b("qkv");
      return call(
        ...[b("o"), b("cache"), qkv, stride(qkv), b("scratch")],
        ...[n("rows"), n("step"), n("capacity"), n("heads"), n("headDim")],
      );
    }
    case "cross_entropy": {
      const x = b("x");
      return call(
        ...[b("loss"), x, stride(x), b("targets"), b("weights")],
        ...[n("scale"), x.rows, n("classes")],
      );
    }
    case "soft_cross_entropy":
    case "squared_error": {
      const x = b("x");
      return call(
        ...[b("loss"), x, stride(x), b("targets"), b("weights")],
        ...[n("scale"), x.rows, n("outputs")],
      );
    }
    case "gather_rows": {
      const x = b("x");
      return call(b("out"), n("width"), b("slots"), x, stride(x), x.rows);
    }
    case "sample": {
      const x = b("x");
      return call(
        ...[b("next"), x, stride(x), b("forced"), b("rowIds"), b("scratch"), x.rows],
        ...[n("classes"), n("inverseTemperature"), n("step"), n("seed"), n("purpose")],
      );
    }
    default:
      throw new Error(`the WASM backend has no kernel for ${op}`);
  }
}
