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
import {
  checkClauses,
  type Clause,
  formulaCode,
  mostClauses,
  randomClauses,
  type SatState,
  statuses,
} from "./sat_formula.ts";
import { formulaLength, SatText, traceLength } from "./sat_text.ts";
import { Completions, MAX_VARIABLES } from "./sat_value.ts";
import type { TaskEnvironment } from "./task.ts";
import type { Vocabulary } from "./vocabulary.ts";

export type { SatState } from "./sat_formula.ts";

const variables = z.int().min(4).max(MAX_VARIABLES);

/** The configuration of the 3-SAT environment. */
export const satConfig = z.strictObject({
  minVariables: variables.default(7).describe("The fewest variables of a formula."),
  maxVariables: variables.default(7).describe("The most variables of a formula."),
  clauseRatio: z.number().min(0.5).max(10).default(4.3)
    .describe("Clauses for each variable, rounded to a whole number of clauses; hard near 4.3."),
  heldOutFraction: heldOutFraction("formulas"),
  traceOffset: traceOffset(14, 168),
});

/** The configuration as a user writes it: every field may be left out. */
export type SatConfigInput = z.input<typeof satConfig>;
/** The configuration with all defaults. */
export type SatConfig = z.output<typeof satConfig>;

/** The programmatic actor, and the teacher. */
export const satActor = z.strictObject({
  epsilon: z.number().min(0).max(1).describe("The probability of a uniformly random value."),
});

/**
 * With probability 1 - epsilon the actor takes a value that keeps the formula satisfiable, each such value (or both, if
 * there is none) being equally likely; otherwise either value, each equally likely.
 */
export type SatActor = z.output<typeof satActor>;

/**
 * 3-SAT as an episode (the SAT MDP of Feng and Zhong 2023, arXiv 2312.17248).
 *
 * A satisfiable formula has n variables and clauses of three literals. The actor gives each variable a value, in order,
 * one a step, and gets reward 1 if every clause is satisfied at the end. It knows which values keep the formula
 * satisfiable and mostly takes one of them: both the policy and the value are NP-hard to compute. At these sizes the
 * value is exact, from all completions of the assignment (`sat_value.ts`).
 *
 * `sat_text.ts` has the layout of prompt and trace. The trace has polynomial length and takes linear time, so it cannot
 * determine the value unless P = NP: a critic that writes it perfectly still has to guess. With the defaults and epsilon
 * 0.3 (mean value 0.39, variance 0.08), the best function of its last token and the number of variables left has r2 0.6.
 */
export class SatEnvironment implements TaskEnvironment<SatState, SatActor, SatActor> {
  readonly name = "sat";
  readonly teacher = satActor;
  readonly expert: SatActor = { epsilon: 0 };
  readonly expertTeacher: SatActor = this.expert;
  readonly config: SatConfig;
  readonly vocabulary: Vocabulary;
  readonly traceOffset: number;
  readonly actionTokens: readonly number[];
  readonly maxActorLength: number;
  readonly #sizes: IntegerRange;
  readonly #text: SatText;
  readonly #completions = new Completions();

  /** Throws a UsageError that names the field if the configuration is not valid. */
  constructor(input: SatConfigInput = {}) {
    const config = parseConfig(satConfig, input, "environment");
    checkOrdered(config, "minVariables", "maxVariables");
    this.config = config;
    this.traceOffset = config.traceOffset;
    this.#sizes = { min: config.minVariables, max: config.maxVariables };
    const { prompt } = this.maxLengths();
    // The vocabulary has every variable for which there is room.
    let largest = config.maxVariables;
    while (largest < MAX_VARIABLES && this.#promptLength(largest + 1) <= config.traceOffset) {
      largest++;
    }
    this.#text = new SatText(largest);
    this.vocabulary = this.#text.vocabulary;
    this.actionTokens = this.#text.bits;
    this.maxActorLength = prompt + config.maxVariables;
  }

