import type { RandomStream } from "../numeric/random.ts";
import type { FiniteGroup } from "./group.ts";
import { checkEpsilon } from "./problems.ts";

/** How many epsilons' tables are kept. */
const MAX_TABLES = 256;

/**
 * The actor of the puzzle and its values: with probability 1 - epsilon it makes one of the moves that reduce the
 * distance to the identity, each equally likely, otherwise any move, each equally likely.
 */
export class PermutationPolicy {
  /** For element s, `#closerCount[s]` generators reduce the distance; they stand from s * width on. */
  readonly #closer: Uint8Array;
  readonly #closerCount: Uint8Array;
  readonly #values = new Map<number, Float64Array>();

  /** @param maxMoves The most moves of an episode. */
  constructor(readonly group: FiniteGroup, readonly maxMoves: number) {
    const { order, distances, moves, generators } = group;
    const width = generators.length;
    this.#closer = new Uint8Array(order * width);
    this.#closerCount = new Uint8Array(order);
    for (let s = 0; s < order; s++) {
      let count = 0;
      for (let g = 0; g < width; g++) {
        if (distances[moves[s * width + g]!]! < distances[s]!) {
          this.#closer[s * width + count++] = g;
        }
      }
      this.#closerCount[s] = count;
    }
  }

  /** A move, as a generator's index, at an element that is not the identity. */
  draw(random: RandomStream, element: number, epsilon: number): number {
    const width = this.group.generators.length;
    if (random.uniform() < 1 - epsilon) {
      return this.#closer[element * width + random.integer(this.#closerCount[element]!)]!;
    }
    return random.integer(width);
  }

  /**
   * The probability that at most `stepsLeft` moves lead from an element to the identity.
   *
   * @throws UsageError for an epsilon outside of 0..1.
   */
  value(element: number, stepsLeft: number, epsilon: number): number {
    return this.#table(epsilon)[stepsLeft * this.group.order + element]!;
  }

  /** V(s, t) at [t * order + s] for t = 0..maxMoves steps left, by dynamic programming over t. */
  #table(epsilon: number): Float64Array {
    const known = this.#values.get(epsilon);
    if (known !== undefined) return known;
    checkEpsilon(epsilon);
    const { order, generators, moves } = this.group;
    const width = generators.length;
    const table = new Float64Array((this.maxMoves + 1) * order);
    table[0] = 1;
    for (let t = 1; t <= this.maxMoves; t++) {
      const before = (t - 1) * order;
      table[t * order] = 1;
      for (let s = 1; s < order; s++) {
        const after = (g: number) => table[before + moves[s * width + g]!]!;
        const count = this.#closerCount[s]!;
        let closer = 0;
        for (let i = 0; i < count; i++) closer += after(this.#closer[s * width + i]!);
        let any = 0;
        for (let g = 0; g < width; g++) any += after(g);
        table[t * order + s] = (1 - epsilon) * (closer / count) + epsilon * (any / width);
      }
    }
    if (this.#values.size >= MAX_TABLES) this.#values.delete(this.#values.keys().next().value!);
    this.#values.set(epsilon, table);
    return table;
  }
}
