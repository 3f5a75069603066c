import * as z from "zod";
import { UsageError } from "../errors.ts";
import type { RandomStream } from "../numeric/random.ts";
import { parseConfig } from "../parse_config.ts";
import {
  type CriticContext,
  type EnvironmentDefinition,
  type IntegerRange,
  type Outcome,
  positionId,
  type ProblemOptions,
  type SampleOptions,
  type SequenceLengths,
  type Split,
} from "./environment.ts";
import {
  createGroup,
  type FiniteGroup,
  generatorsField,
  groupChoices,
  indexOfName,
} from "./group.ts";
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
import type { TaskEnvironment } from "./task.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { WordTable, type WordTeacher, wordTeacher } from "./word_evaluation_teacher.ts";
import {
  promptLength,
  runningProducts,
  wordEnd,
  WordEvaluationText,
  type WordState,
} from "./word_evaluation_text.ts";
import { successProbability } from "./word_evaluation_value.ts";

export type { WordState } from "./word_evaluation_text.ts";

const length = z.int().min(1).max(1000);

/** The configuration of word evaluation. */
export const wordEvaluationConfig = z.strictObject({
  group: z.string().default("A5").describe(`The group: ${groupChoices}.`),
  generators: generatorsField,
  minLength: length.default(16).describe("The fewest generators in a word."),
  maxLength: length.default(16).describe("The most generators in a word."),
  heldOutFraction: heldOutFraction("words"),
  traceOffset: traceOffset(6, 72),
});

/** The configuration as a user writes it: every field may be left out. */
export type WordEvaluationConfigInput = z.input<typeof wordEvaluationConfig>;
/** The configuration with all defaults, generators included. */
export type WordEvaluationConfig = z.output<typeof wordEvaluationConfig> & {
  readonly generators: readonly (string | number)[];
};

/** How many teachers' tables are kept. */
const MAX_TABLES = 16;

/** Makes no mistake. */
const expert: WordTeacher = wordTeacher.parse({ hardFraction: 0 });

/**
 * The word problem of a finite group as a reasoning task.
 *
 * A problem is a word of n generators. The actor writes its n running products, one element a step, and gets reward 1 if
 * the last one is right. Its policy is local: look up the product of the element it wrote last and the next generator.
 * Nothing masks an error: it goes on to the end unless a later one undoes it. The value of a prefix is whether the last
 * product is right, times what the entries that the rest of the word will look up are worth to this actor. To know these
 * one has to multiply out the word, which for A5 is complete for NC1 (Barrington 1989) and hence, as far as is known, out of
 * reach of a constant-depth transformer without a chain of thought.
 *
 * With the defaults the teacher's success rate is about 0.04, and where its most probable product is wrong only credit for
 * the entry itself helps: `word_evaluation_teacher.ts`. `word_evaluation_text.ts` has the layout of prompt and trace,
 * `word_evaluation_value.ts` the exact values, `lib/actor/word_values.ts` those of neural actors.
 */
