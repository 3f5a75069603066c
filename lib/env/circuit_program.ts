/**
 * Straight-line programs over the residues 0..p-1: gates in topological order, each one operation on constants and
 * earlier gates' values. The last gate is the output.
 */
import { UsageError } from "../errors.ts";
import type { RandomStream } from "../numeric/random.ts";

/** The probability that an operand is a constant, where it may be constant or gate. */
const CONSTANT_FRACTION = 0.3;

/** What a gate can do. With arity 3 there is a control operand c. */
export interface Operation {
  readonly name: string;
  readonly arity: 2 | 3;
}

/**
 * Three operations that pass on an error of either operand: add (a + b), sub (b - a), mix (3a + b + 1), and three
 * selectors: low (a if c < (p - 1) / 2, else b), even (a if c is even, else b), zero (a if c = 0, else b). A selector
 * hides every error of the operand it does not pick, and every error of the control that leaves the choice as it is.
 */
export const OPERATIONS: readonly Operation[] = [
  { name: "add", arity: 2 },
  { name: "sub", arity: 2 },
  { name: "mix", arity: 2 },
  { name: "low", arity: 3 },
  { name: "even", arity: 3 },
  { name: "zero", arity: 3 },
];

/** One operation and its operands: gate j is j, the constant v is ~v, which is negative. */
export interface Gate {
  /** Index in `OPERATIONS`. */
  readonly op: number;
  readonly a: number;
  readonly b: number;
  /** ~0 where the operation has no control. */
  readonly c: number;
}

/** A program: at least one gate. */
export type Circuit = readonly Gate[];

/** The value of an operand, given those of the gates before. */
export function operandValue(x: number, values: readonly number[]): number {
  return x < 0 ? ~x : values[x]!;
}

/**
 * The term of operand a, modulo p, to which operation `op` adds b; undefined for a selector, which picks one of the two.
 */
export function firstTerm(op: number, a: number, p: number): number | undefined {
  switch (OPERATIONS[op]!.name) {
    case "add":
      return a;
    case "sub":
      return (p - a) % p;
    case "mix":
      return (3 * a + 1) % p;
    default:
      return undefined;
  }
}

/** Whether a selector with control value c picks a. */
export function picksA(op: number, c: number, p: number): boolean {
  switch (OPERATIONS[op]!.name) {
    case "low":
      return 2 * c < p - 1;
    case "even":
      return c % 2 === 0;
    default:
      return c === 0;
  }
}

/** The result of operation `op` at [((op p + a) p + b) p + c]. */
export function operationTable(p: number): Uint8Array {
  const table = new Uint8Array(OPERATIONS.length * p * p * p);
  for (let op = 0, k = 0; op < OPERATIONS.length; op++) {
    for (let a = 0; a < p; a++) {
      for (let b = 0; b < p; b++) {
        for (let c = 0; c < p; c++, k++) {
          const first = firstTerm(op, a, p);
          if (first !== undefined) table[k] = (first + b) % p;
          else table[k] = picksA(op, c, p) ? a : b;
        }
      }
    }
  }
  return table;
}

/** Evaluates circuits modulo a prime p. */
export class Evaluator {
  readonly #table: Uint8Array;

  constructor(readonly modulus: number) {
    this.#table = operationTable(modulus);
  }

