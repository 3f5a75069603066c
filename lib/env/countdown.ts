import * as z from "zod";
import { UsageError } from "../errors.ts";
import type { RandomStream } from "../numeric/random.ts";
import { parseConfig } from "../parse_config.ts";
import { chainText, parseMoves, problemText, writtenText } from "./countdown_prose.ts";
import { CountdownSearch, type CountdownState, MAX_NUMBERS, replay } from "./countdown_rules.ts";
import { CountdownText, numbersEnd, promptLength, traceLength } from "./countdown_text.ts";
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
import { criticPromptOf, type TextTask } from "./text_task.ts";
import type { Vocabulary } from "./vocabulary.ts";

export type { CountdownState } from "./countdown_rules.ts";

const size = z.int().min(3).max(MAX_NUMBERS);

/** The configuration of Countdown. */
export const countdownConfig = z.strictObject({
  minNumbers: size.default(4).describe("The fewest numbers of a puzzle."),
  maxNumbers: size.default(4).describe("The most numbers of a puzzle."),
  largest: z.int().min(4).max(99).default(12).describe("The largest number of a puzzle."),
  minTarget: z.int().min(0).max(999).default(10).describe("The smallest target."),
  limit: z.int().min(20).max(999).default(99)
    .describe("The largest target, and the largest result that a step may have."),
  heldOutFraction: heldOutFraction("puzzles"),
  traceOffset: traceOffset(14, 24),
});

/** The configuration as a user writes it: every field may be left out. */
export type CountdownConfigInput = z.input<typeof countdownConfig>;
/** The configuration with all defaults. */
export type CountdownConfig = z.output<typeof countdownConfig>;

/** The programmatic actor, and the teacher. */
export const countdownActor = z.strictObject({
  epsilon: z.number().min(0).max(1).describe("The probability of a random legal move."),
});

/**
 * With probability 1 - epsilon the actor makes a move after which the target can still be reached, each such move (or each legal
 * one, if there is none) being equally likely; otherwise a legal move, each equally likely.
 */
export type CountdownActor = z.output<typeof countdownActor>;

/**
 * Countdown: reach a target with all of some numbers. Each of the n - 1 moves takes two of the numbers that are left and puts their
 * sum, difference, product or quotient in their place; no result may be negative, broken or above the limit. Reward 1 if
 * the last number is the target. Puzzles are drawn by random play, so each has a solution. (As in TinyZero and
 * reasoning-gym, where a response is an expression; there numbers may be left out.)
 *
 * To verify is easy, to find a way takes search, and the value is the share of ways that are left: from the whole tree of the
 * game, which has some thousand leaves for four numbers. A chain of thought that names a way has been found by search: it tells
 * more than its writer could have worked out in as many tokens. With the defaults and epsilon 0.3 (mean value 0.51, variance
 * 0.08), the best function of the trace's last token and the moves left has r2 0.99.
 */
