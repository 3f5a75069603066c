/**
 * The circuit value problem as a reasoning task (the CVP MDP of Feng and Zhong 2023, arXiv 2312.17248).
 *
 * A straight-line program over Z_p has 4 inputs and n gates. The actor writes the value of every gate, one a step, and
 * gets reward 1 if the last one is right. Its policy is local: look up the operands as written, apply the operation. It
 * slips with probability epsilon, and a selector may hide a slip. The value of a prefix needs the rest of the program,
 * evaluated from the values as written and from the right ones.
 *
 * What theory says: at epsilon 0 the value is the output of a circuit, which is P-complete to evaluate. That needs
 * unbounded width. Here at most `maxWidth` gate values are alive between two gates, so that the exact value stays cheap;
 * then a program is a product of n maps on at most p^maxWidth states and its evaluation is in NC1, still serial for a
 * transformer without a chain of thought, as far as is known.
 *
 * Prompt: `[rate] [gates left] x0 x1 x2 x3 (c op a b w)1..(c op a b w)n Q`. An operand is an input (`ax2`) or so many
 * gates back (`b-3`), w the value as written (`w5`) or `w?`. Trace: `(C S A B P)1..(C S A B P)n D`. C, A, B and P are
 * pairs `right/followed`: the right value, and the one that follows if the actor makes no further slip; those of the
 * operands and that of the gate. S says what is to be done: the operation, or which operands a selector picks (`pick a/b`,
 * again right/followed). D says whether the output will be right without further slips. Every gate has as many tokens
 * in the trace as in the prompt, so each trace token is predicted at a constant distance from the prompt token it is
 * about, and an operand's value stands at a distance that the operand's token tells.
 *
 * With the default sizes and epsilon 0.1, sampled states have mean value 0.60 and variance 0.085.
 *
 * A neural actor reads `actorPrompt` and writes one `w` token a gate, at position ids `actorPosition`.
 */
import * as z from "zod";
import { UsageError } from "../errors.ts";
import type { RandomStream } from "../tensor/random.ts";
import { checkDifficulty, checkEpsilon, checkOrdered, checkPromptFits } from "./checks.ts";
import {
  type Circuit,
  circuitCode,
  INPUTS,
  OPERATIONS,
  operationTable,
  randomCircuit,
} from "./circuit_program.ts";
import { SuccessProbability } from "./circuit_value.ts";
import { compareTrace } from "./compare_trace.ts";
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
import { isHeldOut } from "./hash.ts";
import { parseConfig } from "./parse_config.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

const gates = z.int().min(1).max(800);