export class WordEvaluationEnvironment
  implements TaskEnvironment<WordState, WordTeacher, WordTeacher> {
  readonly name = "word-evaluation";
  readonly teacher = wordTeacher;
  readonly expert = expert;
  readonly expertTeacher = expert;
  readonly config: WordEvaluationConfig;
  readonly group: FiniteGroup;
  readonly vocabulary: Vocabulary;
  readonly traceOffset: number;
  /** By element: the token that writes it. */
  readonly actionTokens: readonly number[];
  readonly maxActorLength: number;
  readonly #sizes: IntegerRange;
  readonly #text: WordEvaluationText;
  readonly #tables = new Map<string, WordTable>();

  /** Throws a UsageError that names the field if the configuration is not valid. */
  constructor(input: WordEvaluationConfigInput = {}) {
    const config = parseConfig(wordEvaluationConfig, input, "environment");
    const { minLength, maxLength, traceOffset } = config;
    this.group = createGroup(config.group, config.generators);
    this.config = { ...config, generators: this.group.generators.map(({ name }) => name) };
    checkOrdered(config, "minLength", "maxLength");
    this.traceOffset = traceOffset;
    this.#sizes = { min: minLength, max: maxLength };
    this.maxLengths();
    this.#text = new WordEvaluationText(this.group, maxLength);
    this.vocabulary = this.#text.vocabulary;
    this.actionTokens = this.#text.writtenTokens;
    this.maxActorLength = wordEnd(maxLength) + 1 + maxLength;
  }

  /** Difficulty is the number of generators. */
  maxLengths(difficulty = this.#sizes): SequenceLengths {
    checkDifficulty(difficulty);
    const n = difficulty.max, prompt = promptLength(n);
    checkPromptFits(prompt, this.traceOffset, `words of ${n} generators`);
    return { prompt, trace: 2 * n + 2 };
  }

  /**
   * The state of a word of which the first products are written.
   *
   * @param word The generators' names.
   * @param written The elements' names (`FiniteGroup.elementNames`).
   * @throws UsageError for an unknown generator or element, more products than generators, or a word too long for
   *   `traceOffset`.
   */
  state(word: readonly string[], written: readonly string[] = []): WordState {
    this.maxLengths({ min: word.length, max: word.length });
    if (written.length > word.length) {
      throw new UsageError("written", written.length, `there are ${word.length} generators`);
    }
    const { elementNames, generators } = this.group;
    return {
      word: word.map((name) => indexOfName(generators.map((g) => g.name), name, "word")),
      written: written.map((name) => indexOfName(elementNames, name, "written")),
    };
  }

  /** Which split a word (generator indices) belongs to. Depends on the word alone. */
  splitOf(word: readonly number[]): Split {
    return splitOf(word, this.config.heldOutFraction);
  }

  /** A uniformly random word of the split. */
  problem(random: RandomStream, { split, difficulty = this.#sizes }: ProblemOptions): WordState {
    this.maxLengths(difficulty);
    return drawAccepted(split, () => {
      const length = drawInteger(random, difficulty);
      const word = Array.from({ length }, () => random.integer(this.group.generators.length));
      return this.splitOf(word) === split ? { word, written: [] } : undefined;
    }, () => {
      const { heldOutFraction } = this.config, { min, max } = difficulty;
      return ["word", `heldOutFraction ${heldOutFraction}, ${min}..${max} generators`];
    });
  }

  initialState(random: RandomStream, options: SampleOptions<WordTeacher>): WordState {
    return this.problem(random, options);
  }

  /** The number of products written is uniform over 0..n-1. */
  sampleState(random: RandomStream, options: SampleOptions<WordTeacher>): WordState {
    const { word } = this.problem(random, options), count = random.integer(word.length);
    return { word, written: this.#table(options.actor, "actor").complete(random, word, [], count) };
  }

  rollout(
    random: RandomStream,
    { word, written }: WordState,
    actor: WordTeacher,
  ): Outcome<WordState> {
    const state = { word, written: this.#table(actor, "actor").complete(random, word, written) };
    return { reward: this.verify(state), state };
  }

  stepsLeft({ word, written }: WordState): number {
    return word.length - written.length;
  }

  responseSubject(index: number): string {
    return `product ${index + 1}`;
  }

  /** The state after the next product is written. Throws a RangeError if there is none, or no such element. */
  act(state: WordState, token: number): WordState {
    if (this.stepsLeft(state) === 0) throw new RangeError("act: every product is written");
    const element = this.actionTokens.indexOf(token);
    if (element < 0) throw new RangeError(`token: ${token}: it writes no element`);
    return { word: state.word, written: [...state.written, element] };
  }

  /** Whether the last product is right. Throws a RangeError if it is not written yet. */
  verify(state: WordState): 0 | 1 {
    if (this.stepsLeft(state) > 0) throw new RangeError("verify: the last product is not written");
    return state.written.at(-1) === runningProducts(this.group, state.word).at(-1) ? 1 : 0;
  }

  demonstration(random: RandomStream, state: WordState, teacher: WordTeacher): number[] {
    const { word, written } = state;
    return this.#table(teacher, "teacher").complete(random, word, written).slice(written.length)
      .map((element) => this.actionTokens[element]!);
  }

  /** The products are those that the teacher writes from the word's beginning, right or wrong; the rest follows from them. */
  teacherTrace(random: RandomStream, state: WordState, teacher: WordTeacher): number[] {
    return this.#text.trace(
      state,
      this.#table(teacher, "teacher").complete(random, state.word, []),
    );
  }

  /** The critic's prompt at the start of the episode with TH in the place of SEP, then the products written so far. */
  actorPrompt(
    { word, written }: WordState,
    { successRate }: CriticContext<WordState> = {},
  ): number[] {
    return [
      ...this.#text.prompt({ word, written: [] }, successRate).slice(0, wordEnd(word.length)),
      this.vocabulary.think,
      ...written.map((element) => this.actionTokens[element]!),
    ];
  }

  /** TH stands at traceOffset: a product is predicted at a constant distance from its generator. */
  actorPosition(index: number, { word }: WordState): number {
    return positionId(index, wordEnd(word.length), this.traceOffset);
  }

  exactValue(state: WordState, actor: WordTeacher): number {
    return successProbability(this.#table(actor, "actor"), state);
  }

  progress({ word, written }: WordState): number {
    return written.length / word.length;
  }

  criticPrompt(state: WordState, { successRate }: CriticContext<WordState>): number[] {
    return this.#text.prompt(state, successRate);
  }

  reasoningTrace(state: WordState): number[] {
    return this.#text.trace(state, runningProducts(this.group, state.word));
  }

  promptLabels(state: WordState): number[] {
    return this.#text.labels(this.reasoningTrace(state));
  }

  traceSubjects(state: WordState): string[] {
    return this.#text.subjects(state);
  }

  describe(state: WordState): string {
    return this.#text.describe(state);
  }

  /** The table of an actor or teacher. Throws a UsageError that names `field` if it is not valid. */
  #table(teacher: WordTeacher, field: "actor" | "teacher"): WordTable {
    const key = JSON.stringify(teacher);
    let table = this.#tables.get(key);
    if (!table) {
      table = new WordTable(this.group, parseConfig(wordTeacher, teacher, field));
      if (this.#tables.size >= MAX_TABLES) this.#tables.clear();
      this.#tables.set(key, table);
    }
    return table;
  }
}

/** The registry's entry. */
export const wordEvaluation: EnvironmentDefinition<
  WordState,
  WordTeacher,
  WordEvaluationConfigInput,
  WordEvaluationEnvironment
> = {
  title: "the word problem of a finite group as a reasoning task",
  config: wordEvaluationConfig,
  actor: wordTeacher,
  examples: [
    wordTeacher.parse({ hardFraction: 0.25 }),
    wordTeacher.parse({ epsilon: 0.02, hardFraction: 0.1 }),
  ],
  create: (config) => new WordEvaluationEnvironment(config),
};
