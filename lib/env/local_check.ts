import * as z from "zod";
import { UsageError } from "../errors.ts";
import type { RandomStream } from "../numeric/random.ts";
import { parseConfig } from "../parse_config.ts";
import type {
  CriticContext,
  Environment,
  EnvironmentDefinition,
  IntegerRange,
  Outcome,
  SampleOptions,
  SequenceLengths,
  Split,
} from "./environment.ts";
import {
  checkDifficulty,
  checkEpsilon,
  checkOrdered,
  checkPromptFits,
  drawAccepted,
  drawInteger,
  heldOutFraction,
  splitOf,
  traceOffset,
} from "./problems.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

const length = z.int().min(2).max(1000);
const moves = z.int().min(0).max(100);

/** The configuration of the local check. */
export const localCheckConfig = z.strictObject({
  symbols: z.int().min(2).max(26).default(4).describe("The size of the alphabet: a, b, ..."),
  // Half of the pairs, so that no symbol by itself tells anything.
  forbidden: z.array(z.string().regex(/^[a-z]{2}$/, 'must be two letters, such as "ab"')).min(1)
    .default(["ab", "ac", "bc", "bd", "cd", "ca", "da", "db"])
    .describe("The pairs that may not stand next to each other, in this order."),
  minLength: length.default(6).describe("The fewest symbols in a word."),
  maxLength: length.default(10).describe("The most symbols in a word."),
  maxMoves: moves.min(1).default(6).describe("How many tries the actor has in an episode (T)."),
  minMovesBefore: moves.default(0).describe("The fewest tries before a sampled state."),
  maxMovesBefore: moves.default(3).describe("The most tries before a sampled state."),
  heldOutFraction: heldOutFraction("words"),
  traceOffset: traceOffset(5, 48),
});

/** The configuration as a user writes it: every field may be left out. */
export type LocalCheckConfigInput = z.input<typeof localCheckConfig>;
/** The configuration with all defaults. */
export type LocalCheckConfig = z.output<typeof localCheckConfig>;

/** The programmatic actor. */
export const localCheckActor = z.strictObject({
  epsilon: z.number().min(0).max(1).describe("The probability that a try repairs nothing."),
});

/** Each try repairs the pair at hand with probability 1 - epsilon, whatever happened before. */
export type LocalCheckActor = z.output<typeof localCheckActor>;

/** A word and the tries made since. */
export interface LocalCheckState {
  /** Symbol indices, first to last. */
  readonly word: readonly number[];
  /** Whether each try repaired a pair, first to last. */
  readonly moves: readonly boolean[];
  /** Pairs still to be repaired, those of the word counted up to `maxMoves` + 1. */
  readonly remaining: number;
  readonly stepsLeft: number;
}

/** Tokens before the first symbol: success rate, steps left. */
const HEADER = 2;

/**
 * A local check with repairs: the easiest value function of the kit, to set beside those of `permutation.ts`.
 *
 * A word of L symbols may not hold certain adjacent pairs. The actor works through the forbidden ones from left to right,
 * one try a step, at most `maxMoves` times: it repairs the pair at hand (`fix`), or with probability epsilon nothing
 * happens (`miss`). The episode ends with reward 1 as soon as no forbidden pair is left.
 *
 * What theory says: the value depends on whether the word holds at least j forbidden pairs, for j up to a constant. A
 * circuit of constant depth tests all pairs at once and then all sets of j of them, so the value is in AC0. (As the word
 * problem of a finite monoid: counting up to a bound is aperiodic; Barrington and Thérien 1988.)
 *
 * Prompt: `[rate] [steps left] x1..xL SEP m1..mk Q`; trace: `P1..Pn D`, the number of pairs still to be repaired after
 * each of the n = L + 1 + k prompt symbols, then once more. It counts up to `maxMoves` + 1, "more than can be repaired".
 * Prompt and trace are as long as the permutation puzzle's, at the same distance from each other.
 *
 * With the defaults and epsilon 0.3, sampled states have mean value 0.70 and variance 0.11.
 */
export class LocalCheckEnvironment implements Environment<LocalCheckState, LocalCheckActor> {
  readonly name = "local-check";
  readonly config: LocalCheckConfig;
  readonly vocabulary: Vocabulary;
  readonly traceOffset: number;
  readonly #sizes: IntegerRange;
  /** Whether y may not follow x, at [x * symbols + y]. */
  readonly #forbidden: Uint8Array;
  /** First ids of runs of tokens. */
  readonly #stepsLeft: number;
  readonly #symbols: number;
  readonly #counts: number;
  readonly #distances: number;
  /** Single tokens. */
  readonly #separator: number;
  readonly #miss: number;
  readonly #fix: number;

