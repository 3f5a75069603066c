/**
 * 3-SAT as an episode (the SAT MDP of Feng and Zhong 2023, arXiv 2312.17248).
 *
 * A satisfiable formula has n variables and clauses of three literals. The actor gives each variable a value, in order,
 * one a step, and gets reward 1 if every clause is satisfied at the end. It knows which values keep the formula
 * satisfiable and mostly takes one of them: both the policy and the value are NP-hard to compute. At these sizes the
 * value is exact, from all completions of the assignment.
 *
 * Prompt: `[rate] [variables left] v1=.. .. vn=.. (a b c ;)1..(a b c ;)m Q`: the assignment (`v3=0`, `v3=1`, `v3=?`), then
 * the literals of each clause, with their truth where it is known (`a+3`, `a-3:F` in first place, `b` and `c` behind it),
 * so that no critic has to look it up.
 *
 * Trace: `(s1 s2 S D)1..(s1 s2 S D)m`: the status of the clause after one, two and all of its literals (satisfied, else
 * how many literals are free), then the digest of the clauses so far: whether one is falsified, else how many have a
 * single free literal. The trace has a token for every prompt token of a clause, so each is predicted at a constant
 * distance from the token it is about.
 *
 * This trace has polynomial length and takes linear time, so it cannot determine the value unless P = NP: a critic that
 * writes it perfectly still has to guess. With the defaults and epsilon 0.3 (mean value 0.39, variance 0.08), the best
 * function of the digest and the number of variables left has r2 0.6.
 */
import * as z from "zod";
import { UsageError } from "../errors.ts";
import type { RandomStream } from "../numeric/random.ts";
import { checkDifficulty, checkEpsilon, checkOrdered, checkPromptFits } from "./checks.ts";
import { compareTrace } from "./compare_trace.ts";
import {
  type CriticContext,
  type EnvironmentDefinition,
  type IntegerRange,
  type Outcome,
  positionId,
  type SampleOptions,
  type SequenceLengths,
  type Split,
} from "./environment.ts";
import { isHeldOut } from "./hash.ts";
import { parseConfig } from "../parse_config.ts";
import type { TaskEnvironment } from "./task.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** The exact value takes time in proportion to 2^variables. */
const MAX_VARIABLES = 16;
const variables = z.int().min(4).max(MAX_VARIABLES);

/** The configuration of the 3-SAT environment. */
export const satConfig = z.strictObject({
  minVariables: variables.default(7).describe("The fewest variables of a formula."),
  maxVariables: variables.default(7).describe("The most variables of a formula."),
  clauseRatio: z.number().min(0.5).max(10).default(4.3)
    .describe("Clauses for each variable, rounded to a whole number of clauses; hard near 4.3."),
  heldOutFraction: z.number().min(0).max(0.9).default(0.1)
    .describe("The fraction of formulas, chosen by their hash, in the test split."),
  traceOffset: z.int().min(14).max(4096).default(168)
    .describe("The position id of the first token after Q; no prompt may be longer."),
});

/** The configuration as a user writes it: every field may be left out. */
export type SatConfigInput = z.input<typeof satConfig>;
/** The configuration with all defaults. */
export type SatConfig = z.output<typeof satConfig>;

/** The programmatic actor. */
export const satActor = z.strictObject({
  epsilon: z.number().min(0).max(1).describe("The probability of a uniformly random value."),
});

/**
 * With probability 1 - epsilon the actor takes a value that keeps the formula satisfiable, each such value (or both, if
 * there is none) being equally likely; otherwise either value, each equally likely.
 */
export type SatActor = z.output<typeof satActor>;

/** A formula and the values given to its first variables. */
export interface SatState {
  /** How many variables the formula has. */
  readonly variables: number;
  /** Literals as in DIMACS: i for variable i, -i for its negation, i = 1..variables; rising variables. */
  readonly clauses: readonly (readonly number[])[];
  /** 0 or 1 for each variable that has a value, from the first on. */
  readonly assignment: readonly number[];
}

/** How many draws without a formula show that the configuration has none. */
const MAX_ATTEMPTS = 20_000;
const LITERALS = 3;
/** Tokens of a clause, in prompt and trace. */
const STRIDE = LITERALS + 1;
/** The digest counts clauses with a single free literal up to this. */
const MAX_UNIT_CLAUSES = 5;

