/**
 * The transformer of transformer.ts, for reading: float64, one sequence at a time, plain loops over arrays, no backend. It
 * is written from the architecture's description without a look at the kernels, whose results are compared to it; it
 * gives PyTorch's numbers (reference_test.ts). Not for results: it is slow, and `Math` rounds as the machine likes.
 */
import type { Sequence } from "./batch.ts";
import type { NamedTensor } from "./model.ts";
import type { TransformerConfig } from "./transformer.ts";

/** Weights by name, row-major. */
export type Weights = Readonly<Record<string, ArrayLike<number>>>;

/** The data of tensors (`Model.tensors`), as float64. */
export function weightsOf(
  tensors: Readonly<Record<string, NamedTensor>>,
): Record<string, Float64Array> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, t]) => [name, Float64Array.from(t.data)]),
  );
}

/** Row vector times matrix (rows, cols). */
function times(x: ArrayLike<number>, w: ArrayLike<number>): number[] {
  const cols = w.length / x.length, out = new Array<number>(cols).fill(0);
  for (let r = 0; r < x.length; r++) {
    for (let c = 0; c < cols; c++) out[c]! += x[r]! * w[r * cols + c]!;
  }
  return out;
}

function rmsNorm(x: readonly number[], gain: ArrayLike<number>): number[] {
  const r = 1 / Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length + 1e-5);
  return x.map((v, c) => v * r * gain[c]!);
}

function gelu(u: number): number {
  return 0.5 * u * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (u + 0.044715 * u ** 3)));
}

/** Rotates one head in place: in each 16 dimensions, i and i + w / 2 of the w rotated ones are a pair. */
function rotate(
  head: number[],
  position: number,
  { rotaryDim, ropeBase }: TransformerConfig,
): void {
  const width = Math.min(rotaryDim, 16), half = width / 2;
  for (let f = 0; f < rotaryDim / 2; f++) {
    const first = Math.floor(f / half) * width + f % half, second = first + half;
    const angle = position * ropeBase ** (-2 * f / rotaryDim);
    const a = head[first]!, b = head[second]!;
    head[first] = a * Math.cos(angle) - b * Math.sin(angle);
    head[second] = b * Math.cos(angle) + a * Math.sin(angle);
  }
}

function softmax(x: readonly number[]): number[] {
  const top = Math.max(...x), e = x.map((v) => Math.exp(v - top));
  const sum = e.reduce((a, b) => a + b);
  return e.map((v) => v / sum);
}

type Rows = readonly number[][];

/** Causal attention with rotary positions: (length, dModel) from normed (length, dModel). */
function attention(
  c: TransformerConfig,
  qkvWeights: ArrayLike<number>,
  x: Rows,
  positions: readonly number[] | undefined,
): number[][] {
  const d = c.dModel;
  const qkv = x.map((row) => times(row, qkvWeights));
  const part = (t: number, which: number, h: number) => {
    const start = which * d + h * c.headDim;
    const head = qkv[t]!.slice(start, start + c.headDim);
    if (which < 2) rotate(head, positions?.[t] ?? t, c);
    return head;
  };
  const out = x.map(() => [] as number[]);
  for (let h = 0; h < d / c.headDim; h++) {
    const [q, k, v] = [0, 1, 2].map((which) => x.map((_, t) => part(t, which, h)));
    x.forEach((_, t) => {
      const scores = k!.slice(0, t + 1).map((key) =>
        key.reduce((sum, v, i) => sum + v * q![t]![i]!, 0) / Math.sqrt(c.headDim)
      );
      const p = softmax(scores);
      for (let i = 0; i < c.headDim; i++) {
        out[t]!.push(p.reduce((sum, p, key) => sum + p * v![key]![i]!, 0));
      }
    });
  }
  return out;
}

/** PyTorch's GRU without biases: (length, d) from (length, d). */
function gru(input: ArrayLike<number>, recurrent: ArrayLike<number>, x: Rows): number[][] {
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
  let h = new Array<number>(x[0]!.length).fill(0);
  return x.map((row) => {
    const d = row.length, a = times(row, input), b = times(h, recurrent);
    return h = h.map((state, i) => {
      const r = sigmoid(a[i]! + b[i]!), z = sigmoid(a[d + i]! + b[d + i]!);
      const n = Math.tanh(a[2 * d + i]! + r * b[2 * d + i]!);
      return (1 - z) * n + z * state;
    });
  });
}

/** Outputs of the heads for each token of one sequence: (tokens, vocabulary) and (tokens, outputs). */
export function referenceForward(
  c: TransformerConfig,
  weights: Weights,
  { tokens, positions }: Sequence,
): { logits?: number[][]; values?: number[][] } {
  const d = c.dModel;
  let x = tokens.map((token) =>
    Array.from({ length: d }, (_, i) => weights.embedding![token * d + i]!)
  );
  const add = (x: number[][], y: number[][]) => x.map((row, t) => row.map((v, i) => v + y[t]![i]!));
  for (let i = 0; i < (c.loops ?? 1) * c.layers; i++) {
    const w = (name: string) => weights[`layers.${i % c.layers}.${name}`]!;
    const normed = x.map((row) => rmsNorm(row, w("norm1")));
    const out = c.mixer === "gru"
      ? gru(w("input"), w("recurrent"), normed)
      : attention(c, w("qkv"), normed, positions);
    x = add(x, out.map((row) => times(row, w("out"))));
    x = add(
      x,
      x.map((row) => times(times(rmsNorm(row, w("norm2")), w("up")).map(gelu), w("down"))),
    );
  }
  const last = x.map((row) => rmsNorm(row, weights.norm!));
  return {
    ...c.languageHead && { logits: last.map((row) => times(row, weights.head!)) },
    ...c.valueHead && { values: last.map((row) => times(row, weights.value_head!)) },
  };
}

/** Losses of both heads, each the mean over a batch weighted by the tokens' weights; 0 where nothing has weight. */
export function referenceLoss(
  c: TransformerConfig,
  weights: Weights,
  sequences: readonly Sequence[],
): { loss: number; valueLoss: number } {
  const sums = { loss: 0, weight: 0, valueLoss: 0, valueWeight: 0 };
  for (const s of sequences) {
    const { logits, values } = referenceForward(c, weights, s);
    s.tokens.forEach((_, t) => {
      const w = s.weights?.[t] ?? 0, v = s.valueWeights?.[t] ?? 0;
      if (logits && w !== 0) {
        sums.loss -= w * Math.log(softmax(logits[t]!)[s.targets![t]!]!);
        sums.weight += w;
      }
      if (values && v !== 0) {
        const n = c.valueHead!.outputs, target = s.valueTargets!.slice(t * n, (t + 1) * n);
        const p = softmax(values[t]!);
        const loss = c.valueHead!.loss === "squared_error"
          ? (k: number) => (values[t]![k]! - target[k]!) ** 2
          : (k: number) => -target[k]! * Math.log(p[k]!);
        for (let k = 0; k < n; k++) sums.valueLoss += v * loss(k);
        sums.valueWeight += v;
      }
    });
  }
  return {
    loss: sums.weight > 0 ? sums.loss / sums.weight : 0,
    valueLoss: sums.valueWeight > 0 ? sums.valueLoss / sums.valueWeight : 0,
  };
}
