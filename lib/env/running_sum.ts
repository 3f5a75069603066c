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
import { chainText, parseSteps, problemText, writtenText } from "./running_sum_prose.ts";
import {
  complete,
  rightResults,
  type RunningSumState,
  successProbability,
} from "./running_sum_rules.ts";
import { promptLength, RunningSumText, sumEnd } from "./running_sum_text.ts";
import { criticPromptOf, type TextTask } from "./text_task.ts";
import type { Vocabulary } from "./vocabulary.ts";

export type { RunningSumState } from "./running_sum_rules.ts";

const length = z.int().min(1).max(1000);

/** The configuration of running sums. */
export const runningSumConfig = z.strictObject({
  minLength: length.default(4).describe("The fewest addends of a sum."),
  maxLength: length.default(6).describe("The most addends of a sum."),
  heldOutFraction: heldOutFraction("sums"),
  traceOffset: traceOffset(7, 48),
});

/** The configuration as a user writes it: every field may be left out. */
export type RunningSumConfigInput = z.input<typeof runningSumConfig>;
/** The configuration with all defaults. */
export type RunningSumConfig = z.output<typeof runningSumConfig>;

/** The programmatic actor, and the teacher. */
export const runningSumActor = z.strictObject({
  epsilon: z.number().min(0).max(1)
    .describe("The probability of a result one too large, where something is added to 7, 8 or 9."),
});

/** Adds one too many with probability epsilon where it adds to 7, 8 or 9 (as written), and goes on from there. */
export type RunningSumActor = z.output<typeof runningSumActor>;

/**
 * Running results as a reasoning task: a digit and n addends, of which only the last digits of the running sums are kept. The
 * actor writes these, one a step, and gets reward 1 if the last one is right.
 *
 * Its policy is local: add the next addend to the digit it wrote last. Errors are all of +1, so that fewer than ten of them
 * never cancel, and nothing masks one. The value of a prefix is whether its last result is right, times (1 - epsilon) for each
 * addition to 7, 8 or 9 that is to come: to know these one has to do the rest of the sum, step by step. (The word problem of
 * Z_10: solvable, unlike word evaluation's A5.)
 *
 * It is the kit's first task in words (`TextTask`), made for pretrained models that split numbers into digits. With the
 * defaults and epsilon 0.5, sampled states have mean value 0.44 and variance 0.13.
 */
