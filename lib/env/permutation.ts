/**
 * The word problem of a finite group as a puzzle.
 *
 * A scramble word of L generators takes the identity to some element. The actor then multiplies by one
 * generator per move, at most `maxMoves` times, and the episode ends with reward 1 as soon as the
 * composite of word and moves is the identity. The actor knows the element; a critic sees only the
 * symbols and has to multiply them out, which for S5 is complete for NC1 (Barrington 1989) and hence,
 * as far as is known, out of reach of a constant-depth transformer without a chain of thought.
 *
 * Prompt: `[rate] [steps left] g1..gL SEP m1..mk Q`; trace: `P1..Pn D`, one running product for each
 * of the n = L + 1 + k prompt symbols (SEP repeats the product before it), then the distance. The
 * symbol of P_i stands at position 1 + i, and P_i is predicted at position traceOffset + i - 1: a
 * constant distance.
 *
 * With `outcomeSlots` or `exampleSlots` the header goes on, after the steps left, with the outcomes of
 * the actor's latest episodes of this problem (`O0`, `O1`), then with the moves and the outcome of the
 * very latest. Unused slots are filled (`O?`, `M?`), so that the header's length stays constant.
 */
import * as z from "zod";
import { UsageError } from "../errors.ts";
import type { RandomStream } from "../numeric/random.ts";
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
import { checkDifficulty, checkEpsilon, checkOrdered, checkPromptFits } from "./checks.ts";
import { compareTrace } from "./compare_trace.ts";
import { createGroup, type FiniteGroup, groupChoices } from "./group.ts";
import { isHeldOut } from "./hash.ts";
import { parseConfig } from "../parse_config.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

const length = z.int().min(1).max(1000);
const moves = z.int().min(0).max(100);

const generator = z.union([z.int(), z.string()], {
  error: 'must be an integer such as 1, or a string such as "(01)"',
});

/** The configuration of the permutation environment. */
export const permutationConfig = z.strictObject({
  group: z.string().default("S5").describe(`The group: ${groupChoices}.`),
  generators: z.array(generator).min(1).max(16).optional()
    .describe(
      "Residues for Z<n>, else cycles, rot, rot^-1; default: +-1, else four of diameter <= 7.",
    ),
  minLength: length.default(6).describe("The fewest generators in a scramble word."),
  maxLength: length.default(10).describe("The most generators in a scramble word."),
  maxMoves: moves.min(1).default(6).describe("How many moves the actor has in an episode (T)."),
  minMovesBefore: moves.default(0).describe("The fewest moves before a sampled state."),
  maxMovesBefore: moves.default(3).describe("The most moves before a sampled state."),
  heldOutFraction: z.number().min(0).max(0.9).default(0.1)
    .describe("The fraction of scramble words, chosen by their hash, in the test split."),
  traceOffset: z.int().min(4).max(4096).default(48)
    .describe("The position id of the first token after Q; no prompt may be longer."),
  outcomeSlots: z.int().min(0).max(64).optional()
    .describe("How many of the actor's latest outcomes on the problem a prompt shows; default: 0."),
  exampleSlots: z.int().min(0).max(8).optional()
    .describe("How many of its latest episodes, moves and outcome, a prompt shows; default: 0."),
});

/** The configuration as a user writes it: every field may be left out. */
export type PermutationConfigInput = z.input<typeof permutationConfig>;
/** The configuration with all defaults, generators included. */
export type PermutationConfig = {
  readonly [K in keyof z.output<typeof permutationConfig>]-?: NonNullable<
    z.output<typeof permutationConfig>[K]
  >;
};

/** The programmatic actor. */
export const permutationActor = z.strictObject({
  epsilon: z.number().min(0).max(1).describe("The probability of a uniformly random move."),
});

/**
 * With probability 1 - epsilon the actor moves closer to the identity, each of the moves that do so
 * being equally likely; otherwise it picks any generator, each equally likely.
 */
export type PermutationActor = z.output<typeof permutationActor>;

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