  /** Throws a UsageError that names the field if the configuration is not valid. */
  constructor(input: LocalCheckConfigInput = {}) {
    const config = parseConfig(localCheckConfig, input, "environment");
    checkOrdered(config, "minLength", "maxLength");
    checkOrdered(config, "minMovesBefore", "maxMovesBefore");
    checkOrdered(config, "maxMovesBefore", "maxMoves");
    this.config = config;
    this.traceOffset = config.traceOffset;
    this.#sizes = { min: config.minLength, max: config.maxLength };
    this.maxLengths();

    const { symbols, maxMoves } = config;
    const alphabet = Array.from({ length: symbols }, (_, i) => String.fromCharCode(97 + i));
    this.#forbidden = new Uint8Array(symbols * symbols);
    for (const pair of config.forbidden) {
      const [x, y] = [...pair].map((symbol) => alphabet.indexOf(symbol));
      if (x! < 0 || y! < 0) {
        throw new UsageError("environment.forbidden", pair, `the symbols are ${alphabet.join("")}`);
      }
      this.#forbidden[x! * symbols + y!] = 1;
    }
    const counts = Array.from({ length: maxMoves + 2 }, (_, i) => i);
    this.vocabulary = createVocabulary([
      "SEP",
      ...counts.slice(0, -1).map((t) => `T${t}`),
      ...counts.map((d) => `D${d}`),
      ...alphabet,
      "miss",
      "fix",
      ...counts.map((n) => `=${n}`),
    ]);
    const { id } = this.vocabulary;
    this.#separator = id("SEP");
    this.#stepsLeft = id("T0");
    this.#distances = id("D0");
    this.#symbols = id("a");
    this.#miss = id("miss");
    this.#fix = id("fix");
    this.#counts = id("=0");
  }

  maxLengths(difficulty = this.#sizes): SequenceLengths {
    checkDifficulty(difficulty, 2);
    const prompt = this.#promptLength(difficulty.max, this.config.maxMovesBefore);
    return { prompt, trace: prompt - HEADER };
  }

  /**
   * The state after a word and tries, e.g. `state("abca", ["fix", "miss"])`.
   *
   * @throws UsageError for an unknown symbol or try, a word too long for `traceOffset`, more tries than the actor has, or
   *   one after the last pair is repaired.
   */
  state(word: string, moves: readonly string[] = []): LocalCheckState {
    const { maxMoves, symbols } = this.config;
    this.#promptLength(word.length, moves.length);
    const indices = [...word].map((symbol) => {
      const index = symbol.charCodeAt(0) - 97;
      if (index >= 0 && index < symbols) return index;
      const last = String.fromCharCode(96 + symbols);
      throw new UsageError("word", symbol, `must be a symbol in a..${last}`);
    });
    if (moves.length > maxMoves) {
      throw new UsageError("moves", moves.length, `the actor has ${maxMoves} tries`);
    }
    let state = this.#start(indices);
    for (const move of moves) {
      if (move !== "fix" && move !== "miss") {
        throw new UsageError("moves", move, "choose from fix, miss");
      }
      if (state.remaining === 0) {
        const text = moves.join(" ");
        throw new UsageError("moves", text, "leave out what follows the last repair");
      }
      state = after(state, move === "fix");
    }
    return state;
  }

  /** Which split a word (symbol indices) belongs to. Depends on the word alone. */
  splitOf(word: readonly number[]): Split {
    return splitOf(word, this.config.heldOutFraction);
  }

  initialState(random: RandomStream, options: SampleOptions<LocalCheckActor>): LocalCheckState {
    return this.#sample(random, options, 0);
  }

  /** The number of tries made is uniform over `minMovesBefore..maxMovesBefore`; decided draws are redrawn. */
  sampleState(random: RandomStream, options: SampleOptions<LocalCheckActor>): LocalCheckState {
    const { minMovesBefore: min, maxMovesBefore: max } = this.config;
    return this.#sample(random, options, drawInteger(random, { min, max }));
  }

  rollout(
    random: RandomStream,
    state: LocalCheckState,
    actor: LocalCheckActor,
  ): Outcome<LocalCheckState> {
    const end = act(random, state, actor, state.stepsLeft);
    return { reward: end.remaining === 0 ? 1 : 0, state: end };
  }

  exactValue({ remaining, stepsLeft }: LocalCheckState, { epsilon }: LocalCheckActor): number {
    checkEpsilon(epsilon);
    // After t tries: the probability that all of d pairs are repaired, at d.
    const values = new Float64Array(remaining + 1);
    values[0] = 1;
    for (let t = 1; t <= stepsLeft; t++) {
      for (let d = remaining; d > 0; d--) {
        values[d] = (1 - epsilon) * values[d - 1]! + epsilon * values[d]!;
      }
    }
    return values[remaining]!;
  }

  progress({ moves }: LocalCheckState): number {
    return moves.length / this.config.maxMoves;
  }

