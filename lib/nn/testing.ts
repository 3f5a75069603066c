/** What the model's tests share: small configs, random batches, weights from a formula. Test code only. */
import { RandomStream } from "../numeric/random.ts";
import type { Sequence } from "./batch.ts";
import type { GenerateOptions } from "./generate_options.ts";
import type { NamedTensor } from "./model.ts";
import { type TransformerConfig, transformerParameters } from "./transformer.ts";

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

/**
 * Weights, row-major, from a formula that testdata/make_reference.py has too: multiples of 2^-24 in [-1/2, 1/2), of the
 * embedding doubled, of the other matrices halved, of gains halved and added to 1.
 */
export function exactFormulaWeights(config: TransformerConfig): Record<string, Float64Array> {
  const entries = transformerParameters(config).map(({ name, rows, cols }, tensor) => {
    const data = new Float64Array(rows * cols);
    for (let i = 0; i < data.length; i++) {
      let x = Math.imul(i + 1, 2654435761) + (tensor + 1) * 40503;
      x ^= x >>> 16;
      x = Math.imul(x, 0x45d9f3b);
      x ^= x >>> 16;
      const u = (x >>> 8) / 2 ** 24 - 0.5;
      data[i] = rows === 1 ? 1 + u / 2 : u * (tensor === 0 ? 2 : 0.5);
    }
    return [name, data] as const;
  });
  return Object.fromEntries(entries);
}

/** The same as tensors of a model: in float32, which rounds gains alone. */
export function formulaWeights(config: TransformerConfig): Record<string, NamedTensor> {
  const exact = exactFormulaWeights(config);
  const entries = transformerParameters(config).map(({ name, rows, cols }) => {
    const shape = rows === 1 ? [cols] : [rows, cols];
    return [name, { shape, data: Float32Array.from(exact[name]!) }] as const;
  });
  return Object.fromEntries(entries);
}
