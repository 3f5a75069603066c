/** Everything about a formula that takes time in proportion to 2^variables: who can satisfy it, and how probably. */
import type { RandomStream } from "../numeric/random.ts";
import { type SatState, truthOf } from "./sat_formula.ts";

/** The most variables of a formula. */
export const MAX_VARIABLES = 16;

/** Enumerates the completions of assignments. Keeps its working memory between calls. */
export class Completions {
  /** By completion, whose highest bit is the next variable: 1 if it satisfies the formula, else 0. */
  readonly #satisfies = new Float64Array(2 ** MAX_VARIABLES);

  /** Whether some completion satisfies the formula. */
  canBeSatisfied(state: SatState): boolean {
    return this.#any(0, this.#enumerate(state));
  }

  /**
   * The probability in [0, 1] that the formula is satisfied at the end if each further variable is set as `set` does:
   * backwards from the last variable, where a value is positive just if the formula can be satisfied.
   */
  value(state: SatState, epsilon: number): number {
    const values = this.#satisfies;
    let size = this.#enumerate(state);
    for (; size > 1; size /= 2) {
      for (let x = 0; x < size; x += 2) {
        const zero = values[x]!, one = values[x + 1]!;
        values[x / 2] = zero > 0 && one > 0 ? (zero + one) / 2 : (1 - epsilon / 2) * (zero + one);
      }
    }
    return values[0]!;
  }

  /**
   * Sets variables until `count` have a value. Each is, with probability 1 - epsilon, a value that keeps the formula
   * satisfiable where only one of them does; otherwise 0 or 1, each equally likely.
   */
  set(random: RandomStream, state: SatState, epsilon: number, count: number): SatState {
    const assignment = [...state.assignment];
    // The completions of the growing assignment are those in [from, from + size).
    let from = 0, size = this.#enumerate(state);
    while (assignment.length < count) {
      size /= 2;
      const canBe = [this.#any(from, size), this.#any(from + size, size)];
      const careful = random.uniform() < 1 - epsilon;
      const bit = careful && canBe[0] !== canBe[1] ? canBe.indexOf(true) : random.integer(2);
      assignment.push(bit);
      from += bit * size;
    }
    return { ...state, assignment };
  }

  /** Fills `#satisfies` and returns the number of completions. */
  #enumerate({ variables, clauses, assignment }: SatState): number {
    const size = 2 ** (variables - assignment.length);
    const satisfies = this.#satisfies.fill(1, 0, size);
    for (const clause of clauses) {
      // The completions with (x & mask) === falsifying make every literal false.
      let mask = 0, falsifying = 0, satisfied = false;
      for (const literal of clause) {
        const truth = truthOf(literal, assignment);
        if (truth === undefined) {
          const bit = 1 << (variables - Math.abs(literal));
          mask |= bit;
          if (literal < 0) falsifying |= bit;
        } else satisfied ||= truth;
      }
      if (satisfied) continue;
      for (let x = 0; x < size; x++) if ((x & mask) === falsifying) satisfies[x] = 0;
    }
    return size;
  }

  #any(from: number, size: number): boolean {
    for (let x = from; x < from + size; x++) if (this.#satisfies[x] === 1) return true;
    return false;
  }
}
