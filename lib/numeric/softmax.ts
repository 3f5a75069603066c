import { exp } from "./math.ts";

/** Softmax in float64, the same bits on every machine. */
export function softmax(logits: ArrayLike<number>): number[] {
  let top = -Infinity;
  for (let i = 0; i < logits.length; i++) top = Math.max(top, logits[i]!);
  const weights = Array.from(logits, (x) => exp(x - top));
  let sum = 0;
  for (const w of weights) sum += w;
  return weights.map((w) => w / sum);
}
