import { UsageError } from "../errors.ts";
import { softmax } from "../numeric/softmax.ts";
import type { Sampling } from "./language_model.ts";

/** Throws a UsageError for a number out of its range. */
export function checkSampling({ temperature, topP, topK, minP }: Sampling): void {
  const check = (isFine: boolean, field: string, value: number, remedy: string) => {
    if (!isFine) throw new UsageError(field, value, remedy);
  };
  check(temperature >= 0 && temperature < Infinity, "temperature", temperature, "give 0 or more");
  check(topP > 0 && topP <= 1, "topP", topP, "give a number above 0 and up to 1");
  check(Number.isInteger(topK) && topK >= 0, "topK", topK, "give 0 or a positive integer");
  check(minP >= 0 && minP < 1, "minP", minP, "give a number from 0 to below 1");
}

/**
 * The tokens that can be drawn, with their probabilities; with temperature 0 the one of the largest logit, the lowest of
 * equals. As Hugging Face transformers filters: of the softmax of logits / temperature the `topK` likeliest; of those,
 * normalised, the fewest that reach `topP` together; of those the ones with at least `minP` times the likeliest's
 * probability. Of equals those of the lowest id are kept.
 */
export function tokenDistribution(
  logits: ArrayLike<number>,
  { temperature, topP, topK, minP }: Sampling,
): { readonly ids: readonly number[]; readonly probabilities: readonly number[] } {
  if (temperature === 0) return { ids: [largest(logits)], probabilities: [1] };
  const scaled = Array.from(logits, (x) => x / temperature);
  let ids = scaled.map((_, id) => id);
  if (topK === 0 && topP === 1 && minP === 0) return { ids, probabilities: softmax(scaled) };
  // A stable sort: equals stay in the order of their ids.
  ids.sort((a, b) => scaled[a] === scaled[b] ? 0 : scaled[b]! - scaled[a]!);
  if (topK > 0) ids = ids.slice(0, topK);
  const probabilities = softmax(ids.map((id) => scaled[id]!));
  let count = 0, reached = 0;
  while (count < ids.length && (count === 0 || reached < topP)) reached += probabilities[count++]!;
  const least = minP * probabilities[0]!;
  ids = ids.slice(0, count).filter((_, i) => probabilities[i]! >= least);
  return { ids, probabilities: softmax(ids.map((id) => scaled[id]!)) };
}

/** The token at `uniform` in [0, 1) of the cumulated probabilities. */
export function drawToken(logits: ArrayLike<number>, sampling: Sampling, uniform: number): number {
  const { ids, probabilities } = tokenDistribution(logits, sampling);
  let reached = 0;
  for (const [i, id] of ids.entries()) {
    reached += probabilities[i]!;
    if (uniform < reached) return id;
  }
  // The sum may round to less than 1.
  return ids.at(-1)!;
}

function largest(logits: ArrayLike<number>): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}
