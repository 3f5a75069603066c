/**
 * The operations that models are made of. Each records its forward instruction and, directly below it, the
 * backward instructions that differentiate it. Shapes: activations are (rows, cols), rows = sequences * length.
 */
import type { Buffer, Tape } from "../tensor/tape.ts";

/** x[i] = w[tokens[i]]; `tokens` is a batch record, w is (vocabulary, d). */
export function embedding(tape: Tape, tokens: Buffer, w: Buffer): Buffer {
  const x = tape.activation("embedding", w.cols);
  tape.emit({ op: "embedding_forward", x, w, tokens });
  tape.onBackward(() => {
    tape.emit({ op: "embedding_backward", dw: tape.gradient(w), dx: tape.gradient(x), tokens });
  });
  return x;
}

/** y = g * x / sqrt(mean(x^2) + eps); g is (1, d). Zhang & Sennrich 2019. */
export function rmsNorm(tape: Tape, x: Buffer, g: Buffer, eps = 1e-5): Buffer {
  const y = tape.activation("rmsnorm", x.cols);
  const rstd = tape.scratch("rstd", tape.rows);
  tape.emit({ op: "rmsnorm_forward", y, rstd, x, g, eps });
  tape.onBackward(() => {
    const dy = tape.gradient(y);
    const { out, init } = tape.accumulate(x);
    const scratch = tape.scratch("rmsnorm scratch", tape.rows);
    tape.emit({
      op: "rmsnorm_backward",
      dx: out,
      init,
      dg: tape.gradient(g),
      dy,
      x,
      rstd,
      g,
      scratch,
    });
  });
  return y;
}

/** y = x W, or residual + x W. W is (in, out), without bias. */
export function linear(tape: Tape, x: Buffer, w: Buffer, residual?: Buffer): Buffer {
  const y = tape.activation(w.label, w.cols);
  tape.emit({ op: "gemm_nn", c: y, a: x, b: w, init: residual });
  tape.onBackward(() => {
    const dy = tape.gradient(y);
    // dW += X^T dY
    tape.emit({ op: "gemm_tn", c: tape.gradient(w), a: x, b: dy });
    // dX = dY W^T
    const { out, init } = tape.accumulate(x);
    tape.emit({ op: "gemm_nn", c: out, a: dy, b: tape.transposed(w), init });
    // d residual = dY: the buffer is handed on, for nothing else needs dY any more.
    if (residual) tape.setGradient(residual, dy);
  });
  return y;
}

/** y = gelu(u), tanh form. u is consumed: the forward pass leaves the derivative there. */
export function gelu(tape: Tape, u: Buffer): Buffer {
  const y = tape.activation("gelu", u.cols);
  tape.emit({ op: "gelu_forward", y, u });
  tape.onBackward(() => {
    const dy = tape.gradient(y);
    tape.emit({ op: "gelu_backward", dy, slope: u });
    tape.setGradient(u, dy);
  });
  return y;
}

/**
 * h (rows, d): a gated recurrent unit (Cho et al. 2014) without biases over each sequence, from h = 0, in PyTorch's
 * form: r = sigmoid(x_r + h' U_r), z = sigmoid(x_z + h' U_z), q = h' U_n, n = tanh(x_n + r q), h = (1 - z) n + z h',
 * with h' the state one token earlier. x is (rows, 3 d) and u (d, 3 d), each r, z, n side by side. x is consumed: the
 * forward pass leaves r, z, n there.
 */
export function gru(tape: Tape, x: Buffer, u: Buffer): Buffer {
  const d = u.rows, { sequences, length } = tape, numbers = { sequences, length };
  const h = tape.activation("gru", d);
  const previous = tape.activation("gru previous", d), q = tape.activation("gru q", d);
  const scratch = () => tape.scratch("gru scratch", 16 * d);
  tape.emit({ op: "gru_forward", h, previous, q, x, u, scratch: scratch(), ...numbers });
  tape.onBackward(() => {
    const dh = tape.gradient(h), ut = tape.transposed(u);
    // Gradient of the products h' U.
    const dp = tape.activation("d gru products", 3 * d);
    tape.emit({ op: "gru_backward", x, dp, dh, previous, q, ut, scratch: scratch(), ...numbers });
    tape.setGradient(x, x);
    // dU += H'^T dP
    tape.emit({ op: "gemm_tn", c: tape.gradient(u), a: previous, b: dp });
  });
  return h;
}

/** What attention needs to know of its heads and of the rotary embedding. */
export interface AttentionShape {
  readonly heads: number;
  /** A multiple of 16. */
  readonly headDim: number;
  /** Rotated dimensions of each head: 8 or a multiple of 16, at most headDim. */
  readonly rotaryDim: number;
  /** Positions that the rotary table holds. */
  readonly maxPosition: number;
}

