import {
  type Circuit,
  firstTerm,
  type Gate,
  operandValue,
  OPERATIONS,
  picksA,
} from "./circuit_program.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** Tokens before the first gate: success rate, gates left. */
export const HEADER = 2;
/** Tokens of a gate, in prompt and trace. */
export const STRIDE = 5;
/** The operation that checks the output. */
const SUB = OPERATIONS.findIndex(({ name }) => name === "sub");

/** The length of the prompt of a circuit of n gates: header, problem, SEP, response, check, Q. */
export function promptLength(gates: number): number {
  return HEADER + STRIDE * (2 * gates + 1) + 2;
}

/**
 * What a critic reads and writes about a circuit.
 *
 * Prompt: `[rate] [gates left] (c op a b w)1..(c op a b w)n SEP (c op a b w)1..(c op a b w)n CHECK Q`: the problem, then
 * the response, which repeats each gate before its value, then one more gate that subtracts the right output from the
 * response's. An operand is a constant (`a=2`) or so many gates back (`b-1`). w is the value as written (`w5`) or `w?`,
 * in the problem always `w?`. Where there is no control, c is `-` in the problem and `goal` from SEP on.
 *
 * Trace: `(C S A B P)1..(C S A B P)n O (C S A B P)1..(C S A B P)n (C S A B P)CHECK D`. C is the control's value, S what is
 * to be done: the operation, or which operand a selector picks. A and B are the two terms whose sum is the result, of
 * which only that of a is transformed (`firstTerm`), or what a selector takes and skips. P is the gate's value. The first
 * part has the right values and O the right output, the goal. The second has the values that follow from those written
 * if the actor makes no further slip. D says whether the output is right then, and how many gates are left (`right3`).
 * Where there is no control, C repeats the goal, which the check needs.
 *
 * Why so: each step needs little more than the token before it and one look-up, and is the same on the right values and
 * on those that follow, so that a small transformer learns all of them from few examples. The trace has a token for
 * every prompt token from the first gate on, so each is predicted at a constant distance from the token it is about, and
 * an operand's value stands at a distance that follows from the operand's token. In single trials, layouts with both values
 * in one token, with named inputs, or with the output compared directly were not learned in the same time.
 */
export class CircuitText {
  readonly vocabulary: Vocabulary;
  /** The first ids of runs of tokens. An operand's run holds the constants, then the gates in reach, nearest first. */
  readonly #left: number;
  readonly #operations: number;
  readonly #a: number;
  readonly #b: number;
  readonly #c: number;
  readonly #written: number;
  readonly #controls: number;
  readonly #goals: number;
  readonly #does: number;
  readonly #terms: number;
  readonly #takes: number;
  readonly #values: number;
  readonly #right: number;
  readonly #wrong: number;

  /**
   * @param modulus p.
   * @param maxGates Prompt and trace count so many gates left; if there are more they say this number.
   * @param maxReach How many gates back an operand may lie.
   */
  constructor(readonly modulus: number, readonly maxGates: number, maxReach: number) {
    const count = (n: number, name: (i: number) => string) =>
      Array.from({ length: n }, (_, i) => name(i));
    const residues = (prefix: string) => count(modulus, (v) => `${prefix}${v}`);
    const gatesLeft = (prefix: string) => count(maxGates + 1, (i) => `${prefix}${i}`);
    const operands = (slot: string) => [
      ...residues(`${slot}=`),
      ...count(maxReach, (k) => `${slot}-${k + 1}`),
    ];
    this.vocabulary = createVocabulary([
      "SEP",
      ...gatesLeft("L"),
      ...OPERATIONS.map(({ name }) => name),
      ...operands("a"),
      ...operands("b"),
      ...operands("c"),
      "-",
      "goal",
      ...residues("w"),
      "w?",
      ...residues("C="),
      "no-C",
      ...residues("goal="),
      ...OPERATIONS.filter(({ arity }) => arity === 2).map(({ name }) => `do-${name}`),
      "pick-a",
      "pick-b",
      ...residues("term="),
      ...residues("take="),
      "skip",
      ...residues("="),
      ...gatesLeft("right"),
      ...gatesLeft("wrong"),
    ]);
    const { id } = this.vocabulary;
    this.#left = id("L0");
    this.#operations = id(OPERATIONS[0]!.name);
    this.#a = id("a=0");
    this.#b = id("b=0");
    this.#c = id("c=0");
    this.#written = id("w0");
    this.#controls = id("C=0");
    this.#goals = id("goal=0");
    this.#does = id(`do-${OPERATIONS[0]!.name}`);
    this.#terms = id("term=0");
    this.#takes = id("take=0");
    this.#values = id("=0");
    this.#right = id("right0");
    this.#wrong = id("wrong0");
  }