export class RunningSumEnvironment
  implements TextTask<RunningSumState, RunningSumActor, RunningSumActor> {
  readonly name = "running-sum";
  readonly teacher = runningSumActor;
  readonly expert: RunningSumActor = { epsilon: 0 };
  readonly expertTeacher: RunningSumActor = this.expert;
  readonly responseStop = "\n";
  readonly config: RunningSumConfig;
  readonly vocabulary: Vocabulary;
  readonly traceOffset: number;
  /** By digit: the token that writes it. */
  readonly actionTokens: readonly number[];
  readonly maxActorLength: number;
  readonly #sizes: IntegerRange;
  readonly #text: RunningSumText;

  /** Throws a UsageError that names the field if the configuration is not valid. */
  constructor(input: RunningSumConfigInput = {}) {
    this.config = parseConfig(runningSumConfig, input, "environment");
    const { minLength, maxLength, traceOffset } = this.config;
    checkOrdered(this.config, "minLength", "maxLength");
    this.traceOffset = traceOffset;
    this.#sizes = { min: minLength, max: maxLength };
    this.maxLengths();
    this.#text = new RunningSumText(maxLength);
    this.vocabulary = this.#text.vocabulary;
    this.actionTokens = this.#text.writtenTokens;
    this.maxActorLength = sumEnd(maxLength) + 1 + maxLength;
  }

  /** Difficulty is the number of addends. */
  maxLengths(difficulty = this.#sizes): SequenceLengths {
    checkDifficulty(difficulty);
    const n = difficulty.max, prompt = promptLength(n);
    checkPromptFits(prompt, this.traceOffset, `sums of ${n} addends`);
    return { prompt, trace: 2 * n + 2 };
  }

  /**
   * The state of a sum of which the first results are written.
   *
   * @throws UsageError for what is no digit, an addend of 0, no addend, more results than addends, or a sum too long for
   *   `traceOffset`.
   */
  state(
    start: number,
    addends: readonly number[],
    written: readonly number[] = [],
  ): RunningSumState {
    this.maxLengths({ min: addends.length, max: addends.length });
    if (written.length > addends.length) {
      throw new UsageError("written", written.length, `there are ${addends.length} addends`);
    }
    const check = (field: string, least: number, digits: readonly number[]) => {
      for (const digit of digits) {
        if (!Number.isInteger(digit) || digit < least || digit > 9) {
          throw new UsageError(field, digit, `must be a digit in ${least}..9`);
        }
      }
    };
    check("start", 0, [start]);
    check("addends", 1, addends);
    check("written", 0, written);
    return { start, addends: [...addends], written: [...written] };
  }

  /** Which split a sum belongs to. Depends on the sum alone. */
  splitOf({ start, addends }: Pick<RunningSumState, "start" | "addends">): Split {
    return splitOf([start, ...addends], this.config.heldOutFraction);
  }

  /** A uniformly random sum of the split. */
  problem(
    random: RandomStream,
    { split, difficulty = this.#sizes }: ProblemOptions,
  ): RunningSumState {
    this.maxLengths(difficulty);
    return drawAccepted(split, () => {
      const length = drawInteger(random, difficulty), start = random.integer(10);
      const addends = Array.from({ length }, () => 1 + random.integer(9));
      const state = { start, addends, written: [] };
      return this.splitOf(state) === split ? state : undefined;
    }, () => {
      const { heldOutFraction } = this.config, { min, max } = difficulty;
      return ["sum", `heldOutFraction ${heldOutFraction}, ${min}..${max} addends`];
    });
  }

  initialState(random: RandomStream, options: SampleOptions<RunningSumActor>): RunningSumState {
    return this.problem(random, options);
  }

  /** The number of results written is uniform over 0..n-1. */
  sampleState(random: RandomStream, options: SampleOptions<RunningSumActor>): RunningSumState {
    const start = this.problem(random, options);
    return this.#complete(random, start, options.actor, random.integer(start.addends.length));
  }

  rollout(
    random: RandomStream,
    state: RunningSumState,
    actor: RunningSumActor,
  ): Outcome<RunningSumState> {
    const end = this.#complete(random, state, actor);
    return { reward: this.verify(end), state: end };
  }

  stepsLeft({ addends, written }: RunningSumState): number {
    return addends.length - written.length;
  }

  responseSubject(index: number): string {
    return `result ${index + 1}`;
  }

  /** The state after the next result is written. Throws a RangeError if there is none, or no such digit. */
  act(state: RunningSumState, token: number): RunningSumState {
    if (this.stepsLeft(state) === 0) throw new RangeError("act: every result is written");
    const digit = this.actionTokens.indexOf(token);
    if (digit < 0) throw new RangeError(`token: ${token}: it writes no digit`);
    return { ...state, written: [...state.written, digit] };
  }

  /** Whether the last result is right. Throws a RangeError if it is not written yet. */
  verify(state: RunningSumState): 0 | 1 {
    if (this.stepsLeft(state) > 0) throw new RangeError("verify: the last result is not written");
    return state.written.at(-1) === rightResults(state).at(-1) ? 1 : 0;
  }

  demonstration(random: RandomStream, state: RunningSumState, teacher: RunningSumActor): number[] {
    return this.#complete(random, state, teacher).written.slice(state.written.length)
      .map((digit) => this.actionTokens[digit]!);
  }

  /** The results are those that the teacher writes from the beginning, right or wrong; the rest follows from them. */
  teacherTrace(random: RandomStream, state: RunningSumState, teacher: RunningSumActor): number[] {
    const { written } = this.#complete(random, { ...state, written: [] }, teacher);
    return this.#text.trace(state, written);
  }

  /** The critic's prompt at the start of the episode with TH in the place of SEP, then the results written so far. */
  actorPrompt(
    state: RunningSumState,
    { successRate }: CriticContext<RunningSumState> = {},
  ): number[] {
    const prompt = this.#text.prompt({ ...state, written: [] }, successRate);
    return [
      ...prompt.slice(0, sumEnd(state.addends.length)),
      this.vocabulary.think,
      ...state.written.map((digit) => this.actionTokens[digit]!),
    ];
  }

  /** TH stands at traceOffset: a result is predicted at a constant distance from its addend. */
  actorPosition(index: number, { addends }: RunningSumState): number {
    return positionId(index, sumEnd(addends.length), this.traceOffset);
  }

  exactValue(state: RunningSumState, { epsilon }: RunningSumActor): number {
    checkEpsilon(epsilon);
    return successProbability(state, epsilon);
  }

  progress({ addends, written }: RunningSumState): number {
    return written.length / addends.length;
  }

  criticPrompt(state: RunningSumState, { successRate }: CriticContext<RunningSumState>): number[] {
    return this.#text.prompt(state, successRate);
  }

  reasoningTrace(state: RunningSumState): number[] {
    return this.#text.trace(state, rightResults(state));
  }

  promptLabels(state: RunningSumState): number[] {
    return this.#text.labels(this.reasoningTrace(state));
  }

  traceSubjects(state: RunningSumState): string[] {
    return this.#text.subjects(state);
  }

  describe(state: RunningSumState): string {
    return this.#text.describe(state);
  }

  actorPromptText(state: RunningSumState): string {
    return problemText(state);
  }

  responseText(state: RunningSumState): string {
    return writtenText(state);
  }

  parseResponse(problem: RunningSumState, text: string): RunningSumState | undefined {
    const written = parseSteps(problem, text);
    return written && { ...problem, written };
  }

  criticPromptText(
    state: RunningSumState,
    context: CriticContext<RunningSumState> = {},
  ): string {
    return criticPromptOf(problemText(state) + writtenText(state), context);
  }

  traceText(state: RunningSumState, context: CriticContext<RunningSumState> = {}): string {
    return chainText(state, context);
  }

  /** Whether the last written result is right (0 or 1), the results left, and the product of the two. */
  features(state: RunningSumState): number[] {
    const k = state.written.length, left = this.stepsLeft(state);
    const right = k === 0 || state.written[k - 1] === rightResults(state)[k - 1] ? 1 : 0;
    return [right, left, right * left];
  }

  /** The actor writes results until there are `count`; default: all. */
  #complete(
    random: RandomStream,
    state: RunningSumState,
    { epsilon }: RunningSumActor,
    count?: number,
  ): RunningSumState {
    checkEpsilon(epsilon);
    return { ...state, written: complete(random, state, epsilon, count) };
  }
}

/** The registry's entry. */
export const runningSum: EnvironmentDefinition<
  RunningSumState,
  RunningSumActor,
  RunningSumConfigInput,
  RunningSumEnvironment
> = {
  title: "the last digits of running sums, in words too",
  config: runningSumConfig,
  actor: runningSumActor,
  examples: [{ epsilon: 0.5 }, { epsilon: 0.1 }],
  create: (config) => new RunningSumEnvironment(config),
};