  maxLengths(difficulty = this.#sizes): SequenceLengths {
    checkDifficulty(difficulty, 4);
    const { max } = difficulty;
    if (max > MAX_VARIABLES) {
      const remedy = `no formula may have more than ${MAX_VARIABLES} variables`;
      throw new UsageError("difficulty", max, remedy);
    }
    const prompt = this.#promptLength(max);
    checkPromptFits(prompt, this.traceOffset, `formulas of ${max} variables`);
    return { prompt, trace: traceLength(this.#clauseCount(max)) };
  }

  /**
   * The state of a formula, satisfiable or not.
   *
   * @param clauses Three literals each, as in DIMACS, of three different variables in any order.
   * @throws UsageError for a literal or value that does not exist, or a formula too long for `traceOffset`.
   */
  state(
    variables: number,
    clauses: readonly Clause[],
    assignment: readonly number[] = [],
  ): SatState {
    const { largest } = this.#text;
    if (!Number.isInteger(variables) || variables < 1 || variables > largest) {
      throw new UsageError("variables", variables, `must be an integer in 1..${largest}`);
    }
    const sorted = checkClauses(variables, clauses);
    const prompt = formulaLength(variables, clauses.length) + 1;
    checkPromptFits(prompt, this.traceOffset, `formulas of ${clauses.length} clauses`);
    if (assignment.length > variables) {
      throw new UsageError("assignment", assignment.length, `there are ${variables} variables`);
    }
    for (const bit of assignment) {
      if (bit !== 0 && bit !== 1) throw new UsageError("assignment", bit, "must be 0 or 1");
    }
    return { variables, clauses: sorted, assignment: [...assignment] };
  }

  /** Which split a formula belongs to, whatever the order of its clauses. */
  splitOf({ clauses }: Pick<SatState, "clauses">): Split {
    return splitOf(formulaCode(clauses), this.config.heldOutFraction);
  }

  /** A uniformly random satisfiable formula of the split, of different clauses. */
  problem(random: RandomStream, { split, difficulty = this.#sizes }: ProblemOptions): SatState {
    this.maxLengths(difficulty);
    const variables = drawInteger(random, difficulty), count = this.#clauseCount(variables);
    return drawAccepted(split, () => {
      if (count > mostClauses(variables)) return;
      const clauses = randomClauses(random, variables, count);
      const state = { variables, clauses, assignment: [] };
      return this.splitOf(state) === split && this.#completions.canBeSatisfied(state)
        ? state
        : undefined;
    }, () => {
      const { clauseRatio, heldOutFraction } = this.config;
      const bounds =
        `heldOutFraction ${heldOutFraction}, ${variables} variables, clauseRatio ${clauseRatio}`;
      return ["satisfiable formula", bounds];
    });
  }

  initialState(random: RandomStream, options: SampleOptions<SatActor>): SatState {
    return this.problem(random, options);
  }

  /** The number of variables that have a value is uniform over 0..n-1. A clause may be falsified already. */
  sampleState(random: RandomStream, options: SampleOptions<SatActor>): SatState {
    const start = this.problem(random, options);
    return this.#act(random, start, options.actor, random.integer(start.variables));
  }

  rollout(random: RandomStream, state: SatState, actor: SatActor): Outcome<SatState> {
    const end = this.#act(random, state, actor, state.variables);
    return { reward: this.verify(end), state: end };
  }

  stepsLeft({ variables, assignment }: SatState): number {
    return variables - assignment.length;
  }

  responseSubject(index: number): string {
    return `v${index + 1}`;
  }

  /** The state after the next variable has a value. Throws a RangeError if there is none, or no such value. */
  act(state: SatState, token: number): SatState {
    const bit = this.actionTokens.indexOf(token);
    if (this.stepsLeft(state) === 0) throw new RangeError("act: every variable has a value");
    if (bit < 0) throw new RangeError(`token: ${token}: it is no value`);
    return { ...state, assignment: [...state.assignment, bit] };
  }

  /** Whether the assignment satisfies the formula. Throws a RangeError if it is not complete. */
  verify(state: SatState): 0 | 1 {
    if (this.stepsLeft(state) > 0) throw new RangeError("verify: a variable has no value yet");
    return statuses(state).every(({ satisfied }) => satisfied) ? 1 : 0;
  }

  demonstration(random: RandomStream, state: SatState, teacher: SatActor): number[] {
    const { assignment } = this.#act(random, state, teacher, state.variables);
    return assignment.slice(state.assignment.length).map((bit) => this.actionTokens[bit]!);
  }

  /** A clause's status needs only the rules. */
  teacherTrace(_random: RandomStream, state: SatState): number[] {
    return this.reasoningTrace(state);
  }

  /** The critic's prompt at the start of the episode with TH in the place of Q, then a value for each variable. */
  actorPrompt(state: SatState, context: CriticContext<SatState> = {}): number[] {
    return [
      ...this.criticPrompt({ ...state, assignment: [] }, context).slice(0, -1),
      this.vocabulary.think,
      ...state.assignment.map((bit) => this.actionTokens[bit]!),
    ];
  }

  /** What follows the formula starts at traceOffset, whatever its length. */
  actorPosition(index: number, { variables, clauses }: SatState): number {
    return positionId(index, formulaLength(variables, clauses.length), this.traceOffset);
  }

  exactValue(state: SatState, { epsilon }: SatActor): number {
    checkEpsilon(epsilon);
    return this.#completions.value(state, epsilon);
  }

  progress({ variables, assignment }: SatState): number {
    return assignment.length / variables;
  }

  criticPrompt(state: SatState, { successRate }: CriticContext<SatState>): number[] {
    return this.#text.prompt(state, successRate);
  }

  reasoningTrace(state: SatState): number[] {
    return this.#text.trace(state);
  }

  promptLabels(state: SatState): number[] {
    return this.#text.labels(state);
  }

  traceSubjects(state: SatState): string[] {
    return this.#text.subjects(state);
  }

  describe(state: SatState): string {
    return this.#text.describe(state);
  }

  #clauseCount(variables: number): number {
    return Math.floor(this.config.clauseRatio * variables + 0.5);
  }

  #promptLength(variables: number): number {
    return formulaLength(variables, this.#clauseCount(variables)) + 1;
  }

  /** The actor sets variables until `count` have a value. */
  #act(random: RandomStream, state: SatState, { epsilon }: SatActor, count: number): SatState {
    checkEpsilon(epsilon);
    return this.#completions.set(random, state, epsilon, count);
  }
}

/** The registry's entry. */
export const sat: EnvironmentDefinition<SatState, SatActor, SatConfigInput, SatEnvironment> = {
  title: "3-SAT, one variable a step",
  config: satConfig,
  actor: satActor,
  examples: [{ epsilon: 0.3 }, { epsilon: 0.7 }],
  create: (config) => new SatEnvironment(config),
};