  /** The prompt of a circuit of which the first gates are written. */
  prompt(circuit: Circuit, written: readonly number[], successRate?: number): number[] {
    const { vocabulary } = this;
    const goal = vocabulary.id("goal"), notYet = vocabulary.id("w?");
    const tokens = [
      vocabulary.rateToken(successRate),
      this.#left + this.#gatesLeft(circuit, written),
    ];
    const program = (values: readonly number[], noControl: number) =>
      circuit.forEach(({ op, a, b, c }, i) => {
        const operand = (x: number) => x < 0 ? ~x : this.modulus + i - x - 1;
        tokens.push(
          OPERATIONS[op]!.arity === 3 ? this.#c + operand(c) : noControl,
          this.#operations + op,
          this.#a + operand(a),
          this.#b + operand(b),
          i < values.length ? this.writtenToken(values[i]!) : notYet,
        );
      });
    program([], vocabulary.id("-"));
    tokens.push(vocabulary.id("SEP"));
    program(written, goal);
    tokens.push(goal, this.#operations + SUB, goal, this.#b + this.modulus, notYet);
    tokens.push(vocabulary.query);
    return tokens;
  }

  /**
   * The trace.
   *
   * @param right The right value of every gate.
   * @param followed The value of every gate: as written, then what follows without a slip.
   */
  trace(
    circuit: Circuit,
    written: readonly number[],
    right: readonly number[],
    followed: readonly number[],
  ): number[] {
    const { vocabulary } = this;
    const pickA = vocabulary.id("pick-a"), pickB = vocabulary.id("pick-b");
    const skip = vocabulary.id("skip");
    const target = right.at(-1)!, reached = followed.at(-1)!;
    const goal = this.#goals + target;
    const tokens: number[] = [];
    const step = (gate: Gate, values: readonly number[], result: number, noControl: number) => {
      const [a, b, c] = [gate.a, gate.b, gate.c].map((x) => operandValue(x, values));
      const first = firstTerm(gate.op, a!, this.modulus);
      if (first !== undefined) {
        tokens.push(noControl, this.#does + gate.op, this.#terms + first, this.#terms + b!);
      } else if (picksA(gate.op, c!, this.modulus)) {
        tokens.push(this.#controls + c!, pickA, this.#takes + a!, skip);
      } else {
        tokens.push(this.#controls + c!, pickB, skip, this.#takes + b!);
      }
      tokens.push(this.#values + result);
    };
    circuit.forEach((gate, i) => step(gate, right, right[i]!, vocabulary.id("no-C")));
    tokens.push(goal);
    circuit.forEach((gate, i) => step(gate, followed, followed[i]!, goal));
    const check = { op: SUB, a: ~target, b: circuit.length - 1, c: ~0 };
    step(check, followed, (reached - target + this.modulus) % this.modulus, goal);
    const verdict = reached === target ? this.#right : this.#wrong;
    tokens.push(verdict + this.#gatesLeft(circuit, written));
    return tokens;
  }

  /** What each token of a trace is about, for a human reader. */
  subjects(gates: number): string[] {
    const gate = (name: string) => ["c", "op", "a", "b", "value"].map((slot) => `${name} ${slot}`);
    const program = (title: string) =>
      Array.from({ length: gates }, (_, i) => gate(`${title} g${i}`)).flat();
    return [...program("right"), "goal", ...program("written"), ...gate("check"), "output"];
  }

  /** The token that writes a value, 0..p-1. */
  writtenToken(value: number): number {
    return this.#written + value;
  }

  /** The value which a token writes; undefined for every other token. */
  writtenValue(token: number): number | undefined {
    const value = token - this.#written;
    return Number.isInteger(value) && value >= 0 && value < this.modulus ? value : undefined;
  }

  #gatesLeft(circuit: Circuit, written: readonly number[]): number {
    return Math.min(circuit.length - written.length, this.maxGates);
  }
}
