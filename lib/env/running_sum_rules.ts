import type { RandomStream } from "../numeric/random.ts";

/** A sum and what has been written of its running results. */
export interface RunningSumState {
  /** The digit it starts from. */
  readonly start: number;
  /** 1..9 each, first to last (n). */
  readonly addends: readonly number[];
  /** The last digits of the first results as written, right or wrong; at most n. */
  readonly written: readonly number[];
}

/** The last digit of a sum. */
function lastDigit(sum: number): number {
  return sum % 10;
}

/** Whether an addition to this digit is one where the actor errs. */
export function isHard(digit: number): boolean {
  return digit >= 7;
}

/** The right results: entry i is that of the first i + 1 addends. */
export function rightResults({ start, addends }: RunningSumState): number[] {
  let digit = start;
  return addends.map((addend) => digit = lastDigit(digit + addend));
}

/** The digits to which the addends are added, where these are the results. */
export function addedTo({ start }: RunningSumState, results: readonly number[]): number[] {
  return [start, ...results.slice(0, -1)];
}

/** The first `count` results: those that are written, then as the actor goes on. */
export function complete(
  random: RandomStream,
  { start, addends, written }: RunningSumState,
  epsilon: number,
  count = addends.length,
): number[] {
  const results = [...written];
  for (let i = results.length; i < count; i++) {
    const digit = results[i - 1] ?? start;
    const carry = isHard(digit) && random.uniform() < epsilon ? 1 : 0;
    results.push(lastDigit(digit + addends[i]! + carry));
  }
  return results;
}

/**
 * The probability in [0, 1] that the last result is right if the actor writes the rest. Backwards over the addends, with one
 * number for every digit d that may have been written before addend a:
 *
 *     V_n(d) = 1 if d is the right result, else 0
 *     V_(i-1)(d) = V_i(d + a), and if d is hard (1 - epsilon) V_i(d + a) + epsilon V_i(d + a + 1)
 */
export function successProbability(state: RunningSumState, epsilon: number): number {
  const { start, addends, written } = state, n = addends.length;
  const right = rightResults(state)[n - 1];
  let values: number[] = Array.from({ length: 10 }, (_, digit) => digit === right ? 1 : 0);
  for (let i = n - 1; i >= written.length; i--) {
    const next = values;
    values = next.map((_, digit) => {
      const sum = digit + addends[i]!, same = next[lastDigit(sum)]!;
      return isHard(digit) ? (1 - epsilon) * same + epsilon * next[lastDigit(sum + 1)]! : same;
    });
  }
  return values[written.at(-1) ?? start]!;
}
