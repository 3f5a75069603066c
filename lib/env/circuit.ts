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
import * as z from "zod";
import { UsageError } from "../errors.ts";
import type { RandomStream } from "../numeric/random.ts";
import { checkDifficulty, checkEpsilon, checkOrdered, checkPromptFits } from "./checks.ts";
import {
  checkCircuit,
  type Circuit,
  circuitCode,
  type Gate,
  operandValue,
  OPERATIONS,
  operationTable,
  randomCircuit,
} from "./circuit_program.ts";
import { type CircuitTeacher, circuitTeacher, TaughtTable } from "./circuit_teacher.ts";
import { CircuitText, HEADER, promptLength, STRIDE } from "./circuit_text.ts";
import { SuccessProbability } from "./circuit_value.ts";
import { compareTrace } from "./compare_trace.ts";
import type {
  CriticContext,
  EnvironmentDefinition,
  IntegerRange,
  Outcome,
  SampleOptions,
  SequenceLengths,
  Split,
} from "./environment.ts";
import { isHeldOut } from "./hash.ts";
import { parseConfig } from "../parse_config.ts";
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
  heldOutFraction: z.number().min(0).max(0.9).default(0.1)
    .describe("The fraction of circuits, chosen by their hash, in the test split."),
  traceOffset: z.int().min(24).max(4096).default(132)
    .describe("The position id of the first token after Q; no prompt may be longer."),
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

/** How many draws of the other split show that the configuration has no circuit. */
const MAX_ATTEMPTS = 20_000;
/** How many teachers' tables are kept. */
const MAX_TEACHERS = 16;

