import type { CriticContext, Outcome } from "./environment.ts";
import type { FiniteGroup } from "./group.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** A scramble word and the moves made since. */
export interface PermutationState {
  /** Generator indices, first to last. */
  readonly word: readonly number[];
  /** Generator indices, first to last. */
  readonly moves: readonly number[];
  /** The composite of word and moves: an element's index in the group. */
  readonly element: number;
  readonly stepsLeft: number;
}

/**
 * What a critic reads and writes about a puzzle.
 *
 * Prompt: `[rate] [steps left] g1..gL SEP m1..mk Q`; trace: `P1..Pn D`, one running product for each of the n = L + 1 + k
 * prompt symbols (SEP repeats the product before it), then the distance. The symbol of P_i stands at position 1 + i, and
 * P_i is predicted at position traceOffset + i - 1: a constant distance.
 *
 * With `outcomeSlots` or `exampleSlots` the header goes on, after the steps left, with the outcomes of the actor's latest
 * episodes of this problem (`O0`, `O1`), then with the moves and the outcome of the very latest. Unused slots are filled
 * (`O?`, `M?`), so that the header's length stays constant.
 */
export class PermutationText {
  readonly vocabulary: Vocabulary;
  /** Tokens before the first symbol. */
  readonly header: number;
  /** The first ids of runs of tokens. */
  readonly #stepsLeft: number;
  readonly #generators: number;
  readonly #products: number;
  readonly #distances: number;
  readonly #separator: number;

  constructor(
    readonly group: FiniteGroup,
    readonly config: {
      /** The most moves of an episode. */
      readonly maxMoves: number;
      /** How many of the latest outcomes a prompt shows. */
      readonly outcomeSlots: number;
      /** How many of the latest episodes a prompt shows, moves and outcome. */
      readonly exampleSlots: number;
    },
  ) {
    const { maxMoves, outcomeSlots, exampleSlots } = config;
    this.header = 2 + outcomeSlots + exampleSlots * (maxMoves + 1);
    const generators = group.generators.map(({ name }) => name);
    const products = group.elementNames.map((name) => `=${name}`);
    this.vocabulary = createVocabulary([
      "SEP",
      ...Array.from({ length: maxMoves + 1 }, (_, t) => `T${t}`),
      ...Array.from({ length: group.diameter + 1 }, (_, d) => `D${d}`),
      ...generators,
      ...products,
      // Only where they are asked for, so that other configurations keep their vocabulary.
      ...(outcomeSlots + exampleSlots > 0 ? ["O?", "O0", "O1"] : []),
      ...(exampleSlots > 0 ? ["M?"] : []),
    ]);
    const { id } = this.vocabulary;
    this.#separator = id("SEP");
    this.#stepsLeft = id("T0");
    this.#distances = id("D0");
    this.#generators = id(generators[0]!);
    this.#products = id(products[0]!);
  }

  /** The length of a prompt: header, word, SEP, moves, Q. */
  promptLength(word: number, moves: number): number {
    return this.header + word + 1 + moves + 1;
  }

  /** The prompt. */
  prompt(
    { word, moves, stepsLeft }: PermutationState,
    { successRate, episodes = [] }: CriticContext<PermutationState>,
  ): number[] {
    return [
      this.vocabulary.rateToken(successRate),
      this.#stepsLeft + stepsLeft,
      ...this.#episodes(episodes),
      ...word.map((g) => this.#generators + g),
      this.#separator,
      ...moves.map((g) => this.#generators + g),
      this.vocabulary.query,
    ];
  }

  /** The trace. */
  trace({ word, moves }: PermutationState): number[] {
    const { moves: table, generators, distances } = this.group;
    let element = 0;
    const product = (g: number) =>
      this.#products + (element = table[element * generators.length + g]!);
    const tokens = word.map(product);
    tokens.push(this.#products + element, ...moves.map(product));
    tokens.push(this.#distances + distances[element]!);
    return tokens;
  }

  /** P_i at its symbol, D at Q, -1 at the header. */
  labels(state: PermutationState): number[] {
    return [...new Array<number>(this.header).fill(-1), ...this.trace(state)];
  }

  /** What each token of the trace is about, for a human reader. */
  subjects(state: PermutationState): string[] {
    const symbols = this.prompt(state, {}).slice(this.header, -1);
    return [...symbols.map((token) => this.vocabulary.names[token]!), "distance"];
  }

  /** The state for a human reader. */
  describe({ word, moves, element, stepsLeft }: PermutationState): string {
    const { group } = this;
    const names = (generators: readonly number[]) =>
      generators.map((g) => group.generators[g]!.name).join(" ") || "none";
    return [
      `group       ${group.name}, ${group.order} elements, identity ${group.elementNames[0]}`,
      `scramble    ${names(word)}`,
      `moves       ${names(moves)}`,
      `element     ${group.elementNames[element]}`,
      `distance    ${group.distances[element]} of at most ${group.diameter}`,
      `steps left  ${stepsLeft} of ${this.config.maxMoves}`,
    ].join("\n");
  }

  /** The outcomes of the latest episodes, then moves and outcome of the very latest; slots without one come first. */
  #episodes(episodes: readonly Outcome<PermutationState>[]): number[] {
    const { outcomeSlots, exampleSlots, maxMoves } = this.config;
    if (outcomeSlots + exampleSlots === 0) return [];
    const unknown = this.vocabulary.id("O?");
    const latest = (slots: number) =>
      Array.from({ length: slots }, (_, i) => episodes[episodes.length - slots + i]);
    const outcome = (episode: Outcome<PermutationState> | undefined) =>
      episode === undefined ? unknown : unknown + 1 + episode.reward;
    const tokens = latest(outcomeSlots).map(outcome);
    for (const episode of latest(exampleSlots)) {
      for (let i = 0; i < maxMoves; i++) {
        const g = episode?.state.moves[i];
        tokens.push(g === undefined ? this.vocabulary.id("M?") : this.#generators + g);
      }
      tokens.push(outcome(episode));
    }
    return tokens;
  }
}
