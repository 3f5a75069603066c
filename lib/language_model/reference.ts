/**
 * A decoder of Llama's kind, for reading: float64, one sequence at a time, plain loops over arrays, no backend. It is written
 * from the architecture's description; it gives transformers' numbers (reference_test.ts), and kernels are compared to it. Not
 * for results: it is slow, and `Math` rounds as the machine likes.
 */
import type { Architecture } from "./architecture.ts";
import { ropeFrequencies } from "./rope.ts";

/** The numbers of a weight by Hugging Face's name, row-major; asked once for each. */
export type WeightReader = (name: string) => ArrayLike<number>;

type Rows = readonly Float64Array<ArrayBuffer>[];

/** Each row times the transpose of a matrix (outputs, inputs), plus a bias. */
function linear(
  rows: Rows,
  matrix: ArrayLike<number>,
  bias?: ArrayLike<number>,
): Float64Array<ArrayBuffer>[] {
  const inputs = rows[0]!.length, outputs = matrix.length / inputs;
  return rows.map((row) =>
    Float64Array.from({ length: outputs }, (_, output) => {
      let sum = bias?.[output] ?? 0;
      for (let i = 0, at = output * inputs; i < inputs; i++) sum += row[i]! * matrix[at + i]!;
      return sum;
    })
  );
}

function rmsNorm(
  rows: Rows,
  gain: ArrayLike<number>,
  epsilon: number,
): Float64Array<ArrayBuffer>[] {
  return rows.map((row) => {
    const square = row.reduce((sum, v) => sum + v * v, 0) / row.length;
    return row.map((v, i) => gain[i]! * v / Math.sqrt(square + epsilon));
  });
}

function plus(a: Rows, b: Rows): Float64Array<ArrayBuffer>[] {
  return a.map((row, t) => row.map((v, i) => v + b[t]![i]!));
}

function silu(x: number): number {
  return x / (1 + Math.exp(-x));
}

function softmax(x: readonly number[]): number[] {
  const top = Math.max(...x), e = x.map((v) => Math.exp(v - top));
  const sum = e.reduce((a, b) => a + b);
  return e.map((v) => v / sum);
}

/** A head's dimensions after the turn by its position: i and i + headDim / 2 are a pair. */
function rotated(
  head: Float64Array<ArrayBuffer>,
  position: number,
  frequencies: Float32Array,
): Float64Array<ArrayBuffer> {
  const half = head.length / 2;
  return head.map((v, i) => {
    const angle = Math.fround(position * frequencies[i % half]!);
    const other = i < half ? -head[i + half]! : head[i - half]!;
    return v * Math.cos(angle) + other * Math.sin(angle);
  });
}

/**
 * Logits of the next token behind each of `tokens`: (tokens, vocabulary).
 *
 * @param positions Of the tokens, for rotary positions; attention goes by their order. Default: 0, 1, 2, ...
 */
export function referenceLogits(
  a: Architecture,
  weight: WeightReader,
  tokens: readonly number[],
  positions: readonly number[] = tokens.map((_, t) => t),
): Float64Array<ArrayBuffer>[] {
  const { hiddenSize, headDim, heads, kvHeads, normEpsilon } = a;
  const frequencies = ropeFrequencies(a, Math.max(...positions) + 1);
  const embedding = weight("model.embed_tokens.weight");
  let x = tokens.map((token) =>
    Float64Array.from({ length: hiddenSize }, (_, i) => embedding[token * hiddenSize + i]!)
  );
  for (let layer = 0; layer < a.layers; layer++) {
    const w = (name: string) => weight(`model.layers.${layer}.${name}`);
    const normed = rmsNorm(x, w("input_layernorm.weight"), normEpsilon);
    const projected = (name: string) => {
      const bias = a.qkvBias ? w(`self_attn.${name}_proj.bias`) : undefined;
      return linear(normed, w(`self_attn.${name}_proj.weight`), bias);
    };
    const [q, k, v] = [projected("q"), projected("k"), projected("v")];
    const head = (rows: Rows, h: number) =>
      rows.map((row) => row.slice(h * headDim, (h + 1) * headDim));
    const turned = (rows: Rows) => rows.map((row, t) => rotated(row, positions[t]!, frequencies));
    const keys = Array.from({ length: kvHeads }, (_, h) => turned(head(k, h)));
    const values = Array.from({ length: kvHeads }, (_, h) => head(v, h));
    const mixed = tokens.map(() => new Float64Array(heads * headDim));
    for (let h = 0; h < heads; h++) {
      const shared = Math.floor(h * kvHeads / heads);
      turned(head(q, h)).forEach((query, t) => {
        const scores = keys[shared]!.slice(0, t + 1).map((key) =>
          key.reduce((sum, v, i) => sum + v * query[i]!, 0) / Math.sqrt(headDim)
        );
        softmax(scores).forEach((p, s) => {
          for (let i = 0; i < headDim; i++) {
            mixed[t]![h * headDim + i]! += p * values[shared]![s]![i]!;
          }
        });
      });
    }
    x = plus(x, linear(mixed, w("self_attn.o_proj.weight")));
    const second = rmsNorm(x, w("post_attention_layernorm.weight"), normEpsilon);
    const up = linear(second, w("mlp.up_proj.weight"));
    const gated = linear(second, w("mlp.gate_proj.weight"))
      .map((row, t) => row.map((gate, i) => silu(gate) * up[t]![i]!));
    x = plus(x, linear(gated, w("mlp.down_proj.weight")));
  }
  const last = rmsNorm(x, weight("model.norm.weight"), normEpsilon);
  return linear(last, a.tiedEmbeddings ? embedding : weight("lm_head.weight"));
}