/** The configuration of the circuit environment. */
export const circuitConfig = z.strictObject({
  modulus: z.literal([5, 7, 11, 13]).default(7).describe("The prime p: values are 0..p-1."),
  minGates: gates.default(6).describe("The fewest gates of a circuit."),
  maxGates: gates.default(10).describe("The most gates of a circuit."),
  maxWidth: z.int().min(2).max(5).default(4)
    .describe(
      "The most gate values alive between two gates; an exact value costs O(n p^maxWidth).",
    ),
  maxReach: z.int().min(1).max(100).default(8)
    .describe("How many gates back an operand may lie; inputs are always in reach."),
  heldOutFraction: z.number().min(0).max(0.9).default(0.1)
    .describe("The fraction of circuits, chosen by their hash, in the test split."),
  traceOffset: z.int().min(12).max(4096).default(108)
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
/** Tokens before the first gate: success rate, gates left, inputs. */
const HEADER = 2 + INPUTS;
/** Tokens of a gate, in prompt and trace. */
const STRIDE = 5;
const OPERANDS = ["c", "a", "b"] as const;

export class CircuitEnvironment implements Environment<CircuitState, CircuitActor> {
  readonly name = "circuit";
  readonly config: CircuitConfig;
  readonly vocabulary: Vocabulary;
  readonly maxPromptLength: number;
  readonly maxTraceLength: number;
  readonly traceOffset: number;
  readonly #table: Uint8Array;
  readonly #success: SuccessProbability;
  /** First ids of runs of tokens. */
  readonly #left: number;
  readonly #inputs: number;
  readonly #operations: number;
  readonly #written: number;
  readonly #does: number;
  readonly #picks: number;
  readonly #pairs: number;
  readonly #operands: readonly number[];
  /** Single tokens. */
  readonly #noOperand: number;
  readonly #noPair: number;
  readonly #notYet: number;
  readonly #wrong: number;

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
    this.#success = new SuccessProbability(p, maxWidth, Math.ceil(traceOffset / STRIDE));

    const count = (n: number, name: (i: number) => string) =>
      Array.from({ length: n }, (_, i) => name(i));
    this.vocabulary = createVocabulary([
      ...count(maxGates + 1, (i) => `L${i}`),
      ...count(INPUTS * p, (i) => `x${Math.floor(i / p)}=${i % p}`),
      ...OPERANDS.flatMap((slot) => [
        ...count(INPUTS, (i) => `${slot}x${i}`),
        ...count(maxReach, (i) => `${slot}-${i + 1}`),
      ]),
      "no-c",
      ...OPERATIONS.map(({ name }) => name),
      "w?",
      ...count(p, (i) => `w${i}`),
      ...OPERATIONS.filter(({ arity }) => arity === 2).map(({ name }) => `do ${name}`),
      ...["a/a", "a/b", "b/a", "b/b"].map((picks) => `pick ${picks}`),
      ...count(p * p, (i) => `${Math.floor(i / p)}/${i % p}`),
      "no-C",
      "wrong",
      "right",
    ]);
    const { id } = this.vocabulary;
    this.#left = id("L0");
    this.#inputs = id("x0=0");
    this.#operands = OPERANDS.map((slot) => id(`${slot}x0`));
    this.#noOperand = id("no-c");
    this.#operations = id(OPERATIONS[0]!.name);
    this.#notYet = id("w?");
    this.#written = id("w0");
    this.#does = id(`do ${OPERATIONS[0]!.name}`);
    this.#picks = id("pick a/a");
    this.#pairs = id("0/0");
    this.#noPair = id("no-C");
    this.#wrong = id("wrong");
  }

  maxLengths(difficulty: IntegerRange): SequenceLengths {
    checkDifficulty(difficulty);
    const prompt = HEADER + STRIDE * difficulty.max + 1;
    checkPromptFits(prompt, this.traceOffset, `circuits of ${difficulty.max} gates`);
    return { prompt, trace: prompt - HEADER };
  }

  /**
   * The state of a circuit in which `written` are the values of the first gates.
   *
   * @throws UsageError for a circuit that is not one of this configuration, or values that are not residues.
   */
  state(circuit: Circuit, written: readonly number[] = []): CircuitState {
    const { modulus, maxReach, maxWidth } = this.config;
    const n = circuit.gates.length;
    this.maxLengths({ min: n, max: n });
    const residues = (field: string, values: readonly number[]) =>
      values.forEach((v) => {
        if (!Number.isInteger(v) || v < 0 || v >= modulus) {
          throw new UsageError(field, v, `must be an integer in 0..${modulus - 1}`);
        }
      });
    residues("circuit.inputs", circuit.inputs);
    if (circuit.inputs.length !== INPUTS) {
      throw new UsageError("circuit.inputs", circuit.inputs.length, `there must be ${INPUTS}`);
    }
    circuit.gates.forEach((gate, i) => {
      const operation = OPERATIONS[gate.op];
      if (operation === undefined) {
        const last = OPERATIONS.length - 1;
        throw new UsageError(`circuit.gates[${i}].op`, gate.op, `must be an integer in 0..${last}`);
      }
      for (const slot of OPERANDS) {
        const x = gate[slot], field = `circuit.gates[${i}].${slot}`;
        if (slot === "c" && operation.arity === 2) {
          if (x !== -1) {
            throw new UsageError(field, x, `must be -1: ${operation.name} has no control`);
          }
        } else if (!Number.isInteger(x) || x < 0 || x >= INPUTS + i) {
          throw new UsageError(
            field,
            x,
            `must be an input or an earlier gate, 0..${INPUTS + i - 1}`,
          );
        } else if (x >= INPUTS && INPUTS + i - x > maxReach) {
          throw new UsageError(field, x, `lies more than maxReach, ${maxReach}, gates back`);
        }
      }
    });
    const width = this.#success.width(circuit);
    if (width > maxWidth) {
      throw new UsageError(
        "environment.maxWidth",
        maxWidth,
        `the circuit's width is ${width}; raise it`,
      );
    }
    residues("written", written);
    if (written.length > n) throw new UsageError("written", written.length, `there are ${n} gates`);
    return { circuit, written: [...written] };
  }

  /** Which split a circuit belongs to. Depends on program and inputs alone. */
  splitOf(circuit: Circuit): Split {
    return isHeldOut(circuitCode(circuit), this.config.heldOutFraction) ? "test" : "train";
  }

  initialState(random: RandomStream, options: SampleOptions<CircuitActor>): CircuitState {
    return { circuit: this.#circuit(random, options), written: [] };
  }

  /** The number of values written is uniform over 0..n-1. */
  sampleState(random: RandomStream, options: SampleOptions<CircuitActor>): CircuitState {
    const circuit = this.#circuit(random, options);
    const count = random.integer(circuit.gates.length);
    return this.#act(random, { circuit, written: [] }, options.actor, count);
  }

  rollout(random: RandomStream, state: CircuitState, actor: CircuitActor): Outcome<CircuitState> {
    const end = this.#act(random, state, actor, state.circuit.gates.length);
    return { reward: this.verify(end), state: end };
  }

  /** The state after the next gate's value is written. Throws a RangeError if there is none, or no such value. */
  write({ circuit, written }: CircuitState, value: number): CircuitState {
    if (written.length === circuit.gates.length) {
      throw new RangeError("write: every gate is written");
    }
    if (!Number.isInteger(value) || value < 0 || value >= this.config.modulus) {
      throw new RangeError(`value: ${value}: must be an integer in 0..${this.config.modulus - 1}`);
    }
    return { circuit, written: [...written, value] };
  }

  /** The outcome: whether the last gate's value is right. Throws a RangeError if it is not written yet. */
  verify({ circuit, written }: CircuitState): 0 | 1 {
    const last = circuit.gates.length - 1;
    if (written.length <= last) throw new RangeError("verify: the last gate is not written yet");
    return written[last] === this.#follow(circuit, [])[last] ? 1 : 0;
  }

  exactValue({ circuit, written }: CircuitState, { epsilon }: CircuitActor): number {
    checkEpsilon(epsilon);
    const target = this.#follow(circuit, []).at(-1)!;
    return this.#success.of(circuit, written, epsilon, target);
  }

  progress({ circuit, written }: CircuitState): number {
    return written.length / circuit.gates.length;
  }

  /** `gates left` reads at most `maxGates`: in longer circuits it says "that many or more". */
  criticPrompt({ circuit, written }: CircuitState, { successRate }: CriticContext): number[] {
    const { inputs, gates } = circuit;
    const tokens = [
      this.vocabulary.rateToken(successRate),
      this.#left + Math.min(gates.length - written.length, this.config.maxGates),
    ];
    inputs.forEach((v, x) => tokens.push(this.#inputs + x * this.config.modulus + v));
    gates.forEach((gate, i) => {
      const operand = (s: number) => {
        const x = gate[OPERANDS[s]!], first = this.#operands[s]!;
        if (x < 0) return this.#noOperand;
        return x < INPUTS ? first + x : first + INPUTS + (INPUTS + i - x) - 1;
      };
      const w = i < written.length ? this.writtenToken(written[i]!) : this.#notYet;
      tokens.push(operand(0), this.#operations + gate.op, operand(1), operand(2), w);
    });
    tokens.push(this.vocabulary.query);
    return tokens;
  }

  reasoningTrace({ circuit, written }: CircuitState): number[] {
    const { inputs, gates } = circuit;
    const right = this.#follow(circuit, []), followed = this.#follow(circuit, written);
    const p = this.config.modulus;
    const both = (x: number): readonly [number, number] =>
      x < INPUTS ? [inputs[x]!, inputs[x]!] : [right[x - INPUTS]!, followed[x - INPUTS]!];
    const pair = (x: number): number => {
      const [r, f] = both(x);
      return this.#pairs + r * p + f;
    };
    const tokens: number[] = [];
    gates.forEach(({ op, a, b, c }, i) => {
      if (c < 0) tokens.push(this.#noPair, this.#does + op);
      else {
        const [r, f] = both(c).map((v) => this.#picksB(op, v) ? 1 : 0);
        tokens.push(pair(c), this.#picks + 2 * r! + f!);
      }
      tokens.push(pair(a), pair(b), pair(INPUTS + i));
    });
    tokens.push(this.#wrong + (right.at(-1) === followed.at(-1) ? 1 : 0));
    return tokens;
  }

  /** C, S, A, B and P at their gate's c, op, a, b and w, D at Q, -1 at the header. */
  promptLabels(state: CircuitState): number[] {
    return [...new Array<number>(HEADER).fill(-1), ...this.reasoningTrace(state)];
  }

  /**
   * What a neural actor reads before it writes the next gate: the critic's prompt for the unwritten circuit, TH, and the
   * values written so far, as `w` tokens.
   */
  actorPrompt({ circuit, written }: CircuitState, context: CriticContext = {}): number[] {
    return [
      ...this.criticPrompt({ circuit, written: [] }, context),
      this.vocabulary.think,
      ...written.map((v) => this.writtenToken(v)),
    ];
  }

  /**
   * The position id of token `index` of `actorPrompt`. From TH on it grows by the tokens of a gate: where gate i's value
   * is predicted lies at a constant distance from gate i's tokens.
   */
  actorPosition(index: number, { circuit }: CircuitState): number {
    const think = HEADER + STRIDE * circuit.gates.length + 1;
    return index < think ? index : this.traceOffset + STRIDE * (index - think);
  }

  /** The token that writes a value, 0..p-1. */
  writtenToken(value: number): number {
    return this.#written + value;
  }

  /** The value which a token writes; undefined for every other token. */
  writtenValue(token: number): number | undefined {
    const value = token - this.#written;
    return Number.isInteger(value) && value >= 0 && value < this.config.modulus ? value : undefined;
  }

  describe(state: CircuitState): string {
    const { circuit, written } = state;
    const right = this.#follow(circuit, []), followed = this.#follow(circuit, written);
    const name = (x: number) => x < INPUTS ? `x${x}` : `g${x - INPUTS}`;
    const n = circuit.gates.length;
    return [
      `inputs      ${circuit.inputs.map((v, x) => `x${x} = ${v}`).join(", ")}`,
      `arithmetic  modulo ${this.config.modulus}`,
      ...circuit.gates.map(({ op, a, b, c }, i) => {
        const operands = [a, b, c].filter((x) => x >= 0).map(name).join(", ");
        const verb = i < written.length ? "written" : "follows";
        return `${`g${i}`.padEnd(12)}${`${OPERATIONS[op]!.name}(${operands})`.padEnd(18)}` +
          `right ${right[i]}  ${verb} ${followed[i]}`;
      }),
      `gates left  ${n - written.length} of ${n}`,
    ].join("\n");
  }

  describeTrace(state: CircuitState, trace: ArrayLike<number>): string {
    const about = state.circuit.gates.flatMap((_, i) =>
      ["c", "does", "a", "b", "value"].map((slot) => `g${i} ${slot}`)
    );
    const ideal = this.reasoningTrace(state);
    return compareTrace(this.vocabulary.names, [...about, "output"], trace, ideal);
  }

  /** Whether a selector picks operand b at this control value. */
  #picksB(op: number, c: number): boolean {
    const p = this.config.modulus;
    return this.#table[((op * p + 1) * p + 0) * p + c] === 0;
  }

  /** The value of every gate if the actor goes on from `written` without a slip. */
  #follow({ inputs, gates }: Circuit, written: readonly number[]): number[] {
    const values = [...written];
    while (values.length < gates.length) {
      values.push(this.#apply(inputs, gates[values.length]!, values));
    }
    return values;
  }

  /** The result of a gate on the operands as written. */
  #apply(
    inputs: readonly number[],
    { op, a, b, c }: Circuit["gates"][number],
    values: readonly number[],
  ): number {
    const p = this.config.modulus;
    const value = (x: number) => x < 0 ? 0 : x < INPUTS ? inputs[x]! : values[x - INPUTS]!;
    return this.#table[((op * p + value(a)) * p + value(b)) * p + value(c)]!;
  }

  /** The actor writes until `count` gates have a value. */
  #act(
    random: RandomStream,
    { circuit, written }: CircuitState,
    { epsilon }: CircuitActor,
    count: number,
  ): CircuitState {
    checkEpsilon(epsilon);
    const values = [...written];
    while (values.length < count) {
      const result = this.#apply(circuit.inputs, circuit.gates[values.length]!, values);
      const p = this.config.modulus;
      const slips = random.uniform() < epsilon;
      values.push(slips ? (result + 1 + random.integer(p - 1)) % p : result);
    }
    return { circuit, written: values };
  }

  #circuit(random: RandomStream, options: SampleOptions<CircuitActor>): Circuit {
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
