import type { WordTable } from "./word_evaluation_teacher.ts";
import { runningProducts, type WordState } from "./word_evaluation_text.ts";

/**
 * The probability in [0, 1] that the last product is right if the rest is written by `table`. Backwards over the word, with
 * one number for every element e that may have been written before generator g:
 *
 *     V_n(e) = 1 if e is the word's product, else 0
 *     V_(i-1)(e) = (1 - epsilon) (r V_i(e g) + (1 - r) V_i(wrong)) + epsilon mean(V_i)
 *
 * where r is the entry's probability of the right product e g: O(n order) steps.
 */
export function successProbability(table: WordTable, { word, written }: WordState): number {
  const { group, right, wrong } = table, { epsilon } = table.teacher;
  const { moves, order } = group, width = group.generators.length;
  let values = new Float64Array(order);
  values[runningProducts(group, word).at(-1) ?? 0] = 1;
  for (let i = word.length - 1; i >= written.length; i--) {
    const next = values, mean = next.reduce((sum, v) => sum + v, 0) / order;
    values = Float64Array.from({ length: order }, (_, element) => {
      const entry = element * width + word[i]!, r = right[entry]!;
      const looked = r * next[moves[entry]!]! + (1 - r) * next[wrong[entry]!]!;
      return (1 - epsilon) * looked + epsilon * mean;
    });
  }
  return values[written.at(-1) ?? 0]!;
}
