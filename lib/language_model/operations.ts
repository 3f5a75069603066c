/**
 * The operations of Llama's kind of decoders, beside those of `lib/nn/operations.ts`. Pretrained weights are frozen: they have
 * no gradient.
 */
import { type Buffer, FROZEN_SCRATCH, type Tape } from "../tensor/tape.ts";

/** x[i] = column tokens[i] of w, frozen, (d, vocabulary). */
export function frozenEmbedding(tape: Tape, tokens: Buffer, w: Buffer): Buffer {
  const x = tape.activation("embedding", w.rows);
  tape.emit({ op: "frozen_embedding", x, w, tokens });
  return x;
}

/** y = g x / sqrt(mean(x^2) + eps) with frozen g, (1, d). */
export function frozenRmsNorm(tape: Tape, x: Buffer, g: Buffer, eps: number): Buffer {
  const y = tape.activation("rmsnorm", x.cols);
  const rstd = tape.scratch("rstd", tape.rows);
  tape.emit({ op: "rmsnorm_forward", y, rstd, x, g, eps });
  tape.onBackward(() => {
    const dy = tape.gradient(y);
    const { out: dx, init } = tape.accumulate(x);
    const scratch = tape.scratch("rmsnorm scratch", tape.rows);
    // The gain's gradient is not wanted.
    const dg = tape.scratch("frozen gain's gradient", 2 * x.cols);
    tape.emit({ op: "rmsnorm_backward", dx, init, dg, dy, x, rstd, g, scratch });
  });
  return y;
}

/** y = x W, or residual + x W. W is frozen, (in, out). */
export function frozenLinear(tape: Tape, x: Buffer, w: Buffer, residual?: Buffer): Buffer {
  const y = tape.activation(w.label, w.cols);
  const scratch = () => tape.scratch("frozen panel", FROZEN_SCRATCH);
  tape.emit({ op: "frozen_gemm_nn", c: y, a: x, b: w, init: residual, scratch: scratch() });
  tape.onBackward(() => {
    const dy = tape.gradient(y);
    // dX = dY W^T
    const { out, init } = tape.accumulate(x);
    tape.emit({ op: "frozen_gemm_nt", c: out, a: dy, b: w, init, scratch: scratch() });
    if (residual) tape.setGradient(residual, dy);
  });
  return y;
}

/** y += x W, in place. W is trained, (in, out). To be called before anything else reads y. */
export function addLinear(tape: Tape, y: Buffer, x: Buffer, w: Buffer): void {
  tape.emit({ op: "gemm_nn", c: y, a: x, b: w, init: y });
  tape.onBackward(() => {
    const dy = tape.gradient(y);
    tape.emit({ op: "gemm_tn", c: tape.gradient(w), a: x, b: dy });
    const { out, init } = tape.accumulate(x);
    tape.emit({ op: "gemm_nn", c: out, a: dy, b: tape.transposed(w), init });
  });
}

/** y += b in every row, in place. b (1, n) is frozen or trained. To be called before anything else reads y. */
export function addBias(tape: Tape, y: Buffer, b: Buffer): void {
  tape.emit({ op: "add_bias", y, b });
  if (b.space !== "parameter") return;
  tape.onBackward(() => {
    tape.emit({ op: "add_bias_backward", db: tape.gradient(b), dy: tape.gradient(y) });
  });
}

/** x *= by, in place. To be called before anything else reads x. */
export function scale(tape: Tape, x: Buffer, by: number): void {
  tape.emit({ op: "scale", x, by });
  tape.onBackward(() => tape.emit({ op: "scale", x: tape.gradient(x), by }));
}

/** y = silu(gate) up (Shazeer 2020). Both are consumed: the backward pass leaves their gradients there. */
export function swiglu(tape: Tape, gate: Buffer, up: Buffer): Buffer {
  const y = tape.activation("swiglu", gate.cols);
  tape.emit({ op: "swiglu_forward", y, gate, up });
  tape.onBackward(() => {
    tape.emit({ op: "swiglu_backward", dy: tape.gradient(y), gate, up });
    tape.setGradient(gate, gate);
    tape.setGradient(up, up);
  });
  return y;
}

/** Heads of a layer's attention. */
export interface HeadShape {
  readonly heads: number;
  /** Query head h reads head floor(h kvHeads / heads) of keys and values (Ainslie et al. 2023). */
  readonly kvHeads: number;
  /** A multiple of 16. */
  readonly headDim: number;
}

/** Where the angles of rotary positions are: row positions[i] of the table is that of row i. */
export interface RotaryTable {
  readonly positions: Buffer;
  readonly table: Buffer;
}

/** Rotates all heads of x in place; dimensions i and i + headDim / 2 are a pair. Su et al. 2021. */
export function ropeHalves(
  tape: Tape,
  x: Buffer,
  headDim: number,
  { positions, table }: RotaryTable,
): void {
  const heads = x.cols / headDim;
  const rotate = (x: Buffer, sign: 1 | -1) =>
    tape.emit({ op: "rope_halves", x, positions, table, heads, headDim, sign });
  rotate(x, 1);
  tape.onBackward(() => rotate(tape.gradient(x), -1));
}

