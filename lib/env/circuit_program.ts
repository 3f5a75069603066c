/**
 * Straight-line programs over the residues 0..p-1: `INPUTS` known inputs and gates in topological order, each one
 * operation on earlier values. The last gate is the output.
 */
import type { RandomStream } from "../tensor/random.ts";

/** How many inputs a circuit has. */
export const INPUTS = 4;

/** The probability that an operand is an input, where it may be input or gate. */
const INPUT_FRACTION = 0.3;

/** What a gate can do. `title` is for readers; `arity` 3 means that there is a control operand c. */
export interface Operation {
  readonly name: string;
  readonly title: string;
  readonly arity: 2 | 3;
}

/**
 * Three operations that pass on an error of either operand, and three selectors. A selector hides every error of the
 * operand it does not select, and every error of the control that stays on the same side.
 */
export const OPERATIONS: readonly Operation[] = [
  { name: "add", title: "a + b", arity: 2 },
  { name: "sub", title: "a - b", arity: 2 },
  { name: "mix", title: "2a + 3b + 1", arity: 2 },
  { name: "low", title: "a if c < (p - 1) / 2, else b", arity: 3 },
  { name: "even", title: "a if c is even, else b", arity: 3 },
  { name: "zero", title: "a if c = 0, else b", arity: 3 },
];

/**
 * One operation and its operands. Operand 0..INPUTS-1 is an input, INPUTS + j is gate j. `c` is -1 where the operation
 * has no control.
 */
export interface Gate {
  /** Index in `OPERATIONS`. */
  readonly op: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** A program with its inputs. */
export interface Circuit {
  /** `INPUTS` residues. */
  readonly inputs: readonly number[];
  /** At least one. */
  readonly gates: readonly Gate[];
}

/** The result of operation `op` at [((op p + a) p + b) p + c]; where there is no control, c does not matter. */
export function operationTable(p: number): Uint8Array {
  const table = new Uint8Array(OPERATIONS.length * p * p * p);
  for (let a = 0, k = 0; a < p; a++) {
    for (let b = 0; b < p; b++) {
      for (let c = 0; c < p; c++, k++) {
        const results = [
          (a + b) % p,
          (a - b + p) % p,
          (2 * a + 3 * b + 1) % p,
          2 * c < p - 1 ? a : b,
          c % 2 === 0 ? a : b,
          c === 0 ? a : b,
        ];
        results.forEach((result, op) => table[op * p * p * p + k] = result);
      }
    }
  }
  return table;
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
 * A random circuit. Every gate is read by a later one (so that each matters to the output by the wiring), no gate reads
 * the same value twice, and at most `maxWidth` gate values are alive between two gates.
 */
export function randomCircuit(random: RandomStream, shape: CircuitShape): Circuit {
  const { gates: count, modulus, maxWidth, maxReach } = shape;
  const inputs = Array.from({ length: INPUTS }, () => random.integer(modulus));
  const gates: Gate[] = [];
  /** Gates that may still be read, oldest first, and those of them which nothing has read. */
  let alive: number[] = [];
  let unread: number[] = [];
  for (let i = 0; i < count; i++) {
    const op = random.integer(OPERATIONS.length);
    const arity = OPERATIONS[op]!.arity;
    // A gate reads at most two of the unread and adds itself, so that the last finds at most two. The oldest come
    // first: those about to fall out of reach are always among them.
    const limit = i === count - 1 ? 0 : Math.min(maxWidth, 2 + (count - 2 - i)) - 1;
    const due = unread.length > 0 && i - unread[0]! === maxReach ? 1 : 0;
    const operands = unread.slice(0, Math.max(due, unread.length - limit)).map((g) => INPUTS + g);
    while (operands.length < arity) {
      const others = alive.map((g) => INPUTS + g).filter((x) => !operands.includes(x));
      const free = inputs.map((_, x) => x).filter((x) => !operands.includes(x));
      const fromInputs = others.length === 0 || random.uniform() < INPUT_FRACTION;
      operands.push(random.choice(fromInputs ? free : others));
    }
    random.shuffle(operands);
    gates.push({ op, a: operands[0]!, b: operands[1]!, c: operands[2] ?? -1 });
    unread = [...unread.filter((g) => !operands.includes(INPUTS + g)), i];
    alive = [...alive.filter((g) => i + 1 - g <= maxReach), i];
    if (alive.length > maxWidth) {
      const read = alive.filter((g) => !unread.includes(g));
      const dropped = random.choice(read);
      alive = alive.filter((g) => g !== dropped);
    }
  }
  return { inputs, gates };
}

/** The circuit as integers, inputs first: for its hash. */
export function* circuitCode({ inputs, gates }: Circuit): Generator<number> {
  yield* inputs;
  for (const { op, a, b, c } of gates) {
    yield op;
    yield a;
    yield b;
    yield c;
  }
}