/** How many draws that fail (solved, or in the other split) show that the configuration has no state. */
const MAX_ATTEMPTS = 20_000;
/** How many epsilons' tables are kept. */
const MAX_TABLES = 256;
/** Tokens of the shortest header: success rate, steps left. */
const HEADER = 2;

export class PermutationEnvironment implements Environment<PermutationState, PermutationActor> {
  readonly name = "permutation";
  readonly config: PermutationConfig;
  readonly group: FiniteGroup;
  readonly vocabulary: Vocabulary;
  readonly maxPromptLength: number;
  readonly maxTraceLength: number;
  readonly traceOffset: number;
  /** For element s, `#closerCount[s]` generators reduce the distance; they stand from s * width on. */
  readonly #closer: Uint8Array;
  readonly #closerCount: Uint8Array;
  readonly #values = new Map<number, Float64Array>();
  readonly #firstStepsLeft: number;
  readonly #firstGenerator: number;
  readonly #firstProduct: number;
  readonly #firstDistance: number;
  readonly #separator: number;
  /** Tokens before the first symbol. */
  readonly #header: number;

  /** Throws a UsageError that names the field if the configuration is not valid. */
  constructor(input: PermutationConfigInput = {}) {
    const config = parseConfig(permutationConfig, input, "environment");
    this.group = createGroup(config.group, config.generators);
    const generators = this.group.generators.map((g) => g.name);
    const { outcomeSlots = 0, exampleSlots = 0 } = config;
    this.config = { ...config, generators, outcomeSlots, exampleSlots };
    this.#header = HEADER + outcomeSlots + exampleSlots * (config.maxMoves + 1);
    checkOrdered(config, "minLength", "maxLength");
    checkOrdered(config, "minMovesBefore", "maxMovesBefore");
    checkOrdered(config, "maxMovesBefore", "maxMoves");
    this.traceOffset = config.traceOffset;
    const lengths = this.maxLengths({ min: config.minLength, max: config.maxLength });
    this.maxPromptLength = lengths.prompt;
    this.maxTraceLength = lengths.trace;

    const stepsLeft = Array.from({ length: config.maxMoves + 1 }, (_, t) => `T${t}`);
    const distances = Array.from({ length: this.group.diameter + 1 }, (_, d) => `D${d}`);
    const products = this.group.elementNames.map((name) => `=${name}`);
    this.vocabulary = createVocabulary([
      "SEP",
      ...stepsLeft,
      ...distances,
      ...generators,
      ...products,
      // Only where they are asked for, so that other configurations keep their vocabulary.
      ...(outcomeSlots + exampleSlots > 0 ? ["O?", "O0", "O1"] : []),
      ...(exampleSlots > 0 ? ["M?"] : []),
    ]);
    this.#separator = this.vocabulary.id("SEP");
    this.#firstStepsLeft = this.vocabulary.id("T0");
    this.#firstDistance = this.vocabulary.id("D0");
    this.#firstGenerator = this.vocabulary.id(generators[0]!);
    this.#firstProduct = this.vocabulary.id(products[0]!);

    const { order, distances: distance, moves } = this.group;
    const width = generators.length;
    this.#closer = new Uint8Array(order * width);
    this.#closerCount = new Uint8Array(order);
    for (let s = 0; s < order; s++) {
      let count = 0;
      for (let g = 0; g < width; g++) {
        if (distance[moves[s * width + g]!]! < distance[s]!) this.#closer[s * width + count++] = g;
      }
      this.#closerCount[s] = count;
    }
  }