  /**
   * The value of every gate: those of the first gates as `written`, then of each gate the result on its operands'
   * values, or what `write` makes of it.
   *
   * @param write A gate's value by the index of its result in `operationTable`, and that result.
   */
  complete(
    circuit: Circuit,
    written: readonly number[],
    write = (_index: number, result: number) => result,
  ): number[] {
    const values = [...written], p = this.modulus;
    for (const { op, a, b, c } of circuit.slice(written.length)) {
      const [x, y, z] = [a, b, c].map((operand) => operandValue(operand, values));
      const index = ((op * p + x!) * p + y!) * p + z!;
      values.push(write(index, this.#table[index]!));
    }
    return values;
  }
}

/** The bounds on a random circuit. */
export interface CircuitShape {
  readonly gates: number;
  readonly modulus: number;
  /** No more than so many gate values are still to be read after any gate; at least 2. */
  readonly maxWidth: number;
  /** How many gates an operand may reach back, at least 1. */
  readonly maxReach: number;
}

/**
 * A random circuit. Every gate is read by a later one (so that each matters to the output by the wiring), none reads the
 * same gate twice, a control is a gate if the selector reads any, and at most `maxWidth` gate values are alive between two gates.
 */
export function randomCircuit(random: RandomStream, shape: CircuitShape): Circuit {
  const { gates: count, modulus, maxWidth, maxReach } = shape;
  const gates: Gate[] = [];
  /** Gates that may still be read, oldest first, and those of them which nothing has read. */
  let alive: number[] = [];
  let unread: number[] = [];
  for (let i = 0; i < count; i++) {
    const op = random.integer(OPERATIONS.length);
    const arity = OPERATIONS[op]!.arity;
    // A gate reads at most two of the unread and adds itself, so that the last finds at most two. The oldest come
    // first: one about to fall out of reach is always among them.
    const limit = i === count - 1 ? 0 : Math.min(maxWidth, 2 + (count - 2 - i)) - 1;
    const due = unread.length > 0 && i - unread[0]! === maxReach ? 1 : 0;
    const operands = unread.slice(0, Math.max(due, unread.length - limit));
    while (operands.length < arity) {
      const others = alive.filter((g) => !operands.includes(g));
      const constant = others.length === 0 || random.uniform() < CONSTANT_FRACTION;
      operands.push(constant ? ~random.integer(modulus) : random.choice(others));
    }
    random.shuffle(operands);
    // A constant control would decide nothing.
    const gate = operands.findIndex((x) => x >= 0);
    if (arity === 3 && operands[2]! < 0 && gate >= 0) operands.push(...operands.splice(gate, 1));
    gates.push({ op, a: operands[0]!, b: operands[1]!, c: operands[2] ?? ~0 });
    unread = [...unread.filter((g) => !operands.includes(g)), i];
    alive = [...alive.filter((g) => i + 1 - g <= maxReach), i];
    if (alive.length > maxWidth) {
      const dropped = random.choice(alive.filter((g) => !unread.includes(g)));
      alive = alive.filter((g) => g !== dropped);
    }
  }
  return gates;
}

/** The circuit as integers: for its hash. */
export function* circuitCode(circuit: Circuit): Generator<number> {
  for (const { op, a, b, c } of circuit) {
    yield op;
    yield a;
    yield b;
    yield c;
  }
}

/** Throws a UsageError unless every gate has an operation, and operands that it may read. */
export function checkCircuit(
  circuit: Circuit,
  { modulus, maxReach }: Pick<CircuitShape, "modulus" | "maxReach">,
): void {
  circuit.forEach((gate, i) => {
    const operation = OPERATIONS[gate.op];
    if (operation === undefined) {
      const remedy = `must be an integer in 0..${OPERATIONS.length - 1}`;
      throw new UsageError(`circuit[${i}].op`, gate.op, remedy);
    }
    for (const slot of ["a", "b", "c"] as const) {
      const x = gate[slot];
      let remedy = "";
      if (slot === "c" && operation.arity === 2) {
        if (x !== ~0) remedy = `must be ~0: ${operation.name} has no control`;
      } else if (!Number.isInteger(x) || x >= i || x < ~(modulus - 1)) {
        remedy = `must be an earlier gate or a constant ~0..~${modulus - 1}`;
      } else if (x >= 0 && i - x > maxReach) {
        remedy = `lies more than maxReach, ${maxReach}, gates back`;
      }
      if (remedy !== "") throw new UsageError(`circuit[${i}].${slot}`, x, remedy);
    }
  });
}
