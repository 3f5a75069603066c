/** Sums as text: the steps that an actor writes, and what a critic writes about them. */
import type { CriticContext } from "./environment.ts";
import { addedTo, isHard, rightResults, type RunningSumState } from "./running_sum_rules.ts";
import { ratePercent, wordsOf } from "./text_task.ts";

/** `Start 7: +3 +6\nSteps:` */
export function problemText({ start, addends }: RunningSumState): string {
  return `Start ${start}: ${addends.map((addend) => `+${addend}`).join(" ")}\nSteps:`;
}

/** The steps with these results, e.g. `7+3=0` and `0+6=6`; as many as there are results. */
function steps(state: RunningSumState, results: readonly number[]): string[] {
  const before = addedTo(state, results);
  return results.map((digit, i) => `${before[i]}+${state.addends[i]}=${digit}`);
}

/** ` 7+3=0 0+6=6`: each step begins with the last one's result as written. */
export function writtenText(state: RunningSumState): string {
  return steps(state, state.written).map((step) => ` ${step}`).join("");
}

/**
 * The results of a text of steps, or undefined if it is none: a step that does not add the next addend to the result before
 * it, one that is no step, one too many.
 */
export function parseSteps(problem: RunningSumState, text: string): number[] | undefined {
  const words = wordsOf(text);
  if (words.length > problem.addends.length) return undefined;
  const results = words.map((word) => "0123456789".indexOf(word.at(-1)!));
  const rendered = steps(problem, results);
  return words.every((word, i) => word === rendered[i]) ? results : undefined;
}

/**
 * ` 7+3=0 ok 0+6=6 ok 6+3=9 easy 9+9=8 hard so hard 1`: the right steps, `ok` where what is written agrees, `bad` where it
 * does not, `easy` or `hard` where nothing is written; then how many hard ones are left. If the last written result is wrong
 * it ends at the first `bad` with `so wrong`. With a success rate it ends with e.g. ` rate 45`.
 */
export function chainText(state: RunningSumState, { successRate }: CriticContext): string {
  const { addends, written } = state, k = written.length;
  const results = rightResults(state), hard = addedTo(state, results).map(isHard);
  const right = written.map((digit, i) => digit === results[i]);
  const isWrong = k > 0 && !right[k - 1];
  const count = isWrong ? right.indexOf(false) + 1 : addends.length;
  const tagged = steps(state, results).slice(0, count).map((step, i) =>
    ` ${step} ${i < k ? right[i] ? "ok" : "bad" : hard[i] ? "hard" : "easy"}`
  );
  const verdict = isWrong ? " so wrong" : ` so hard ${hard.slice(k).filter(Boolean).length}`;
  const rate = successRate === undefined ? "" : ` rate ${ratePercent(successRate)}`;
  return `${tagged.join("")}${verdict}${rate}`;
}