  maxLengths(difficulty: IntegerRange): SequenceLengths {
    checkDifficulty(difficulty);
    const prompt = this.#promptLength(difficulty.max, this.config.maxMovesBefore);
    return { prompt, trace: prompt - this.#header };
  }

  /**
   * The state after a word and moves given by the generators' names.
   *
   * @throws UsageError for an unknown generator, a word too long for `traceOffset`, more moves than the
   *   actor has, or a move after the puzzle is solved.
   */
  state(word: readonly string[], moves: readonly string[] = []): PermutationState {
    const { maxMoves } = this.config;
    this.#promptLength(word.length, moves.length);
    if (moves.length > maxMoves) {
      throw new UsageError("moves", moves.length, `the actor has ${maxMoves} moves`);
    }
    let element = 0;
    const wordIndices = word.map((name) => this.#generator(name));
    for (const g of wordIndices) element = this.#move(element, g);
    const moveIndices = moves.map((name) => this.#generator(name));
    moveIndices.forEach((g, i) => {
      if (element === 0) {
        throw new UsageError(
          "moves",
          moves.join(" "),
          `leave out what follows move ${i}: it is solved`,
        );
      }
      element = this.#move(element, g);
    });
    return { word: wordIndices, moves: moveIndices, element, stepsLeft: maxMoves - moves.length };
  }

  /** Which split a word (generator indices) belongs to. Depends on the word alone. */
  splitOf(word: readonly number[]): Split {
    return isHeldOut(word, this.config.heldOutFraction) ? "test" : "train";
  }

  /** The same problem before the actor's first move. */
  restart({ word }: PermutationState): PermutationState {
    let element = 0;
    for (const g of word) element = this.#move(element, g);
    return { word, moves: [], element, stepsLeft: this.config.maxMoves };
  }

  initialState(
    random: RandomStream,
    options: SampleOptions<PermutationActor>,
  ): PermutationState {
    return this.#sample(random, options, 0, 0);
  }

  /** The number of moves made is uniform over `minMovesBefore..maxMovesBefore`; solved draws are redrawn. */
  sampleState(
    random: RandomStream,
    options: SampleOptions<PermutationActor>,
  ): PermutationState {
    return this.#sample(random, options, this.config.minMovesBefore, this.config.maxMovesBefore);
  }

  rollout(
    random: RandomStream,
    state: PermutationState,
    actor: PermutationActor,
  ): Outcome<PermutationState> {
    checkEpsilon(actor.epsilon);
    const moves = [...state.moves];
    let { element, stepsLeft } = state;
    while (element !== 0 && stepsLeft > 0) {
      const g = this.#act(random, element, actor.epsilon);
      element = this.#move(element, g);
      moves.push(g);
      stepsLeft--;
    }
    return {
      reward: element === 0 ? 1 : 0,
      state: { word: state.word, moves, element, stepsLeft },
    };
  }

  exactValue(state: PermutationState, actor: PermutationActor): number {
    return this.#valueTable(actor.epsilon)[state.stepsLeft * this.group.order + state.element]!;
  }

  progress(state: PermutationState): number {
    return state.moves.length / this.config.maxMoves;
  }

  criticPrompt(state: PermutationState, context: CriticContext<PermutationState>): number[] {
    const first = this.#firstGenerator;
    const tokens = [
      this.vocabulary.rateToken(context.successRate),
      this.#firstStepsLeft + state.stepsLeft,
      ...this.#episodeTokens(context.episodes ?? []),
    ];
    for (const g of state.word) tokens.push(first + g);
    tokens.push(this.#separator);
    for (const g of state.moves) tokens.push(first + g);
    tokens.push(this.vocabulary.query);
    return tokens;
  }

  reasoningTrace(state: PermutationState): number[] {
    const first = this.#firstProduct;
    const tokens: number[] = [];
    let element = 0;
    for (const g of state.word) tokens.push(first + (element = this.#move(element, g)));
    tokens.push(first + element);
    for (const g of state.moves) tokens.push(first + (element = this.#move(element, g)));
    tokens.push(this.#firstDistance + this.group.distances[element]!);
    return tokens;
  }

  /** P_i at its symbol, D at Q, -1 at the header. */
  promptLabels(state: PermutationState): number[] {
    return [...new Array<number>(this.#header).fill(-1), ...this.reasoningTrace(state)];
  }

  describe(state: PermutationState): string {
    const { group, config } = this;
    const names = (word: readonly number[]) =>
      word.length === 0 ? "none" : word.map((g) => group.generators[g]!.name).join(" ");
    return [
      `group       ${group.name}, ${group.order} elements, identity ${group.elementNames[0]}`,
      `scramble    ${names(state.word)}`,
      `moves       ${names(state.moves)}`,
      `element     ${group.elementNames[state.element]}`,
      `distance    ${group.distances[state.element]} of at most ${group.diameter}`,
      `steps left  ${state.stepsLeft} of ${config.maxMoves}`,
    ].join("\n");
  }

  describeTrace(state: PermutationState, trace: ArrayLike<number>): string {
    const { names } = this.vocabulary;
    const symbols = this.criticPrompt(state, {}).slice(this.#header, -1)
      .map((token) => names[token]!);
    return compareTrace(names, [...symbols, "distance"], trace, this.reasoningTrace(state));
  }

  /** Header, word, SEP, moves, Q. */
  #promptLength(word: number, moves: number): number {
    const prompt = this.#header + word + 1 + moves + 1;
    checkPromptFits(prompt, this.traceOffset, `words of ${word} generators`);
    return prompt;
  }

  /** The outcomes of the latest episodes, then moves and outcome of the very latest; slots without one come first. */
  #episodeTokens(episodes: readonly Outcome<PermutationState>[]): number[] {
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
        tokens.push(g === undefined ? this.vocabulary.id("M?") : this.#firstGenerator + g);
      }
      tokens.push(outcome(episode));
    }
    return tokens;
  }

  #sample(
    random: RandomStream,
    options: SampleOptions<PermutationActor>,
    minMoves: number,
    maxMoves: number,
  ): PermutationState {
    const { epsilon } = options.actor;
    checkEpsilon(epsilon);
    const width = this.group.generators.length;
    const { minLength, maxLength, heldOutFraction } = this.config;
    const { min, max } = options.difficulty ?? { min: minLength, max: maxLength };
    if (options.difficulty !== undefined) this.maxLengths(options.difficulty);
    const count = minMoves + random.integer(maxMoves - minMoves + 1);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const word = new Array<number>(min + random.integer(max - min + 1));
      let element = 0;
      for (let i = 0; i < word.length; i++) {
        const g = random.integer(width);
        word[i] = g;
        element = this.#move(element, g);
      }
      if (this.splitOf(word) !== options.split) continue;
      const moves: number[] = [];
      while (element !== 0 && moves.length < count) {
        const g = this.#act(random, element, epsilon);
        element = this.#move(element, g);
        moves.push(g);
      }
      if (element === 0) continue;
      return { word, moves, element, stepsLeft: this.config.maxMoves - count };
    }
    throw new UsageError(
      "split",
      options.split,
      `found no unsolved state in ${MAX_ATTEMPTS} draws (heldOutFraction ${heldOutFraction}, words of ` +
        `${min}..${max}, ${count} moves before, epsilon ${epsilon}); relax one of them`,
    );
  }

  #act(random: RandomStream, element: number, epsilon: number): number {
    const width = this.group.generators.length;
    if (random.uniform() < 1 - epsilon) {
      return this.#closer[element * width + random.integer(this.#closerCount[element]!)]!;
    }
    return random.integer(width);
  }

  #move(element: number, generator: number): number {
    return this.group.moves[element * this.group.generators.length + generator]!;
  }

  #generator(name: string): number {
    const index = this.group.generators.findIndex((g) => g.name === name);
    if (index < 0) {
      const choices = this.group.generators.map((g) => g.name).join(", ");
      throw new UsageError("generator", name, `choose from ${choices}`);
    }
    return index;
  }

  /** V(s, t) at [t * order + s] for t = 0..maxMoves steps left, by dynamic programming over t. */
  #valueTable(epsilon: number): Float64Array {
    const known = this.#values.get(epsilon);
    if (known !== undefined) return known;
    checkEpsilon(epsilon);
    const { order, generators, moves } = this.group;
    const width = generators.length;
    const table = new Float64Array((this.config.maxMoves + 1) * order);
    table[0] = 1;
    for (let t = 1; t <= this.config.maxMoves; t++) {
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

/** The registry's entry. */
export const permutation: EnvironmentDefinition<
  PermutationState,
  PermutationActor,
  PermutationConfigInput,
  PermutationEnvironment
> = {
  title: "the word problem of a finite group as a puzzle",
  config: permutationConfig,
  actor: permutationActor,
  create: (config) => new PermutationEnvironment(config),
};
