import * as z from "zod";
import { UsageError } from "../errors.ts";
import type { RandomStream } from "../numeric/random.ts";
import { parseConfig } from "../parse_config.ts";
import {
  checkCircuit,
  type Circuit,
  circuitCode,
  Evaluator,
  OPERATIONS,
  randomCircuit,
} from "./circuit_program.ts";
import { type CircuitTeacher, circuitTeacher, TaughtTable } from "./circuit_teacher.ts";
import { CircuitText, HEADER, promptLength, STRIDE } from "./circuit_text.ts";
import { SuccessProbability } from "./circuit_value.ts";
import type {
  CriticContext,
  EnvironmentDefinition,
  IntegerRange,
  Outcome,
  ProblemOptions,
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
import type { TaskEnvironment } from "./task.ts";
import type { Vocabulary } from "./vocabulary.ts";

const gates = z.int().min(1).max(400);

/** The configuration of the circuit environment. */
export const circuitConfig = z.strictObject({
  modulus: z.literal([5, 7, 11, 13]).default(7).describe("The prime p: values are 0..p-1."),
  minGates: gates.default(3).describe("The fewest gates of a circuit."),
  maxGates: gates.default(6).describe("The most gates of a circuit."),
  maxWidth: z.int().min(2).max(5).default(2)
    .describe(
      "The most gate values alive between two gates; an exact value costs O(n p^maxWidth).",
    ),
  maxReach: z.int().min(1).max(100).default(2)
    .describe("How many gates back an operand may lie."),
  heldOutFraction: heldOutFraction("circuits"),
  traceOffset: traceOffset(24, 132),
});

/** The configuration as a user writes it: every field may be left out. */
export type CircuitConfigInput = z.input<typeof circuitConfig>;
/** The configuration with all defaults. */
export type CircuitConfig = z.output<typeof circuitConfig>;

/** The programmatic actor. */
export const circuitActor = z.strictObject({
  epsilon: z.number().min(0).max(1).describe("The probability of a wrong value at a gate."),
});

/**
 * At each gate the actor applies the operation to the operands as written; with probability epsilon it writes another
 * value than the result, each equally likely.
 */
export type CircuitActor = z.output<typeof circuitActor>;

/** A circuit and what has been written of its gates. */
export interface CircuitState {
  readonly circuit: Circuit;
  /** The values of the first gates, in order. */
  readonly written: readonly number[];
}

/** How many teachers' tables are kept. */
const MAX_TEACHERS = 16;

/**
 * The circuit value problem as a reasoning task (the CVP MDP of Feng and Zhong 2023, arXiv 2312.17248).
 *
 * A straight-line program over Z_p has n gates, which read constants and earlier gates. The actor writes the value of
 * every gate, one a step, and gets reward 1 if the last one is right. Its policy is local: look up the operands as
 * written, apply the operation. It slips with probability epsilon, and a selector may hide a slip. The value of a prefix
 * needs the rest of the program, evaluated from the values as written and from the right ones.
 *
 * What theory says: at epsilon 0 the value is the output of a circuit, which is P-complete to evaluate. That needs
 * unbounded width. Here at most `maxWidth` gate values are alive between two gates, so that the exact value stays cheap.
 * Then a program is a product of n maps on at most p^maxWidth states, and its evaluation is in NC1; for a transformer
 * without a chain of thought it is still serial, as far as is known. Raise `maxWidth` with n to come nearer to P.
 *
 * With the default sizes and epsilon 0.2, sampled states have mean value 0.54 and variance 0.065.
 *
 * `circuit_text.ts` has the layout of prompt and trace. A neural actor reads `actorPrompt` and writes one `w` token a
 * gate, at position ids `actorPosition`.
 */
export class CircuitEnvironment
  implements TaskEnvironment<CircuitState, CircuitActor, CircuitTeacher> {
  readonly name = "circuit";
  readonly teacher = circuitTeacher;
  readonly expert: CircuitActor = { epsilon: 0 };
  readonly expertTeacher: CircuitTeacher = { kind: "slips", epsilon: 0 };
  readonly config: CircuitConfig;
  readonly vocabulary: Vocabulary;
  readonly traceOffset: number;
  readonly actionTokens: readonly number[];
  readonly maxActorLength: number;
  readonly #sizes: IntegerRange;
  readonly #evaluator: Evaluator;
  readonly #success: SuccessProbability;
  readonly #text: CircuitText;
  readonly #teachers = new Map<string, TaughtTable>();

  /** Throws a UsageError that names the field if the configuration is not valid. */
  constructor(input: CircuitConfigInput = {}) {
    const config = parseConfig(circuitConfig, input, "environment");
    checkOrdered(config, "minGates", "maxGates");
    const { modulus: p, minGates, maxGates, maxReach, maxWidth, traceOffset } = config;
    this.config = config;
    this.traceOffset = traceOffset;
    this.#sizes = { min: minGates, max: maxGates };
    this.maxLengths();
    this.#evaluator = new Evaluator(p);
    this.#success = new SuccessProbability(p, maxWidth, Math.ceil(traceOffset / (2 * STRIDE)));
    this.#text = new CircuitText(p, maxGates, maxReach);
    this.vocabulary = this.#text.vocabulary;
    this.actionTokens = Array.from({ length: p }, (_, v) => this.#text.writtenToken(v));
    this.maxActorLength = HEADER + STRIDE * maxGates + 1 + maxGates;
  }

  maxLengths(difficulty = this.#sizes): SequenceLengths {
    checkDifficulty(difficulty);
    const prompt = promptLength(difficulty.max);
    checkPromptFits(prompt, this.traceOffset, `circuits of ${difficulty.max} gates`);
    return { prompt, trace: prompt - HEADER };
  }

  /**
   * The state of a circuit in which `written` are the values of the first gates.
   *
   * @throws UsageError for a circuit that is not one of this configuration, or values that are not residues.
   */
  state(circuit: Circuit, written: readonly number[] = []): CircuitState {
    const { modulus, maxWidth } = this.config;
    const n = circuit.length;
    this.maxLengths({ min: n, max: n });
    checkCircuit(circuit, this.config);
    const width = this.#success.width(circuit);
    if (width > maxWidth) {
      const remedy = `the circuit's width is ${width}; raise it`;
      throw new UsageError("environment.maxWidth", maxWidth, remedy);
    }
    if (written.length > n) throw new UsageError("written", written.length, `there are ${n} gates`);
    for (const v of written) {
      if (!this.#isResidue(v)) {
        throw new UsageError("written", v, `must be an integer in 0..${modulus - 1}`);
      }
    }
    return { circuit, written: [...written] };
  }

  /** Which split a circuit belongs to. Depends on the program alone. */
  splitOf(circuit: Circuit): Split {
    return splitOf(circuitCode(circuit), this.config.heldOutFraction);
  }

  initialState(random: RandomStream, options: SampleOptions<CircuitActor>): CircuitState {
    return this.problem(random, options);
  }

  /** The number of values written is uniform over 0..n-1. */
  sampleState(random: RandomStream, options: SampleOptions<CircuitActor>): CircuitState {
    const start = this.problem(random, options);
    return this.#act(random, start, options.actor, random.integer(start.circuit.length));
  }

  rollout(random: RandomStream, state: CircuitState, actor: CircuitActor): Outcome<CircuitState> {
    const end = this.#act(random, state, actor, state.circuit.length);
    return { reward: this.verify(end), state: end };
  }

  problem(random: RandomStream, options: ProblemOptions): CircuitState {
    const { modulus, maxWidth, maxReach, heldOutFraction } = this.config;
    const { split, difficulty = this.#sizes } = options;
    this.maxLengths(difficulty);
    const shape = { gates: drawInteger(random, difficulty), modulus, maxWidth, maxReach };
    const circuit = drawAccepted(split, () => {
      const drawn = randomCircuit(random, shape);
      return this.splitOf(drawn) === split ? drawn : undefined;
    }, () => ["circuit", `heldOutFraction ${heldOutFraction}, ${shape.gates} gates`]);
    return { circuit, written: [] };
  }

  stepsLeft({ circuit, written }: CircuitState): number {
    return circuit.length - written.length;
  }

  responseSubject(index: number): string {
    return `g${index}`;
  }

  /** The state after the next gate's value is written. Throws a RangeError if there is none, or no such value. */
  act({ circuit, written }: CircuitState, token: number): CircuitState {
    if (written.length === circuit.length) throw new RangeError("act: every gate is written");
    const value = this.writtenValue(token);
    if (value === undefined) throw new RangeError(`token: ${token}: it writes no value`);
    return { circuit, written: [...written, value] };
  }

  demonstration(
    random: RandomStream,
    { circuit, written }: CircuitState,
    teacher: CircuitTeacher,
  ): number[] {
    const taught = this.#taught(teacher);
    const values = this.#evaluator.complete(circuit, written, (k) => taught.draw(random, k));
    return values.slice(written.length).map((v) => this.writtenToken(v));
  }

  /** Each entry of the teacher's table is drawn once, so that the two halves of the trace agree. */
  teacherTrace(
    random: RandomStream,
    { circuit, written }: CircuitState,
    teacher: CircuitTeacher,
  ): number[] {
    const taught = this.#taught(teacher), drawn = new Map<number, number>();
    const complete = (from: readonly number[]) =>
      this.#evaluator.complete(circuit, from, (k) => {
        const value = drawn.get(k) ?? taught.draw(random, k);
        drawn.set(k, value);
        return value;
      });
    return this.#text.trace(circuit, written, complete([]), complete(written));
  }

  /** The outcome: whether the last gate's value is right. Throws a RangeError if it is not written yet. */
  verify({ circuit, written }: CircuitState): 0 | 1 {
    if (written.length < circuit.length) {
      throw new RangeError("verify: the last gate is not written yet");
    }
    return written.at(-1) === this.#evaluator.complete(circuit, []).at(-1) ? 1 : 0;
  }

  exactValue({ circuit, written }: CircuitState, { epsilon }: CircuitActor): number {
    checkEpsilon(epsilon);
    const target = this.#evaluator.complete(circuit, []).at(-1)!;
    return this.#success.of(circuit, written, epsilon, target);
  }

  progress({ circuit, written }: CircuitState): number {
    return written.length / circuit.length;
  }

  criticPrompt(
    { circuit, written }: CircuitState,
    { successRate }: CriticContext<CircuitState>,
  ): number[] {
    return this.#text.prompt(circuit, written, successRate);
  }

  reasoningTrace({ circuit, written }: CircuitState): number[] {
    const right = this.#evaluator.complete(circuit, []);
    const followed = this.#evaluator.complete(circuit, written);
    return this.#text.trace(circuit, written, right, followed);
  }

  /** C, S, A, B and P at their gate's c, op, a, b and w, O at SEP, D at Q, -1 at the header. */
  promptLabels(state: CircuitState): number[] {
    return [...new Array<number>(HEADER).fill(-1), ...this.reasoningTrace(state)];
  }

  /**
   * What a neural actor reads before it writes the next gate: the critic's prompt up to SEP at the start of the
   * episode, then TH and the values written so far, as `w` tokens.
   */
  actorPrompt(
    { circuit, written }: CircuitState,
    context: CriticContext<CircuitState> = {},
  ): number[] {
    return [
      ...this.criticPrompt({ circuit, written: [] }, context).slice(0, responseStart(circuit)),
      this.vocabulary.think,
      ...written.map((v) => this.writtenToken(v)),
    ];
  }

  /**
   * The position id of token `index` of `actorPrompt`. From TH on it grows by the tokens of a gate: where gate i's value
   * is predicted lies at a constant distance from gate i's tokens.
   */
  actorPosition(index: number, { circuit }: CircuitState): number {
    const think = responseStart(circuit);
    return index < think ? index : this.traceOffset + STRIDE * (index - think);
  }

  /** The token that writes a value, 0..p-1. */
  writtenToken(value: number): number {
    return this.#text.writtenToken(value);
  }

  /** The value which a token writes; undefined for every other token. */
  writtenValue(token: number): number | undefined {
    return this.#text.writtenValue(token);
  }

  describe({ circuit, written }: CircuitState): string {
    const right = this.#evaluator.complete(circuit, []);
    const followed = this.#evaluator.complete(circuit, written);
    const name = (x: number) => x < 0 ? `${~x}` : `g${x}`;
    return [
      `arithmetic  modulo ${this.config.modulus}`,
      ...circuit.map(({ op, a, b, c }, i) => {
        const operation = OPERATIONS[op]!;
        const operands = [a, b, c].slice(0, operation.arity).map(name).join(", ");
        const gate = `${`g${i}`.padEnd(12)}${`${operation.name}(${operands})`.padEnd(18)}`;
        const verb = i < written.length ? "written" : "follows";
        return `${gate}right ${right[i]}  ${verb} ${followed[i]}`;
      }),
      `gates left  ${circuit.length - written.length} of ${circuit.length}`,
    ].join("\n");
  }

  traceSubjects({ circuit }: CircuitState): string[] {
    return this.#text.subjects(circuit.length);
  }

  #isResidue(value: number): boolean {
    return Number.isInteger(value) && value >= 0 && value < this.config.modulus;
  }

  #taught(teacher: CircuitTeacher): TaughtTable {
    const key = JSON.stringify(teacher);
    let table = this.#teachers.get(key);
    if (!table) {
      if (this.#teachers.size >= MAX_TEACHERS) this.#teachers.clear();
      this.#teachers.set(key, table = new TaughtTable(teacher, this.config.modulus));
    }
    return table;
  }

  /** The actor writes until `count` gates have a value. */
  #act(
    random: RandomStream,
    { circuit, written }: CircuitState,
    { epsilon }: CircuitActor,
    count: number,
  ): CircuitState {
    checkEpsilon(epsilon);
    const { modulus } = this.config;
    const values = this.#evaluator.complete(circuit.slice(0, count), written, (_, result) => {
      const slips = random.uniform() < epsilon;
      return slips ? (result + 1 + random.integer(modulus - 1)) % modulus : result;
    });
    return { circuit, written: values };
  }
}

/** The registry's entry. */
export const circuit: EnvironmentDefinition<
  CircuitState,
  CircuitActor,
  CircuitConfigInput,
  CircuitEnvironment
> = {
  title: "the circuit value problem as a reasoning task",
  config: circuitConfig,
  actor: circuitActor,
  examples: [{ epsilon: 0.2 }, { epsilon: 0.6 }],
  create: (config) => new CircuitEnvironment(config),
};

/** The index of SEP in the critic's prompt, of TH in the actor's. */
function responseStart(circuit: Circuit): number {
  return HEADER + STRIDE * circuit.length;
}