export class CountdownEnvironment
  implements TextTask<CountdownState, CountdownActor, CountdownActor> {
  readonly name = "countdown";
  readonly teacher = countdownActor;
  readonly expert: CountdownActor = { epsilon: 0 };
  readonly expertTeacher: CountdownActor = this.expert;
  readonly responseStop = "\n";
  readonly config: CountdownConfig;
  readonly vocabulary: Vocabulary;
  readonly traceOffset: number;
  /** By move (`MOVES`): the token that writes it. */
  readonly actionTokens: readonly number[];
  readonly maxActorLength: number;
  readonly #sizes: IntegerRange;
  readonly #text: CountdownText;

  /** Throws a UsageError that names the field if the configuration is not valid. */
  constructor(input: CountdownConfigInput = {}) {
    this.config = parseConfig(countdownConfig, input, "environment");
    const { minNumbers, maxNumbers, limit, traceOffset } = this.config;
    checkOrdered(this.config, "minNumbers", "maxNumbers");
    checkOrdered(this.config, "minTarget", "limit");
    checkOrdered(this.config, "largest", "limit");
    this.traceOffset = traceOffset;
    this.#sizes = { min: minNumbers, max: maxNumbers };
    this.maxLengths();
    this.#text = new CountdownText(limit);
    this.vocabulary = this.#text.vocabulary;
    this.actionTokens = this.#text.moveTokens;
    this.maxActorLength = numbersEnd(maxNumbers) + 1 + maxNumbers - 1;
  }

  /** Difficulty is how many numbers there are, 3 to 5. */
  maxLengths(difficulty = this.#sizes): SequenceLengths {
    checkDifficulty(difficulty, 3);
    const { max } = difficulty;
    if (max > MAX_NUMBERS) {
      throw new UsageError(
        "difficulty",
        max,
        `no puzzle may have more than ${MAX_NUMBERS} numbers`,
      );
    }
    const prompt = promptLength(max);
    checkPromptFits(prompt, this.traceOffset, `puzzles of ${max} numbers`);
    return { prompt, trace: traceLength(max) };
  }

  /**
   * The state of a puzzle, solvable or not.
   *
   * @param numbers In any order.
   * @param steps As an actor writes them, e.g. `8*3=24 24+1=25`.
   * @throws UsageError for a number or target outside of 0..limit, steps that cannot be made, too many or too few numbers.
   */
  state(numbers: readonly number[], target: number, steps = ""): CountdownState {
    this.maxLengths({ min: numbers.length, max: numbers.length });
    const { limit } = this.config;
    for (const [field, value] of [["target", target], ...numbers.map((n) => ["numbers", n])]) {
      if (!Number.isInteger(value) || Number(value) < 0 || Number(value) > limit) {
        throw new UsageError(`${field}`, value, `must be an integer in 0..${limit}`);
      }
    }
    const puzzle = { numbers: [...numbers].sort((a, b) => b - a), target, moves: [] };
    const state = this.parseResponse(puzzle, steps);
    if (!state) throw new UsageError("steps", steps, `they cannot be made of ${numbers.join(" ")}`);
    return state;
  }

  /** Which split a puzzle belongs to. Depends on numbers and target alone. */
  splitOf({ numbers, target }: Pick<CountdownState, "numbers" | "target">): Split {
    return splitOf([target, ...numbers], this.config.heldOutFraction);
  }

  /** Uniformly random numbers, and a target to which random legal moves have led. */
  problem(random: RandomStream, options: ProblemOptions): CountdownState {
    const { split, difficulty = this.#sizes } = options;
    this.maxLengths(difficulty);
    const { largest, minTarget, limit, heldOutFraction } = this.config;
    return drawAccepted(split, () => {
      const count = drawInteger(random, difficulty);
      const numbers = Array.from({ length: count }, () => 1 + random.integer(largest))
        .sort((a, b) => b - a);
      const start = { numbers, target: 0, moves: [] };
      const end = new CountdownSearch(0, limit).play(random, start, 1, count - 1);
      const target = replay(end, limit).numbers![0]!;
      const state = { numbers, target, moves: [] };
      return target >= minTarget && this.splitOf(state) === split ? state : undefined;
    }, () => {
      const { min, max } = difficulty;
      const bounds =
        `heldOutFraction ${heldOutFraction}, ${min}..${max} numbers, minTarget ${minTarget}`;
      return ["puzzle", bounds];
    });
  }

  initialState(random: RandomStream, options: SampleOptions<CountdownActor>): CountdownState {
    return this.problem(random, options);
  }

  /** The number of moves made is uniform over 0..n-2. The target may be out of reach already. */
  sampleState(random: RandomStream, options: SampleOptions<CountdownActor>): CountdownState {
    const start = this.problem(random, options);
    return this.#play(random, start, options.actor, random.integer(start.numbers.length - 1));
  }

  rollout(
    random: RandomStream,
    state: CountdownState,
    actor: CountdownActor,
  ): Outcome<CountdownState> {
    const end = this.#play(random, state, actor);
    return { reward: this.verify(end), state: end };
  }

  stepsLeft({ numbers, moves }: CountdownState): number {
    return numbers.length - 1 - moves.length;
  }

  responseSubject(index: number): string {
    return `move ${index + 1}`;
  }

  /**
   * The state after one more move. One that is not legal loses the puzzle; the response goes on. Throws a RangeError if it is no
   * move, or the last one is made.
   */
  act(state: CountdownState, token: number): CountdownState {
    if (this.stepsLeft(state) === 0) throw new RangeError("act: every move is made");
    const move = this.actionTokens.indexOf(token);
    if (move < 0) throw new RangeError(`token: ${token}: it is no move`);
    return { ...state, moves: [...state.moves, move] };
  }

  /** Whether the target is reached. Throws a RangeError if a move is left. */
  verify(state: CountdownState): 0 | 1 {
    if (this.stepsLeft(state) > 0) throw new RangeError("verify: a move is left");
    return replay(state, this.config.limit).numbers?.[0] === state.target ? 1 : 0;
  }

  demonstration(random: RandomStream, state: CountdownState, teacher: CountdownActor): number[] {
    return this.#play(random, state, teacher).moves.slice(state.moves.length)
      .map((move) => this.actionTokens[move]!);
  }

  /** The trace needs only the rules. */
  teacherTrace(_random: RandomStream, state: CountdownState): number[] {
    return this.reasoningTrace(state);
  }

  /** The critic's prompt at the start of the episode with TH in the place of SEP, then the moves made so far. */
  actorPrompt(
    state: CountdownState,
    { successRate }: CriticContext<CountdownState> = {},
  ): number[] {
    const prompt = this.#text.prompt({ ...state, moves: [] }, successRate);
    return [
      ...prompt.slice(0, numbersEnd(state.numbers.length)),
      this.vocabulary.think,
      ...state.moves.map((move) => this.actionTokens[move]!),
    ];
  }

  /** What follows the numbers starts at traceOffset, however many there are. */
  actorPosition(index: number, { numbers }: CountdownState): number {
    return positionId(index, numbersEnd(numbers.length), this.traceOffset);
  }

  exactValue(state: CountdownState, { epsilon }: CountdownActor): number {
    checkEpsilon(epsilon);
    const { numbers } = replay(state, this.config.limit);
    return numbers ? this.#search(state).value(numbers, epsilon) : 0;
  }

  progress({ numbers, moves }: CountdownState): number {
    return moves.length / (numbers.length - 1);
  }

  criticPrompt(state: CountdownState, { successRate }: CriticContext<CountdownState>): number[] {
    return this.#text.prompt(state, successRate);
  }

  reasoningTrace(state: CountdownState): number[] {
    return this.#text.trace(state);
  }

  promptLabels(state: CountdownState): number[] {
    return this.#text.labels(state);
  }

  traceSubjects(state: CountdownState): string[] {
    return this.#text.subjects(state);
  }

  describe(state: CountdownState): string {
    return this.#text.describe(state);
  }

  actorPromptText(state: CountdownState): string {
    return problemText(state);
  }

  responseText(state: CountdownState): string {
    return writtenText(state, this.config.limit);
  }

  parseResponse(problem: CountdownState, text: string): CountdownState | undefined {
    const moves = parseMoves(problem, text, this.config.limit);
    return moves && { ...problem, moves };
  }

  criticPromptText(state: CountdownState, context: CriticContext<CountdownState> = {}): string {
    return criticPromptOf(problemText(state) + this.responseText(state), context);
  }

  traceText(state: CountdownState, context: CriticContext<CountdownState> = {}): string {
    return chainText(state, this.config.limit, context);
  }

  /** Whether the target is in reach (0 or 1), the share of legal moves that keep it there, and the moves left. */
  features(state: CountdownState): number[] {
    const { numbers } = replay(state, this.config.limit), left = this.stepsLeft(state);
    const search = this.#search(state);
    if (!numbers || !search.canReach(numbers)) return [0, 0, left];
    const share = left === 0 ? 1 : search.good(numbers).length / search.options(numbers).length;
    return [1, share, left];
  }

  #search({ target }: CountdownState): CountdownSearch {
    return new CountdownSearch(target, this.config.limit);
  }

  /** The actor moves until there are `count` moves; default: all. */
  #play(
    random: RandomStream,
    state: CountdownState,
    { epsilon }: CountdownActor,
    count = state.numbers.length - 1,
  ): CountdownState {
    checkEpsilon(epsilon);
    return this.#search(state).play(random, state, epsilon, count);
  }
}

/** The registry's entry. */
export const countdown: EnvironmentDefinition<
  CountdownState,
  CountdownActor,
  CountdownConfigInput,
  CountdownEnvironment
> = {
  title: "reach a target with four numbers, in words too",
  config: countdownConfig,
  actor: countdownActor,
  examples: [{ epsilon: 0.5 }, { epsilon: 0.1 }],
  create: (config) => new CountdownEnvironment(config),
};