export class SatEnvironment implements TaskEnvironment<SatState, SatActor, SatActor> {
  readonly name = "sat";
  readonly teacher = satActor;
  readonly expert: SatActor = { epsilon: 0 };
  readonly expertTeacher: SatActor = this.expert;
  readonly config: SatConfig;
  readonly vocabulary: Vocabulary;
  readonly maxPromptLength: number;
  readonly maxTraceLength: number;
  readonly traceOffset: number;
  /** "0" and "1", whichever variable comes next: the tokens of the first variable. */
  readonly actionTokens: readonly number[];
  readonly maxActorLength: number;
  /** Working memory: for each completion, whether it satisfies the formula; then the value of shorter assignments. */
  readonly #values = new Float64Array(2 ** MAX_VARIABLES);
  /** How many variables the vocabulary has. */
  readonly #largest: number;
  readonly #separator: number;
  readonly #left: number;
  readonly #assigned: number;
  readonly #literals: number;
  readonly #running: number;
  readonly #status: number;
  readonly #digest: number;

  /** Throws a UsageError that names the field if the configuration is not valid. */
  constructor(input: SatConfigInput = {}) {
    const config = parseConfig(satConfig, input, "environment");
    checkOrdered(config, "minVariables", "maxVariables");
    this.config = config;
    this.traceOffset = config.traceOffset;
    const lengths = this.maxLengths({ min: config.minVariables, max: config.maxVariables });
    this.maxPromptLength = lengths.prompt;
    this.maxTraceLength = lengths.trace;
    let largest = config.maxVariables;
    while (largest < MAX_VARIABLES && this.#promptLength(largest + 1) <= config.traceOffset) {
      largest++;
    }
    this.#largest = largest;

    const each = <T>(f: (variable: number) => T[]) =>
      Array.from({ length: largest }, (_, i) => f(i + 1)).flat();
    this.vocabulary = createVocabulary([
      ";",
      "L0",
      ...each((v) => [`L${v}`]),
      ...each((v) => [`v${v}=?`, `v${v}=0`, `v${v}=1`]),
      ...["a", "b", "c"].flatMap((slot) =>
        each((v) =>
          ["-", "+"].flatMap((sign) => ["", ":F", ":T"].map((truth) => slot + sign + v + truth))
        )
      ),
      ...["sat", "free0", "free1", "free2"],
      ...["SATISFIED", "FALSIFIED", "FREE1", "FREE2", "FREE3"],
      "falsified",
      ...Array.from({ length: MAX_UNIT_CLAUSES + 1 }, (_, i) => `unit${i}`),
    ]);
    const { id } = this.vocabulary;
    this.#separator = id(";");
    this.#left = id("L0");
    this.#assigned = id("v1=?");
    this.actionTokens = [id("v1=0"), id("v1=1")];
    this.maxActorLength = this.maxPromptLength + config.maxVariables;
    this.#literals = id("a-1");
    this.#running = id("sat");
    this.#status = id("SATISFIED");
    this.#digest = id("falsified");
  }

