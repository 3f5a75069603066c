import { exp, log } from "../numeric/math.ts";

/** log softmax(logits)[token], in float64. */
export function logProbability(logits: ArrayLike<number>, token: number): number {
  let top = -Infinity;
  for (let i = 0; i < logits.length; i++) top = Math.max(top, logits[i]!);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += exp(logits[i]! - top);
  return logits[token]! - top - log(sum);
}