export class CircuitEnvironment
  implements TaskEnvironment<CircuitState, CircuitActor, CircuitTeacher> {
  readonly name = "circuit";
  readonly teacher = circuitTeacher;
  readonly expert: CircuitActor = { epsilon: 0 };
  readonly expertTeacher: CircuitTeacher = { kind: "slips", epsilon: 0 };
  readonly config: CircuitConfig;
  readonly vocabulary: Vocabulary;
  readonly maxPromptLength: number;
  readonly maxTraceLength: number;
  readonly traceOffset: number;
  readonly actionTokens: readonly number[];
  readonly maxActorLength: number;
  readonly #table: Uint8Array;
  readonly #success: SuccessProbability;
  readonly #text: CircuitText;
  readonly #teachers = new Map<string, TaughtTable>();

  /** Throws a UsageError that names the field if the configuration is not valid. */
  constructor(input: CircuitConfigInput = {}) {
    const config = parseConfig(circuitConfig, input, "environment");
    checkOrdered(config, "minGates", "maxGates");
    const { modulus: p, maxGates, maxReach, maxWidth, traceOffset } = config;
    this.config = config;
    this.traceOffset = traceOffset;
    const lengths = this.maxLengths({ min: config.minGates, max: maxGates });
    this.maxPromptLength = lengths.prompt;
    this.maxTraceLength = lengths.trace;
    this.#table = operationTable(p);
    this.#success = new SuccessProbability(p, maxWidth, Math.ceil(traceOffset / (2 * STRIDE)));
    this.#text = new CircuitText(p, maxGates, maxReach);
    this.vocabulary = this.#text.vocabulary;
    this.actionTokens = Array.from({ length: p }, (_, v) => this.#text.writtenToken(v));
    this.maxActorLength = HEADER + STRIDE * maxGates + 1 + maxGates;
  }

  maxLengths(difficulty: IntegerRange): SequenceLengths {
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
    return isHeldOut(circuitCode(circuit), this.config.heldOutFraction) ? "test" : "train";
  }

  initialState(random: RandomStream, options: SampleOptions<CircuitActor>): CircuitState {
    return { circuit: this.#circuit(random, options), written: [] };
  }

  /** The number of values written is uniform over 0..n-1. */
  sampleState(random: RandomStream, options: SampleOptions<CircuitActor>): CircuitState {
    const circuit = this.#circuit(random, options);
    const count = random.integer(circuit.length);
    return this.#act(random, { circuit, written: [] }, options.actor, count);
  }

  rollout(random: RandomStream, state: CircuitState, actor: CircuitActor): Outcome<CircuitState> {
    const end = this.#act(random, state, actor, state.circuit.length);
    return { reward: this.verify(end), state: end };
  }

  problem(
    random: RandomStream,
    options: { split: Split; difficulty?: IntegerRange },
  ): CircuitState {
    return { circuit: this.#circuit(random, options), written: [] };
  }

  stepsLeft({ circuit, written }: CircuitState): number {
    return circuit.length - written.length;
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
    const taught = this.#taught(teacher), values = [...written];
    while (values.length < circuit.length) {
      values.push(taught.draw(random, this.#index(circuit[values.length]!, values)));
    }
    return values.slice(written.length).map((v) => this.writtenToken(v));
  }

  /** Each entry of the teacher's table is drawn once, so that the two halves of the trace agree. */
  teacherTrace(
    random: RandomStream,
    { circuit, written }: CircuitState,
    teacher: CircuitTeacher,
  ): number[] {
    const taught = this.#taught(teacher), drawn = new Map<number, number>();
    const apply = (gate: Gate, values: readonly number[]) => {
      const index = this.#index(gate, values);
      const value = drawn.get(index) ?? taught.draw(random, index);
      drawn.set(index, value);
      return value;
    };
    const follow = (from: readonly number[]) => {
      const values = [...from];
      while (values.length < circuit.length) values.push(apply(circuit[values.length]!, values));
      return values;
    };
    return this.#text.trace(circuit, written, follow([]), follow(written));
  }

  /** The outcome: whether the last gate's value is right. Throws a RangeError if it is not written yet. */
  verify({ circuit, written }: CircuitState): 0 | 1 {
    if (written.length < circuit.length) {
      throw new RangeError("verify: the last gate is not written yet");
    }
    return written.at(-1) === this.#follow(circuit, []).at(-1) ? 1 : 0;
  }

  exactValue({ circuit, written }: CircuitState, { epsilon }: CircuitActor): number {
    checkEpsilon(epsilon);
    return this.#success.of(circuit, written, epsilon, this.#follow(circuit, []).at(-1)!);
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
    const right = this.#follow(circuit, []), followed = this.#follow(circuit, written);
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
    const right = this.#follow(circuit, []), followed = this.#follow(circuit, written);
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

  describeTrace(state: CircuitState, trace: ArrayLike<number>): string {
    const about = this.#text.subjects(state.circuit.length);
    return compareTrace(this.vocabulary.names, about, trace, this.reasoningTrace(state));
  }

  #isResidue(value: number): boolean {
    return Number.isInteger(value) && value >= 0 && value < this.config.modulus;
  }

  /** The value of every gate if the actor goes on from `written` without a slip. */
  #follow(circuit: Circuit, written: readonly number[]): number[] {
    const values = [...written];
    while (values.length < circuit.length) {
      values.push(this.#apply(circuit[values.length]!, values));
    }
    return values;
  }

  /** The result of a gate on the operands as written. */
  #apply(gate: Gate, values: readonly number[]): number {
    return this.#table[this.#index(gate, values)]!;
  }

  /** Where it stands in the operation table. */
  #index({ op, a, b, c }: Gate, values: readonly number[]): number {
    const p = this.config.modulus;
    const [x, y, z] = [operandValue(a, values), operandValue(b, values), operandValue(c, values)];
    return ((op * p + x) * p + y) * p + z;
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
    const values = [...written];
    while (values.length < count) {
      const result = this.#apply(circuit[values.length]!, values);
      const slips = random.uniform() < epsilon;
      values.push(slips ? (result + 1 + random.integer(modulus - 1)) % modulus : result);
    }
    return { circuit, written: values };
  }

  #circuit(
    random: RandomStream,
    options: Pick<SampleOptions<CircuitActor>, "split" | "difficulty">,
  ): Circuit {
    const { minGates, maxGates, modulus, maxWidth, maxReach, heldOutFraction } = this.config;
    const { min, max } = options.difficulty ?? { min: minGates, max: maxGates };
    if (options.difficulty !== undefined) this.maxLengths(options.difficulty);
    const gates = min + random.integer(max - min + 1);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const circuit = randomCircuit(random, { gates, modulus, maxWidth, maxReach });
      if (this.splitOf(circuit) === options.split) return circuit;
    }
    throw new UsageError(
      "split",
      options.split,
      `found no circuit in ${MAX_ATTEMPTS} draws (heldOutFraction ${heldOutFraction}); relax it`,
    );
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
  create: (config) => new CircuitEnvironment(config),
};

/** The index of SEP in the critic's prompt, of TH in the actor's. */
function responseStart(circuit: Circuit): number {
  return HEADER + STRIDE * circuit.length;
}