/** Rotates Q and K of qkv (rows, 3 * heads * headDim) in place by the rows' `positions`. Su et al. 2021. */
export function rope(tape: Tape, qkv: Buffer, positions: Buffer, shape: AttentionShape): void {
  const { heads, headDim, rotaryDim } = shape;
  const table = tape.constant("rope", shape.maxPosition, rotaryDim);
  // Q and K lie side by side, so that they are 2 * heads heads to the kernel.
  const rotate = (x: Buffer, sign: 1 | -1) =>
    tape.emit({ op: "rope", x, positions, table, heads: 2 * heads, headDim, rotaryDim, sign });
  rotate(qkv, 1);
  tape.onBackward(() => rotate(tape.gradient(qkv), -1));
}

/** o (rows, heads * headDim) = softmax(causal(Q K^T / sqrt(headDim))) V inside each sequence. */
export function attention(tape: Tape, qkv: Buffer, shape: AttentionShape): Buffer {
  const { heads, headDim } = shape;
  const { sequences, length } = tape;
  const o = tape.activation("attention", heads * headDim);
  const p = tape.scratch(
    "attention probabilities",
    sequences * heads * Math.ceil(length / 16) * 16 * length,
  );
  const numbers = { sequences, length, heads, headDim };
  const scratch = () => tape.scratch("attention scratch", (headDim + length) * 16);
  tape.emit({ op: "attention_forward", o, p, qkv, scratch: scratch(), ...numbers });
  tape.onBackward(() => {
    const { out } = tape.accumulate(qkv);
    tape.emit({
      op: "attention_backward",
      dqkv: out,
      do: tape.gradient(o),
      o,
      p,
      qkv,
      scratch: scratch(),
      ...numbers,
    });
  });
  return o;
}

/** One decoding step of `attention`: the tape's rows are sequences, `cache` keeps keys and values up to `capacity`. */
export function attentionDecode(
  tape: Tape,
  qkv: Buffer,
  shape: AttentionShape,
  label: string,
  capacity: number,
): Buffer {
  const { heads, headDim } = shape;
  const o = tape.activation("attention", heads * headDim);
  const cache = tape.cache(label, heads * 2 * capacity * headDim);
  const scratch = tape.scratch("attention scratch", 4 * capacity);
  tape.emit({
    op: "attention_decode",
    o,
    cache,
    qkv,
    scratch,
    rows: tape.rows,
    capacity,
    heads,
    headDim,
  });
  return o;
}

/**
 * Weighted softmax cross-entropy of logits (rows, classes padded to 16) against integer targets:
 * sum_i w_i * (logsumexp(x_i) - x_i[target_i]) * lossScale. Losses of the rows go to the batch record `loss`.
 */
export function crossEntropy(tape: Tape, logits: Buffer, classes: number): void {
  tape.onBackward(() => {
    tape.emit({
      op: "cross_entropy",
      loss: tape.batch("loss"),
      x: logits,
      targets: tape.batch("targets"),
      weights: tape.batch("weights"),
      scale: "lossScale",
      classes,
    });
    tape.setGradient(logits, logits);
  });
}

/**
 * A regression loss of the first `outputs` columns of x against the batch record `valueTargets` (rows, outputs):
 * squared error, or cross-entropy against a distribution. Losses of the rows go to `valueLoss`.
 */
export function valueLoss(
  tape: Tape,
  x: Buffer,
  kind: "squared_error" | "soft_cross_entropy",
  outputs: number,
): void {
  tape.onBackward(() => {
    tape.emit({
      op: kind,
      loss: tape.batch("valueLoss"),
      x,
      targets: tape.batch("valueTargets", outputs),
      weights: tape.batch("valueWeights"),
      scale: "valueLossScale",
      outputs,
    });
    tape.setGradient(x, x);
  });
}

/** Collects rows of x: row i goes to row slots[i] of the collected buffer, or nowhere where slots[i] < 0. */
export function collect(tape: Tape, x: Buffer, label: string, width: number): void {
  tape.emit({
    op: "gather_rows",
    out: tape.collected(label, width),
    x,
    slots: tape.batch(`${label} slots`),
    width,
  });
}

/** Chooses each row's next token from its logits; see kernels/wasm/assembly/sample.ts. */
export function sample(tape: Tape, logits: Buffer, classes: number): void {
  tape.emit({
    op: "sample",
    next: tape.batch("next"),
    x: logits,
    forced: tape.batch("forced"),
    rowIds: tape.batch("rowIds"),
    scratch: tape.scratch("sample scratch", 4),
    classes,
  });
}
