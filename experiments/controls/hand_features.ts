/** What a person would think of who has to guess the value without multiplying out the word. */
import type { PermutationEnvironment, PermutationState } from "../../lib/env/permutation.ts";

/** Hand features of one puzzle's states. */
export interface Features {
  /** Their number. */
  readonly count: number;
  /** Writes the features of a state to `out[0..count-1]`. It reads what a critic sees: word, moves, steps left. */
  write(state: PermutationState, out: Float64Array): void;
}

/** How many of the last symbols have a feature for each generator. */
const LAST = 3;

/**
 * One-hot steps left; one-hot length; counts of each generator in the word and in the moves; for each generator and its
 * inverse the exponents' sum modulo its order, one-hot; one-hot length after cancelling neighbours that are inverse to
 * each other; counts of bigrams; the last three symbols. Then all of them but the first times the steps left, for values
 * depend on both.
 */
export function handFeatures({ config, group }: PermutationEnvironment): Features {
  const { maxLength, maxMoves, maxMovesBefore } = config;
  const width = group.generators.length, longest = maxLength + maxMovesBefore;
  const inverse = group.generators.map(({ element }) =>
    group.generators.findIndex((g) => g.element === group.inverses[element])
  );
  // A generator and its inverse share an exponent: the first of the two speaks for both.
  const leaders = inverse.map((h, g) => h < 0 || g <= h ? g : -1);
  const orders = group.generators.map(({ element }) => order(element));
  const exponents = leaders.reduce((n, g) => n + (g < 0 ? 0 : orders[g]!), 0);
  const own = 2 * (longest + 1) + 2 * width + exponents + width * width + LAST * width;
  const steps = maxMoves + 1;

  function order(element: number): number {
    let n = 1;
    for (let s = element; s !== 0; s = group.products[s * group.order + element]!) n++;
    return n;
  }

  return {
    count: steps + 2 * own,
    write({ word, moves, stepsLeft }, out) {
      out.fill(0);
      out[stepsLeft] = 1;
      const symbols = [...word, ...moves], n = symbols.length;
      let at = steps;
      out[at + n] = 1;
      at += longest + 1;
      out[at + reducedLength(symbols, inverse)] = 1;
      at += longest + 1;
      symbols.forEach((g, i) => out[at + (i < word.length ? 0 : width) + g]!++);
      at += 2 * width;
      leaders.forEach((leader, g) => {
        if (leader < 0) return;
        let exponent = 0;
        for (const s of symbols) exponent += s === g ? 1 : s === inverse[g] ? -1 : 0;
        out[at + (exponent % orders[g]! + orders[g]!) % orders[g]!] = 1;
        at += orders[g]!;
      });
      for (let i = 1; i < n; i++) out[at + symbols[i - 1]! * width + symbols[i]!]!++;
      at += width * width;
      for (let k = 0; k < Math.min(LAST, n); k++) out[at + k * width + symbols[n - 1 - k]!] = 1;
      for (let i = 0; i < own; i++) out[steps + own + i] = stepsLeft * out[steps + i]!;
    },
  };
}

/** Length of the word that is left when no generator stands beside its inverse. */
function reducedLength(symbols: readonly number[], inverse: readonly number[]): number {
  const left: number[] = [];
  for (const g of symbols) {
    if (left.length > 0 && inverse[left.at(-1)!] === g) left.pop();
    else left.push(g);
  }
  return left.length;
}
