/**
 * What the model's tests share: a transformer in float64, written as plain loops from the architecture's
 * description (transformer.ts), without a look at the kernels; small configs and random batches. Test code only.
 */
import { RandomStream } from "../numeric/random.ts";
import type { Sequence } from "./batch.ts";
import type { GenerateOptions } from "./generate_options.ts";
import type { NamedTensor } from "./model.ts";
import { type TransformerConfig, transformerParameters } from "./transformer.ts";

/** Weights by name, row-major. */
export type Weights = Readonly<Record<string, ArrayLike<number>>>;

/** A small model; fields may be replaced. */
export function smallConfig(changes: Partial<TransformerConfig> = {}): TransformerConfig {
  return {
    vocabularySize: 21,
    dModel: 32,
    layers: 2,
    headDim: 16,
    rotaryDim: 8,
    ropeBase: 1000,
    maxPosition: 64,
    mlpRatio: 4,
    languageHead: true,
    ...changes,
  };
}

/** Ragged sequences of random tokens, positions (rising, with gaps), targets and weights (a few 0). */
export function randomSequences(
  config: TransformerConfig,
  { count, length, seed }: { count: number; length: number; seed: number },
): Sequence[] {
  return Array.from({ length: count }, (_, row) => {
    const random = new RandomStream({ seed, purpose: "test sequences", row });
    const n = Math.max(1, length - random.integer(Math.ceil(length / 2)));
    const list = (make: () => number, size = n) => Array.from({ length: size }, make);
    const weight = () => random.integer(4) === 0 ? 0 : random.uniform() + 0.1;
    const start = random.integer(4), gap = 2 + random.integer(n);
    const { valueHead } = config;
    return {
      tokens: list(() => random.integer(config.vocabularySize)),
      positions: Array.from({ length: n }, (_, t) => start + t + (t >= gap ? 7 : 0)),
      ...config.languageHead && {
        targets: list(() => random.integer(config.vocabularySize)),
        weights: list(weight),
      },
      ...valueHead && {
        valueTargets: Array.from({ length: n }, () => {
          const row = list(() => random.uniform(), valueHead.outputs);
          const sum = valueHead.loss === "soft_cross_entropy" ? row.reduce((a, b) => a + b) : 1;
          return row.map((x) => Math.fround(x / sum));
        }).flat(),
        valueWeights: list(weight),
      },
    };
  });
}

/** The tokens that a filter keeps, by the definition: those before which fewer than k come, which have less than p. */
export function keptTokens(
  logits: ArrayLike<number>,
  { temperature, topK = Infinity, topP = 1 }: Pick<
    GenerateOptions,
    "temperature" | "topK" | "topP"
  >,
): number[] {
  const tokens = Array.from(logits, (_, token) => token);
  const comesBefore = (a: number, b: number) =>
    logits[a]! > logits[b]! || (logits[a] === logits[b] && a < b);
  const first = tokens.filter((token) =>
    tokens.filter((other) => comesBefore(other, token)).length < topK
  );
  const largest = Math.max(...first.map((token) => logits[token]!));
  const weight = (token: number) => Math.exp((logits[token]! - largest) / temperature);
  const total = first.reduce((sum, token) => sum + weight(token), 0);
  const before = (token: number) =>
    first.reduce((sum, other) => sum + (comesBefore(other, token) ? weight(other) : 0), 0);
  return topP === 1 ? first : first.filter((token) => before(token) / total < topP);
}

/** The data of tensors, as float64. */
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

/** Outputs of the heads for each token of one sequence. */
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

/** Weighted mean losses of both heads over a batch. */
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

/**
 * Weights from a formula that testdata/make_reference.py has too: multiples of 2^-24 in [-1/2, 1/2), of the embedding
 * doubled, of the other matrices halved, of gains halved and added to 1. Exact in float32.
 */
export function formulaWeights(config: TransformerConfig): Record<string, NamedTensor> {
  const entries = transformerParameters(config).map(({ name, rows, cols }, tensor) => {
    const data = new Float32Array(rows * cols);
    for (let i = 0; i < data.length; i++) {
      let x = Math.imul(i + 1, 2654435761) + (tensor + 1) * 40503;
      x ^= x >>> 16;
      x = Math.imul(x, 0x45d9f3b);
      x ^= x >>> 16;
      const u = (x >>> 8) / 2 ** 24 - 0.5;
      data[i] = rows === 1 ? 1 + u / 2 : u * (tensor === 0 ? 2 : 0.5);
    }
    return [name, { shape: rows === 1 ? [cols] : [rows, cols], data }] as const;
  });
  return Object.fromEntries(entries);
}
