import * as z from "zod";
import { UsageError } from "../errors.ts";
import type { RandomStream } from "../numeric/random.ts";
import type { FiniteGroup } from "./group.ts";
import { checkEpsilon } from "./problems.ts";

/** How many actors' tables are kept. */
const MAX_TABLES = 256;

/** The programmatic actor. */
export const permutationActor = z.strictObject({
  epsilon: z.number().min(0).max(1).describe("The probability of a uniformly random move."),
  far: z.strictObject({
    distance: z.int().min(1).describe("The least distance to the identity that is far from it."),
    epsilon: z.number().min(0).max(1).describe("The probability of a random move there."),
  }).optional().describe("An epsilon of its own far from the identity; default: the same."),
});

/**
 * With probability 1 - epsilon the actor moves closer to the identity, each of the moves that do so
 * being equally likely; otherwise it picks any generator, each equally likely. With `far` it errs
 * at another rate far from the identity than near it: actors of equal success rate may differ in that.
 */
export type PermutationActor = z.output<typeof permutationActor>;

/**
 * The actor of the puzzle and its values: with probability 1 - epsilon it makes one of the moves that reduce the
 * distance to the identity, each equally likely, otherwise any move, each equally likely. Epsilon may differ far from
 * the identity: it is a function of the element, so that values stay a matter of dynamic programming.
 */
export class PermutationPolicy {
  /** For element s, `#closerCount[s]` generators reduce the distance; they stand from s * width on. */
  readonly #closer: Uint8Array;
  readonly #closerCount: Uint8Array;
  readonly #values = new Map<string, Float64Array>();

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
  draw(random: RandomStream, element: number, actor: PermutationActor): number {
    const width = this.group.generators.length;
    if (random.uniform() < 1 - this.#epsilon(element, actor)) {
      return this.#closer[element * width + random.integer(this.#closerCount[element]!)]!;
    }
    return random.integer(width);
  }

  /**
   * The probability that at most `stepsLeft` moves lead from an element to the identity.
   *
   * @throws UsageError as `checkActor`.
   */
  value(element: number, stepsLeft: number, actor: PermutationActor): number {
    return this.#table(actor)[stepsLeft * this.group.order + element]!;
  }

  /** The probability of a random move at an element. */
  #epsilon(element: number, { epsilon, far }: PermutationActor): number {
    return far && this.group.distances[element]! >= far.distance ? far.epsilon : epsilon;
  }

  /** V(s, t) at [t * order + s] for t = 0..maxMoves steps left, by dynamic programming over t. */
  #table(actor: PermutationActor): Float64Array {
    const { epsilon, far } = actor;
    const key = far ? `${epsilon} ${far.distance} ${far.epsilon}` : `${epsilon}`;
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    checkActor(actor);
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
        const epsilon = this.#epsilon(s, actor);
        table[t * order + s] = (1 - epsilon) * (closer / count) + epsilon * (any / width);
      }
    }
    if (this.#values.size >= MAX_TABLES) this.#values.delete(this.#values.keys().next().value!);
    this.#values.set(key, table);
    return table;
  }
}

/** Throws a UsageError unless epsilons are probabilities and the far distance is a positive integer. */
export function checkActor({ epsilon, far }: PermutationActor): void {
  checkEpsilon(epsilon);
  if (!far) return;
  if (!(far.epsilon >= 0 && far.epsilon <= 1)) {
    throw new UsageError("actor.far.epsilon", far.epsilon, "must lie in 0..1");
  }
  if (!(Number.isInteger(far.distance) && far.distance >= 1)) {
    throw new UsageError("actor.far.distance", far.distance, "must be a positive integer");
  }
}
