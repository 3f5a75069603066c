import type { FiniteGroup } from "./group.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** A word and what has been written of its running products. */
export interface WordState {
  /** Generator indices, first to last (n). */
  readonly word: readonly number[];
  /** Elements: the first products as written, right or wrong; at most n. */
  readonly written: readonly number[];
}

/** Tokens before the word: success rate, products left. */
const HEADER = 2;

/** Tokens of the prompt of a word of n generators, Q included. */
export function promptLength(n: number): number {
  return wordEnd(n) + 1 + n + 1;
}

/** The index of SEP in the critic's prompt, of TH in the actor's. */
export function wordEnd(n: number): number {
  return HEADER + n;
}

/** The right products: entry i is that of the first i + 1 generators. */
export function runningProducts(group: FiniteGroup, word: readonly number[]): number[] {
  let element = 0;
  return word.map((g) => element = group.moves[element * group.generators.length + g]!);
}

/**
 * What a critic reads and writes about a word, and the tokens in which an actor writes its products.
 *
 * Prompt: `[rate] [products left] g1..gn SEP w1..wn Q`: the word, then its products as written (`=(012)`, the identity `=e`),
 * `=?` where there is none yet. Trace: `P1..Pn CHECK C1..Cn D`: the right products, in the same tokens, so that to compare
 * them is to compare embeddings (with tokens of their own a small critic never learned it for all), whether each written one is
 * the right one (`same`, `differs`, `open`), then whether the last written one is, and how many are left (`ok3`, `bad3`).
 *
 * The trace has a token for every prompt token from the first generator on, so each is predicted at a constant distance
 * from the token it is about.
 */
export class WordEvaluationText {
  readonly vocabulary: Vocabulary;
  /** By element: the token that writes it. */
  readonly writtenTokens: readonly number[];
  /** The first ids of runs of tokens. */
  readonly #left: number;
  readonly #generators: number;
  readonly #ok: number;
  readonly #bad: number;
  readonly #separator: number;
  readonly #notYet: number;
  readonly #check: number;
  readonly #same: number;
  readonly #differs: number;
  readonly #open: number;

  /** @param maxLength Prompt and trace count so many products left; if there are more they say this number. */
  constructor(readonly group: FiniteGroup, readonly maxLength: number) {
    const left = (prefix: string) =>
      Array.from({ length: maxLength + 1 }, (_, i) => `${prefix}${i}`);
    const generators = group.generators.map(({ name }) => name);
    const elements = (prefix: string) => group.elementNames.map((name) => `${prefix}${name}`);
    this.vocabulary = createVocabulary([
      "SEP",
      ...left("L"),
      ...generators,
      ...elements("="),
      "=?",
      "CHECK",
      "same",
      "differs",
      "open",
      ...left("ok"),
      ...left("bad"),
    ]);
    const { id } = this.vocabulary;
    this.writtenTokens = elements("=").map(id);
    this.#left = id("L0");
    this.#generators = id(generators[0]!);
    this.#ok = id("ok0");
    this.#bad = id("bad0");
    this.#separator = id("SEP");
    this.#notYet = id("=?");
    this.#check = id("CHECK");
    this.#same = id("same");
    this.#differs = id("differs");
    this.#open = id("open");
  }

  /** The prompt. */
  prompt(state: WordState, successRate?: number): number[] {
    const { word, written } = state;
    return [
      this.vocabulary.rateToken(successRate),
      this.#left + this.#productsLeft(state),
      ...word.map((g) => this.#generators + g),
      this.#separator,
      ...word.map((_, i) => i < written.length ? this.writtenTokens[written[i]!]! : this.#notYet),
      this.vocabulary.query,
    ];
  }

  /**
   * The trace.
   *
   * @param products The right products, or what its writer takes for them (n).
   */
  trace(state: WordState, products: readonly number[]): number[] {
    const { written } = state, last = written.length - 1;
    const right = written.map((element, i) => element === products[i]);
    const verdict = last < 0 || right[last] ? this.#ok : this.#bad;
    return [
      ...products.map((element) => this.writtenTokens[element]!),
      this.#check,
      ...products.map((_, i) => i > last ? this.#open : right[i] ? this.#same : this.#differs),
      verdict + this.#productsLeft(state),
    ];
  }

  /** P_i at its generator, CHECK at SEP, C_i at w_i, D at Q, -1 at the header. */
  labels(trace: readonly number[]): number[] {
    return [...new Array<number>(HEADER).fill(-1), ...trace];
  }

  /** What each token of the trace is about, for a human reader. */
  subjects({ word }: WordState): string[] {
    return [
      ...word.map((g, i) => `product ${i + 1}, ${this.group.generators[g]!.name}`),
      "check",
      ...word.map((_, i) => `written ${i + 1}`),
      "last written",
    ];
  }

  /** The state for a human reader. */
  describe({ word, written }: WordState): string {
    const { elementNames, generators, name, order } = this.group;
    const elements = (list: readonly number[]) => list.map((e) => elementNames[e]!).join(" ");
    const products = runningProducts(this.group, word), k = written.length;
    return [
      `group          ${name}, ${order} elements, identity ${elementNames[0]}`,
      `word           ${word.map((g) => generators[g]!.name).join(" ")}`,
      `products       ${elements(products)}`,
      `written        ${elements(written) || "none"}`,
      `last written   ${k === 0 ? "none" : written[k - 1] === products[k - 1] ? "right" : "wrong"}`,
      `products left  ${word.length - k} of ${word.length}`,
    ].join("\n");
  }

  #productsLeft({ word, written }: WordState): number {
    return Math.min(word.length - written.length, this.maxLength);
  }
}
