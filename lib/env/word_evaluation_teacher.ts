import * as z from "zod";
import { RandomStream } from "../numeric/random.ts";
import type { FiniteGroup } from "./group.ts";

const probability = z.number().min(0).max(1);

/** Validates a `WordTeacher` from a configuration file. */
export const wordTeacher = z.strictObject({
  epsilon: probability.default(0).describe("The probability of a uniformly random element."),
  hardFraction: probability.default(0.5)
    .describe("The fraction of the table's entries, element times generator, that are hard."),
  likely: probability.default(0.85)
    .describe("The probability of the right product at every other hard entry."),
  unlikely: probability.default(0.35)
    .describe("The probability of the right product at the remaining hard entries."),
  seed: z.int().min(0).max(0xffffffff).default(1)
    .describe("Which entries are hard, and which of their products are wrong."),
});

/**
 * Who multiplies words: the programmatic actor, and the teacher who wrote the demonstrations. The next product is looked
 * up in a table whose entries are (product as written, generator). Most are right. A hard entry has one wrong element, and
 * gives the right one with probability `likely` or `unlikely`, else the wrong one. Where that is less than one half the most
 * probable product is wrong: no sharpening of the policy helps, each such entry has to be corrected by itself. With
 * probability `epsilon` the table is not used, and any element is written, each equally likely.
 */
export type WordTeacher = z.output<typeof wordTeacher>;

/** The table of a teacher. Entries are indices [element * generators + generator], as of `FiniteGroup.moves`. */
export class WordTable {
  /** By entry: the probability that the table gives the right product; 1 at those that are not hard. */
  readonly right: Float64Array;
  /** By entry: the element that it gives otherwise. */
  readonly wrong: Uint16Array;

  /**
   * The hard entries are the first of a random order, so those of a smaller fraction are hard in a larger one, too; the
   * 1st, 3rd, ... of them are `likely`, the others `unlikely`. The wrong element is any but the right one, each equally
   * likely.
   */
  constructor(readonly group: FiniteGroup, readonly teacher: WordTeacher) {
    const { hardFraction, likely, seed, unlikely } = teacher;
    const { moves, order } = group, entries = moves.length;
    const random = new RandomStream({ seed, purpose: "word-evaluation/hard" });
    const hard = random.permutation(entries).subarray(0, Math.round(hardFraction * entries));
    this.right = new Float64Array(entries).fill(1);
    hard.forEach((entry, i) => this.right[entry] = i % 2 === 0 ? likely : unlikely);
    this.wrong = Uint16Array.from(moves, (product, row) => {
      const random = new RandomStream({ seed, purpose: "word-evaluation/wrong", row });
      return (product + 1 + random.integer(order - 1)) % order;
    });
  }

  /** The probability of each element at an entry. */
  distribution(entry: number): number[] {
    const { epsilon } = this.teacher, { moves, order } = this.group;
    const right = this.right[entry]!;
    const out = new Array<number>(order).fill(epsilon / order);
    for (const [element, p] of [[moves[entry]!, right], [this.wrong[entry]!, 1 - right]] as const) {
      out[element] = out[element]! + (1 - epsilon) * p;
    }
    return out;
  }

  /** An element as the teacher would write it at an entry. */
  draw(random: RandomStream, entry: number): number {
    const { moves, order } = this.group;
    if (random.uniform() < this.teacher.epsilon) return random.integer(order);
    return random.uniform() < this.right[entry]! ? moves[entry]! : this.wrong[entry]!;
  }

  /** The products of a word's first `count` generators: those that are written, then as the teacher goes on. */
  complete(
    random: RandomStream,
    word: readonly number[],
    written: readonly number[],
    count = word.length,
  ): number[] {
    const products = [...written];
    for (let i = products.length; i < count; i++) {
      const entry = (products[i - 1] ?? 0) * this.group.generators.length + word[i]!;
      products.push(this.draw(random, entry));
    }
    return products;
  }
}