  maxLengths(difficulty: IntegerRange): SequenceLengths {
    checkDifficulty(difficulty, 4);
    const { max } = difficulty;
    if (max > MAX_VARIABLES) {
      throw new UsageError(
        "difficulty",
        max,
        `no formula may have more than ${MAX_VARIABLES} variables`,
      );
    }
    const prompt = this.#promptLength(max);
    checkPromptFits(prompt, this.traceOffset, `formulas of ${max} variables`);
    return { prompt, trace: STRIDE * this.#clauseCount(max) };
  }

  /**
   * The state of a formula, satisfiable or not.
   *
   * @param clauses Three literals each, as in DIMACS, of three different variables in any order.
   * @throws UsageError for a literal or value that does not exist, or a formula too long for `traceOffset`.
   */
  state(
    variables: number,
    clauses: readonly (readonly number[])[],
    assignment: readonly number[] = [],
  ): SatState {
    if (!Number.isInteger(variables) || variables < 1 || variables > this.#largest) {
      throw new UsageError("variables", variables, `must be an integer in 1..${this.#largest}`);
    }
    const sorted = clauses.map((clause, i) => {
      for (const literal of clause) {
        if (!Number.isInteger(literal) || literal === 0 || Math.abs(literal) > variables) {
          throw new UsageError(
            `clauses[${i}]`,
            literal,
            `must be a variable 1..${variables} or its negative`,
          );
        }
      }
      if (clause.length !== LITERALS || new Set(clause.map(Math.abs)).size !== LITERALS) {
        throw new UsageError(
          `clauses[${i}]`,
          clause.join(" "),
          "must have three different variables",
        );
      }
      return clause.toSorted((x, y) => Math.abs(x) - Math.abs(y));
    });
    const prompt = 2 + variables + STRIDE * clauses.length + 1;
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
    const codes = clauses.map((clause) => clause.reduce((code, x) => code * 64 + x + 32, 0));
    return isHeldOut(codes.sort((x, y) => x - y), this.config.heldOutFraction) ? "test" : "train";
  }

  initialState(random: RandomStream, options: SampleOptions<SatActor>): SatState {
    return this.#formula(random, options);
  }

  /** The number of variables that have a value is uniform over 0..n-1. A clause may be falsified already. */
  sampleState(random: RandomStream, options: SampleOptions<SatActor>): SatState {
    const start = this.#formula(random, options);
    return this.#act(random, start, options.actor, random.integer(start.variables));
  }

  rollout(random: RandomStream, state: SatState, actor: SatActor): Outcome<SatState> {
    const end = this.#act(random, state, actor, state.variables);
    return { reward: this.verify(end), state: end };
  }

  problem(random: RandomStream, options: { split: Split; difficulty?: IntegerRange }): SatState {
    return this.#formula(random, options);
  }

  stepsLeft({ variables, assignment }: SatState): number {
    return variables - assignment.length;
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
    return positionId(index, 2 + variables + STRIDE * clauses.length, this.traceOffset);
  }

  exactValue(state: SatState, { epsilon }: SatActor): number {
    checkEpsilon(epsilon);
    const values = this.#values;
    let size = this.#completions(state);
    // From the last variable to the next one to be set: a value is positive just if the formula is satisfiable.
    for (; size > 1; size /= 2) {
      for (let x = 0; x < size; x += 2) {
        const zero = values[x]!, one = values[x + 1]!;
        values[x / 2] = zero > 0 && one > 0 ? (zero + one) / 2 : (1 - epsilon / 2) * (zero + one);
      }
    }
    return values[0]!;
  }

  progress({ variables, assignment }: SatState): number {
    return assignment.length / variables;
  }

  criticPrompt(state: SatState, { successRate }: CriticContext<SatState>): number[] {
    const { variables, clauses, assignment } = state;
    const tokens = [
      this.vocabulary.rateToken(successRate),
      this.#left + variables - assignment.length,
    ];
    for (let i = 0; i < variables; i++) {
      tokens.push(this.#assigned + 3 * i + (i < assignment.length ? 1 + assignment[i]! : 0));
    }
    for (const clause of clauses) {
      clause.forEach((literal, slot) => {
        const index = slot * this.#largest + Math.abs(literal) - 1;
        const truth = truthOf(literal, assignment);
        const known = truth === undefined ? 0 : truth ? 2 : 1;
        tokens.push(this.#literals + 6 * index + (literal > 0 ? 3 : 0) + known);
      });
      tokens.push(this.#separator);
    }
    tokens.push(this.vocabulary.query);
    return tokens;
  }

  reasoningTrace(state: SatState): number[] {
    const tokens: number[] = [];
    let falsified = false, unit = 0;
    for (const clause of state.clauses) {
      let satisfied = false, free = 0;
      clause.forEach((literal, slot) => {
        const truth = truthOf(literal, state.assignment);
        if (truth === undefined) free++;
        else satisfied ||= truth;
        const first = slot < LITERALS - 1 ? this.#running : this.#status;
        tokens.push(satisfied ? first : first + 1 + free);
      });
      if (!satisfied && free === 0) falsified = true;
      if (!satisfied && free === 1) unit++;
      tokens.push(falsified ? this.#digest : this.#digest + 1 + Math.min(unit, MAX_UNIT_CLAUSES));
    }
    return tokens;
  }

  /** A clause's status at its literals, D at its end, -1 at what stands before the clauses and at Q. */
  promptLabels(state: SatState): number[] {
    return [
      ...new Array<number>(2 + state.variables).fill(-1),
      ...this.reasoningTrace(state),
      -1,
    ];
  }

  describe(state: SatState): string {
    const { variables, assignment } = state;
    const status = statuses(state);
    const count = (free: number) => status.filter((s) => !s.satisfied && s.free === free).length;
    return [
      `assignment      ${assignment.map((bit, i) => `v${i + 1} = ${bit}`).join(", ") || "none"}`,
      `variables left  ${variables - assignment.length} of ${variables}`,
      `clauses         ${status.length}: ${status.filter((s) => s.satisfied).length} satisfied, ` +
      `${count(0)} falsified, ${count(1)} with one free literal`,
      ...status.map(({ clause, satisfied, free }) => {
        const text = `(${clause.map((x) => x > 0 ? `v${x}` : `not v${-x}`).join(" or ")})`;
        const verdict = satisfied ? "satisfied" : free === 0 ? "falsified" : `${free} free`;
        return `${text.padEnd(36)}${verdict}`;
      }),
    ].join("\n");
  }

  describeTrace(state: SatState, trace: ArrayLike<number>): string {
    const about = state.clauses.flatMap((clause, i) =>
      [...clause.map((x) => x > 0 ? `v${x}` : `not v${-x}`), "digest"]
        .map((text) => `clause ${i + 1}, ${text}`)
    );
    return compareTrace(this.vocabulary.names, about, trace, this.reasoningTrace(state));
  }

  #clauseCount(variables: number): number {
    return Math.floor(this.config.clauseRatio * variables + 0.5);
  }

  /** Rate, variables left, assignment, clauses, Q. */
  #promptLength(variables: number): number {
    return 2 + variables + STRIDE * this.#clauseCount(variables) + 1;
  }

  /**
   * Writes 1 or 0 for each completion of the assignment, satisfying or not, into `#values` and returns how many there
   * are. The next variable is the highest bit of a completion's index.
   */
  #completions({ variables, clauses, assignment }: SatState): number {
    const free = variables - assignment.length;
    const size = 2 ** free;
    const values = this.#values.fill(1, 0, size);
    for (const clause of clauses) {
      // The completions with (x & mask) === falsifying make every literal false.
      let mask = 0, falsifying = 0, satisfied = false;
      for (const literal of clause) {
        const truth = truthOf(literal, assignment);
        if (truth === undefined) {
          const bit = 1 << (variables - Math.abs(literal));
          mask |= bit;
          if (literal < 0) falsifying |= bit;
        } else satisfied ||= truth;
      }
      if (satisfied) continue;
      for (let x = 0; x < size; x++) if ((x & mask) === falsifying) values[x] = 0;
    }
    return size;
  }

  /** The actor sets variables until `count` have a value. */
  #act(random: RandomStream, state: SatState, { epsilon }: SatActor, count: number): SatState {
    checkEpsilon(epsilon);
    const assignment = [...state.assignment];
    // The completions of the growing assignment are those in [from, from + size).
    let from = 0, size = this.#completions(state);
    while (assignment.length < count) {
      size /= 2;
      const canBe = [from, from + size].map((start) => {
        for (let x = start; x < start + size; x++) if (this.#values[x] === 1) return true;
        return false;
      });
      const careful = random.uniform() < 1 - epsilon;
      const bit = careful && canBe[0] !== canBe[1] ? canBe.indexOf(true) : random.integer(2);
      assignment.push(bit);
      from += bit * size;
    }
    return { ...state, assignment };
  }

  /** A uniformly random satisfiable formula of the split, of different clauses. */
  #formula(
    random: RandomStream,
    options: Pick<SampleOptions<SatActor>, "split" | "difficulty">,
  ): SatState {
    const { minVariables, maxVariables, clauseRatio, heldOutFraction } = this.config;
    const { min, max } = options.difficulty ?? { min: minVariables, max: maxVariables };
    if (options.difficulty !== undefined) this.maxLengths(options.difficulty);
    const variables = min + random.integer(max - min + 1);
    const count = this.#clauseCount(variables);
    // Each assignment falsifies one of the eight sign patterns of any three variables.
    const most = 7 * (variables * (variables - 1) * (variables - 2) / 6);
    for (let attempt = 0; attempt < MAX_ATTEMPTS && count <= most; attempt++) {
      const clauses = randomClauses(random, variables, count);
      const state = { variables, clauses, assignment: [] };
      if (this.splitOf(state) !== options.split) continue;
      const size = this.#completions(state);
      for (let x = 0; x < size; x++) if (this.#values[x] === 1) return state;
    }
    throw new UsageError(
      "split",
      options.split,
      `found no satisfiable formula in ${MAX_ATTEMPTS} draws (heldOutFraction ${heldOutFraction}, ${variables} ` +
        `variables, clauseRatio ${clauseRatio}); relax one of them`,
    );
  }
}

/** The registry's entry. */
export const sat: EnvironmentDefinition<SatState, SatActor, SatConfigInput, SatEnvironment> = {
  title: "3-SAT, one variable a step",
  config: satConfig,
  actor: satActor,
  create: (config) => new SatEnvironment(config),
};

/** `count` different clauses of three different variables each. */
function randomClauses(random: RandomStream, variables: number, count: number): number[][] {
  const clauses = new Map<string, number[]>();
  while (clauses.size < count) {
    const chosen = new Set<number>();
    while (chosen.size < LITERALS) chosen.add(1 + random.integer(variables));
    const clause = [...chosen].sort((x, y) => x - y).map((v) => random.integer(2) === 0 ? -v : v);
    clauses.set(clause.join(" "), clause);
  }
  return [...clauses.values()];
}

/** Whether a literal is true; undefined if its variable has no value yet. */
function truthOf(literal: number, assignment: readonly number[]): boolean | undefined {
  const bit = assignment[Math.abs(literal) - 1];
  return bit === undefined ? undefined : (bit === 1) === (literal > 0);
}

/** For each clause whether a literal is true, and how many have no value yet. */
function statuses({ clauses, assignment }: SatState) {
  return clauses.map((clause) => {
    const truths = clause.map((literal) => truthOf(literal, assignment));
    const free = truths.filter((truth) => truth === undefined).length;
    return { clause, satisfied: truths.includes(true), free };
  });
}
