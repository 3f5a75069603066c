import { exp, log } from "../numeric/math.ts";
import type { CompletionToken } from "./language_model.ts";

/**
 * A token with the model's own log-probability, and the likeliest beside it, of equals the lowest id first.
 *
 * @param logits Of all tokens at its place.
 * @param count How many beside it.
 * @param name The text of a token.
 */
export function scoredToken(
  logits: Float32Array,
  token: number,
  count: number,
  name: (id: number) => string,
): CompletionToken {
  const total = logSumExp(logits);
  const scored = (id: number) => ({
    token: name(id),
    id,
    logProbability: Math.min(0, logits[id]! - total),
  });
  const ids = Array.from(logits, (_, id) => id)
    .sort((a, b) => logits[a] === logits[b] ? 0 : logits[b]! - logits[a]!);
  return { ...scored(token), top: ids.slice(0, count).map(scored) };
}

/** log of the sum of e^x, in float64. */
function logSumExp(logits: Float32Array): number {
  let top = -Infinity, total = 0;
  for (const x of logits) top = Math.max(top, x);
  for (const x of logits) total += exp(x - top);
  return top + log(total);
}
