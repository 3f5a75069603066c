import * as z from "zod";
import { RandomStream } from "../numeric/random.ts";
import { OPERATIONS, operationTable } from "./circuit_program.ts";

const probability = z.number().min(0).max(1);
const fraction = probability.default(0.25).describe(
  "Fraction of the table's entries that are hard.",
);
const seed = z.int().min(0).default(1).describe("Which entries are hard, and which values wrong.");

/** Validates a `CircuitTeacher` from a configuration file. */
export const circuitTeacher = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("slips"),
    epsilon: probability.describe("The probability of a wrong value at a gate."),
  }),
  z.strictObject({ kind: z.literal("flawed-table"), fraction, seed }),
  z.strictObject({
    kind: z.literal("mode-right"),
    fraction,
    seed,
    right: probability.default(0.475).describe("Probability of the right value of a hard entry."),
    distractor: probability.default(0.35).describe("Probability of one wrong value of it."),
  }).refine(({ right, distractor }) => right + distractor <= 1, {
    path: ["distractor"],
    error: "right and distractor must not exceed 1 together",
  }),
]);

/**
 * An imperfect teacher of the circuit task: whoever wrote the demonstrations from which an actor is fine-tuned. It
 * applies each operation to the operands as written, and is wrong in one of three ways:
 *
 * - "slips": with probability epsilon it writes another value than the result, each equally likely. Every error is bad
 *   luck, and the actor's most probable response is right.
 * - "flawed-table": a fraction of the operation table's entries is always taught wrong. The most probable response is
 *   wrong there, and no sample of the teacher's is right.
 * - "mode-right": in a fraction of the entries the right value is the most probable, but less probable than not. The
 *   knowledge is there; sampling hides it.
 */
export type CircuitTeacher = z.output<typeof circuitTeacher>;

/** What a teacher writes at each entry of the operation table. */
export class TaughtTable {
  readonly #table: Uint8Array;
  /** The wrong value of a hard entry; -1 at the others. */
  readonly #wrong: Int8Array;

  constructor(readonly teacher: CircuitTeacher, readonly modulus: number) {
    const table = this.#table = operationTable(modulus);
    this.#wrong = new Int8Array(table.length).fill(-1);
    if (teacher.kind === "slips") return;
    for (let k = 0; k < table.length; k++) {
      const random = new RandomStream({
        seed: teacher.seed,
        purpose: "circuit/teacher",
        row: this.#entry(k),
      });
      if (random.uniform() < teacher.fraction) {
        this.#wrong[k] = (table[k]! + 1 + random.integer(modulus - 1)) % modulus;
      }
    }
  }

  /** The probability of each value, 0..p-1, at table index [((op p + a) p + b) p + c]. */
  distribution(index: number): number[] {
    const { teacher, modulus: p } = this, right = this.#table[index]!, wrong = this.#wrong[index]!;
    const of = (first: number, second: number, rest: number) =>
      Array.from({ length: p }, (_, v) => v === right ? first : v === wrong ? second : rest);
    if (teacher.kind === "slips") return of(1 - teacher.epsilon, 0, teacher.epsilon / (p - 1));
    if (wrong < 0) return of(1, 0, 0);
    if (teacher.kind === "flawed-table") return of(0, 1, 0);
    const { right: r, distractor: d } = teacher;
    return of(r, d, (1 - r - d) / (p - 2));
  }

  /** A value as the teacher would write it. */
  draw(random: RandomStream, index: number): number {
    let u = random.uniform();
    const distribution = this.distribution(index);
    for (let v = 0; v < distribution.length; v++) if ((u -= distribution[v]!) < 0) return v;
    return this.#table[index]!;
  }

  /** Entries that differ in an operand which the operation does not read are one. */
  #entry(index: number): number {
    const p = this.modulus, op = Math.floor(index / (p * p * p));
    return OPERATIONS[op]!.arity === 3 ? index : index - index % p;
  }
}
