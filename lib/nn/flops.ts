import { type TransformerConfig, transformerParameters } from "./transformer.ts";

/** Number of weights, by convention without padding; `embedding: false` leaves out token embedding and heads. */
export function parameterCount(c: TransformerConfig, { embedding = true } = {}): number {
  return transformerParameters(c)
    .filter((p) => embedding || p.name.startsWith("layers."))
    .reduce((n, p) => n + p.rows * p.cols, 0);
}

/**
 * Floating-point operations of one forward pass over `tokens` tokens in sequences of `length`: two per weight and
 * token, those of the layers once a loop, embedding look-ups free, plus 4 * length * d per layer, loop and token for
 * attention (uncut by causality, as in Kaplan et al. 2020).
 */
export function forwardFlops(c: TransformerConfig, tokens: number, length: number): number {
  const layers = parameterCount(c, { embedding: false }), loops = c.loops ?? 1;
  const rest = parameterCount(c) - layers - c.vocabularySize * c.dModel;
  const attention = c.mixer === "gru" ? 0 : 4 * c.layers * length * c.dModel;
  return tokens * (2 * (loops * layers + rest) + loops * attention);
}

/** Floating-point operations of one training step: three forward passes' worth, for the backward pass costs two. */
export function trainingFlops(c: TransformerConfig, sequences: number, length: number): number {
  return 3 * forwardFlops(c, sequences * length, length);
}

/**
 * Tokens of prompts that generation must read: the start that several of them share is read once, as from a prefix cache
 * that holds them all.
 */
export function prefillTokens(prompts: readonly (readonly number[])[]): number {
  interface Node extends Map<number, Node> {}
  const root: Node = new Map();
  let count = 0;
  for (const tokens of prompts) {
    let node = root;
    for (const token of tokens) {
      let next = node.get(token);
      if (!next) {
        node.set(token, next = new Map());
        count++;
      }
      node = next;
    }
  }
  return count;
}