  criticPrompt(
    { word, moves, stepsLeft }: LocalCheckState,
    { successRate }: CriticContext<LocalCheckState>,
  ): number[] {
    return [
      this.vocabulary.rateToken(successRate),
      this.#stepsLeft + stepsLeft,
      ...word.map((x) => this.#symbols + x),
      this.#separator,
      ...moves.map((fixed) => fixed ? this.#fix : this.#miss),
      this.vocabulary.query,
    ];
  }

  reasoningTrace({ word, moves }: LocalCheckState): number[] {
    let count = 0;
    const tokens = word.map((_, i) => this.#counts + (count = this.#countUpTo(word, i, count)));
    tokens.push(this.#counts + count);
    for (const fixed of moves) tokens.push(this.#counts + (fixed ? --count : count));
    tokens.push(this.#distances + count);
    return tokens;
  }

  /** P_i at its symbol, D at Q, -1 at the header. */
  promptLabels(state: LocalCheckState): number[] {
    return [...new Array<number>(HEADER).fill(-1), ...this.reasoningTrace(state)];
  }

  describe(state: LocalCheckState): string {
    const { config, vocabulary } = this;
    const { word, moves, remaining, stepsLeft } = state;
    const text = word.map((x) => vocabulary.names[this.#symbols + x]).join(" ");
    const more = config.maxMoves + 1 - moves.filter(Boolean).length;
    return [
      `forbidden   ${config.forbidden.join(" ")}`,
      `word        ${text}`,
      `tries       ${moves.map((fixed) => fixed ? "fix" : "miss").join(" ") || "none"}`,
      `to repair   ${remaining}${remaining === more ? " or more" : ""}`,
      `steps left  ${stepsLeft} of ${config.maxMoves}`,
    ].join("\n");
  }

  traceSubjects(state: LocalCheckState): string[] {
    const symbols = this.criticPrompt(state, {}).slice(HEADER, -1);
    return [...symbols.map((token) => this.vocabulary.names[token]!), "to repair"];
  }

  /** Header, word, SEP, tries, Q. */
  #promptLength(word: number, moves: number): number {
    const prompt = HEADER + word + 1 + moves + 1;
    checkPromptFits(prompt, this.traceOffset, `words of ${word} symbols`);
    return prompt;
  }

  /** The number of forbidden pairs up to symbol i of a word, given that before it. */
  #countUpTo(word: readonly number[], i: number, before: number): number {
    const { symbols, maxMoves } = this.config;
    const more = i > 0 ? this.#forbidden[word[i - 1]! * symbols + word[i]!]! : 0;
    return Math.min(before + more, maxMoves + 1);
  }

  #start(word: readonly number[]): LocalCheckState {
    let remaining = 0;
    word.forEach((_, i) => remaining = this.#countUpTo(word, i, remaining));
    return { word, moves: [], remaining, stepsLeft: this.config.maxMoves };
  }

  /** An undecided state after `count` tries at a random word of the split. */
  #sample(
    random: RandomStream,
    { split, difficulty = this.#sizes, actor }: SampleOptions<LocalCheckActor>,
    count: number,
  ): LocalCheckState {
    this.maxLengths(difficulty);
    return drawAccepted(split, () => {
      const length = drawInteger(random, difficulty);
      const word = Array.from({ length }, () => random.integer(this.config.symbols));
      if (this.splitOf(word) !== split) return;
      const state = act(random, this.#start(word), actor, count);
      return state.remaining > 0 ? state : undefined;
    }, () => {
      const bounds =
        `heldOutFraction ${this.config.heldOutFraction}, words of ${difficulty.min}..` +
        `${difficulty.max}, ${count} tries before, epsilon ${actor.epsilon}`;
      return ["undecided state", bounds];
    });
  }
}

/** The registry's entry. */
export const localCheck: EnvironmentDefinition<
  LocalCheckState,
  LocalCheckActor,
  LocalCheckConfigInput,
  LocalCheckEnvironment
> = {
  title: "forbidden adjacent pairs and their repair",
  config: localCheckConfig,
  actor: localCheckActor,
  examples: [{ epsilon: 0.3 }, { epsilon: 0.7 }],
  create: (config) => new LocalCheckEnvironment(config),
};

/** The state after one more try. */
function after(state: LocalCheckState, fixed: boolean): LocalCheckState {
  return {
    word: state.word,
    moves: [...state.moves, fixed],
    remaining: state.remaining - (fixed ? 1 : 0),
    stepsLeft: state.stepsLeft - 1,
  };
}

/** The state after the actor's next `count` tries, or fewer if nothing is left to repair. */
function act(
  random: RandomStream,
  state: LocalCheckState,
  { epsilon }: LocalCheckActor,
  count: number,
): LocalCheckState {
  checkEpsilon(epsilon);
  for (let i = 0; i < count && state.remaining > 0; i++) {
    state = after(state, random.uniform() >= epsilon);
  }
  return state;
}