/** Queries, keys and values of all rows. */
export interface Projected {
  readonly q: Buffer;
  readonly k: Buffer;
  readonly v: Buffer;
}

/** o (rows, heads headDim): causal grouped-query attention inside each sequence. */
export function groupedAttention(tape: Tape, { q, k, v }: Projected, shape: HeadShape): Buffer {
  const { sequences, length } = tape, { heads, headDim } = shape;
  const o = tape.activation("attention", q.cols);
  const lse = tape.scratch("log of softmax sums", sequences * heads * length);
  const scratch = () => tape.scratch("attention scratch", 32 * (headDim + length));
  const numbers = { sequences, length, ...shape };
  tape.emit({ op: "gqa_forward", o, lse, q, k, v, scratch: scratch(), ...numbers });
  tape.onBackward(() => {
    const [dq, dk, dv] = [q, k, v].map((x) => tape.accumulate(x).out) as [Buffer, Buffer, Buffer];
    const gradients = { dq, dk, dv, do: tape.gradient(o) };
    const operands = { o, lse, q, k, v, scratch: scratch(), ...numbers };
    tape.emit({ op: "gqa_backward", ...gradients, ...operands });
  });
  return o;
}

/** A layer's cache of keys and values. */
export interface KeyValueCache {
  readonly label: string;
  /** Tokens of a row, a multiple of 16. */
  readonly capacity: number;
}

function cacheOf(tape: Tape, { kvHeads, headDim }: HeadShape, { label, capacity }: KeyValueCache) {
  return tape.cache(label, kvHeads * 2 * capacity * headDim);
}

/** One decoding step of `groupedAttention`: the tape's rows are sequences with filled[i] tokens in the cache. */
export function groupedAttentionDecode(
  tape: Tape,
  { q, k, v }: Projected,
  shape: HeadShape,
  cache: KeyValueCache,
): Buffer {
  const { capacity } = cache;
  const o = tape.activation("attention", q.cols);
  tape.emit({
    op: "gqa_decode",
    o,
    cache: cacheOf(tape, shape, cache),
    q,
    k,
    v,
    filled: tape.batch("filled"),
    scratch: tape.scratch("attention scratch", 4 * (capacity + shape.headDim + 16)),
    rows: tape.rows,
    capacity,
    ...shape,
  });
  return o;
}

/** Keeps keys and values of a whole prompt, for `groupedAttentionDecode`. */
export function keepKeysAndValues(
  tape: Tape,
  { k, v }: Projected,
  shape: HeadShape,
  cache: KeyValueCache,
): void {
  const { kvHeads, headDim } = shape, { capacity } = cache;
  const numbers = { capacity, kvHeads, headDim };
  tape.emit({ op: "gqa_prefill", cache: cacheOf(tape, shape, cache), k, v, ...numbers });
}

/** Rows whose logits are in memory together. */
const BLOCK_ROWS = 64;

function vocabularyScratch(tape: Tape, w: Buffer): { scratch: Buffer; blockRows: number } {
  const blockRows = Math.min(BLOCK_ROWS, Math.ceil(tape.rows / 4) * 4);
  const size = (blockRows + 1) * (w.cols + 2 * w.rows) + FROZEN_SCRATCH;
  return { scratch: tape.scratch("vocabulary scratch", size), blockRows };
}

/**
 * `crossEntropy` of softmax(h w) without the logits of all rows: sum_i w_i (logsumexp(h_i w) - (h_i w)[target_i])
 * lossScale. w is the frozen output layer, (d, vocabulary).
 */
export function vocabularyLoss(tape: Tape, h: Buffer, w: Buffer, classes: number): void {
  tape.onBackward(() => {
    const { out: dh, init } = tape.accumulate(h);
    if (init) throw new Error("the output layer's loss must reach the hidden states first");
    const loss = tape.batch("loss"), targets = tape.batch("targets");
    const weights = tape.batch("weights"), block = vocabularyScratch(tape, w);
    const operands = { loss, dh, h, w, targets, weights, ...block };
    tape.emit({ op: "vocabulary_loss", ...operands, scale: "lossScale", classes });
  });
}

/** (rows, 16): the log-probability of each row's target under softmax(h w), and that distribution's entropy. */
export function vocabularyLogProbs(tape: Tape, h: Buffer, w: Buffer, classes: number): Buffer {
  const out = tape.activation("log-probabilities", 16);
  const targets = tape.batch("targets"), slots = tape.batch("logProbs slots");
  const operands = { out, h, w, targets, slots, ...vocabularyScratch(tape, w) };
  tape.emit({ op: "vocabulary_log_probs", ...operands, classes });
  return out;
}

/** Draws each row's next token; see `sample_at`. */
export function sampleAt(tape: Tape, logits: Buffer, classes: number): void {
  tape.emit({
    op: "sample_at",
    next: tape.batch("next"),
    x: logits,
    rowIds: tape.batch("rowIds"),
    steps: tape.batch("filled"),
    classes,
  });
}
