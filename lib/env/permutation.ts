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
  createGroup,
  type FiniteGroup,
  generatorsField,
  groupChoices,
  indexOfName,
} from "./group.ts";
import { type PermutationState, PermutationText } from "./permutation_text.ts";
import {
  checkActor,
  type PermutationActor,
  permutationActor,
  PermutationPolicy,
} from "./permutation_value.ts";
import {
  checkDifficulty,
  checkOrdered,
  checkPromptFits,
  drawAccepted,
  drawInteger,
  heldOutFraction,
  splitOf,
  traceOffset,
} from "./problems.ts";
import type { Vocabulary } from "./vocabulary.ts";

export type { PermutationState } from "./permutation_text.ts";
export { type PermutationActor, permutationActor } from "./permutation_value.ts";

const length = z.int().min(1).max(1000);
const moves = z.int().min(0).max(100);

/** The configuration of the permutation environment. */
export const permutationConfig = z.strictObject({
  group: z.string().default("S5").describe(`The group: ${groupChoices}.`),
  generators: generatorsField,
  minLength: length.default(6).describe("The fewest generators in a scramble word."),
  maxLength: length.default(10).describe("The most generators in a scramble word."),
  maxMoves: moves.min(1).default(6).describe("How many moves the actor has in an episode (T)."),
  minMovesBefore: moves.default(0).describe("The fewest moves before a sampled state."),
  maxMovesBefore: moves.default(3).describe("The most moves before a sampled state."),
  heldOutFraction: heldOutFraction("scramble words"),
  traceOffset: traceOffset(4, 48),
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

/**
 * The word problem of a finite group as a puzzle.
 *
 * A scramble word of L generators takes the identity to some element. The actor then multiplies by one generator per
 * move, at most `maxMoves` times, and the episode ends with reward 1 as soon as the composite of word and moves is the
 * identity. The actor knows the element; a critic sees only the symbols and has to multiply them out, which for S5 is
 * complete for NC1 (Barrington 1989) and hence, as far as is known, out of reach of a constant-depth transformer without
 * a chain of thought.
 *
 * `permutation_text.ts` has the layout of prompt and trace, `permutation_value.ts` the actor and its values, `group.ts`
 * the groups.
 */
export class PermutationEnvironment implements Environment<PermutationState, PermutationActor> {
  readonly name = "permutation";
  readonly config: PermutationConfig;
  readonly group: FiniteGroup;
  readonly vocabulary: Vocabulary;
  readonly traceOffset: number;
  readonly #sizes: IntegerRange;
  readonly #text: PermutationText;
  readonly #policy: PermutationPolicy;

  /** Throws a UsageError that names the field if the configuration is not valid. */
  constructor(input: PermutationConfigInput = {}) {
    const config = parseConfig(permutationConfig, input, "environment");
    this.group = createGroup(config.group, config.generators);
    const generators = this.group.generators.map((g) => g.name);
    const { outcomeSlots = 0, exampleSlots = 0 } = config;
    this.config = { ...config, generators, outcomeSlots, exampleSlots };
    checkOrdered(config, "minLength", "maxLength");
    checkOrdered(config, "minMovesBefore", "maxMovesBefore");
    checkOrdered(config, "maxMovesBefore", "maxMoves");
    this.traceOffset = config.traceOffset;
    this.#sizes = { min: config.minLength, max: config.maxLength };
    this.#text = new PermutationText(this.group, this.config);
    this.#policy = new PermutationPolicy(this.group, config.maxMoves);
    this.vocabulary = this.#text.vocabulary;
    this.maxLengths();
  }

  maxLengths(difficulty = this.#sizes): SequenceLengths {
    checkDifficulty(difficulty);
    const prompt = this.#promptLength(difficulty.max, this.config.maxMovesBefore);
    return { prompt, trace: prompt - this.#text.header };
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
    const generators = this.group.generators.map((g) => g.name);
    const wordIndices = word.map((name) => indexOfName(generators, name, "generator"));
    const moveIndices = moves.map((name) => indexOfName(generators, name, "generator"));
    let state = this.#start(wordIndices);
    moveIndices.forEach((g, i) => {
      if (state.element === 0) {
        const remedy = `leave out what follows move ${i}: it is solved`;
        throw new UsageError("moves", moves.join(" "), remedy);
      }
      state = this.#after(state, g);
    });
    return state;
  }

  /** Which split a word (generator indices) belongs to. Depends on the word alone. */
  splitOf(word: readonly number[]): Split {
    return splitOf(word, this.config.heldOutFraction);
  }

  /** The same problem before the actor's first move. */
  restart({ word }: PermutationState): PermutationState {
    return this.#start(word);
  }

  initialState(
    random: RandomStream,
    options: SampleOptions<PermutationActor>,
  ): PermutationState {
    return this.#sample(random, options, { min: 0, max: 0 });
  }

  /** The number of moves made is uniform over `minMovesBefore..maxMovesBefore`; solved draws are redrawn. */
  sampleState(
    random: RandomStream,
    options: SampleOptions<PermutationActor>,
  ): PermutationState {
    const { minMovesBefore: min, maxMovesBefore: max } = this.config;
    return this.#sample(random, options, { min, max });
  }

  rollout(
    random: RandomStream,
    state: PermutationState,
    actor: PermutationActor,
  ): Outcome<PermutationState> {
    const end = this.#act(random, state, actor, state.stepsLeft);
    return { reward: end.element === 0 ? 1 : 0, state: end };
  }

  exactValue(
    { element, stepsLeft }: PermutationState,
    actor: PermutationActor,
  ): number {
    return this.#policy.value(element, stepsLeft, actor);
  }

  progress(state: PermutationState): number {
    return state.moves.length / this.config.maxMoves;
  }

  criticPrompt(state: PermutationState, context: CriticContext<PermutationState>): number[] {
    return this.#text.prompt(state, context);
  }

  reasoningTrace(state: PermutationState): number[] {
    return this.#text.trace(state);
  }

  promptLabels(state: PermutationState): number[] {
    return this.#text.labels(state);
  }

  traceSubjects(state: PermutationState): string[] {
    return this.#text.subjects(state);
  }

  describe(state: PermutationState): string {
    return this.#text.describe(state);
  }

  /** The length of a prompt. Throws a UsageError if it does not fit. */
  #promptLength(word: number, moves: number): number {
    const prompt = this.#text.promptLength(word, moves);
    checkPromptFits(prompt, this.traceOffset, `words of ${word} generators`);
    return prompt;
  }

  /** Before the first move. */
  #start(word: readonly number[]): PermutationState {
    const element = word.reduce((from, g) => this.#move(from, g), 0);
    return { word, moves: [], element, stepsLeft: this.config.maxMoves };
  }

  /** After one more move. */
  #after({ word, moves, element, stepsLeft }: PermutationState, g: number): PermutationState {
    return {
      word,
      moves: [...moves, g],
      element: this.#move(element, g),
      stepsLeft: stepsLeft - 1,
    };
  }

  /** After the actor's next `count` moves, or fewer if the puzzle is solved. */
  #act(
    random: RandomStream,
    state: PermutationState,
    actor: PermutationActor,
    count: number,
  ): PermutationState {
    checkActor(actor);
    for (let i = 0; i < count && state.element !== 0; i++) {
      state = this.#after(state, this.#policy.draw(random, state.element, actor));
    }
    return state;
  }

  /** An unsolved state after so many moves, of a random word of the split. */
  #sample(
    random: RandomStream,
    { split, difficulty = this.#sizes, actor }: SampleOptions<PermutationActor>,
    moves: IntegerRange,
  ): PermutationState {
    this.maxLengths(difficulty);
    // Drawn for initial states too, whose range is 0..0: the stream's place is part of what seeds give.
    const count = drawInteger(random, moves);
    const width = this.group.generators.length;
    return drawAccepted(split, () => {
      const length = drawInteger(random, difficulty);
      const word = Array.from({ length }, () => random.integer(width));
      if (this.splitOf(word) !== split) return;
      const state = this.#act(random, this.#start(word), actor, count);
      return state.element === 0 ? undefined : state;
    }, () => {
      const bounds =
        `heldOutFraction ${this.config.heldOutFraction}, words of ${difficulty.min}..` +
        `${difficulty.max}, ${count} moves before, epsilon ${actor.epsilon}`;
      return ["unsolved state", bounds];
    });
  }

  /** The product of an element and a generator. */
  #move(element: number, generator: number): number {
    return this.group.moves[element * this.group.generators.length + generator]!;
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
  examples: [{ epsilon: 0.3 }, { epsilon: 0.7 }],
  create: (config) => new PermutationEnvironment(config),
};
