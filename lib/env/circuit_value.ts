/**
 * The probability that an actor which slips now and then finishes a circuit with the right output.
 *
 * Dynamic programming over the gates in order. What is carried from gate to gate is the joint distribution of the
 * written values that are still to be read: p^w numbers for w of them. Values that the actor has written are
 * constants, and gates that the output does not depend on are left out. So the work is O(gates p^width).
 */
import { type Circuit, operandValue, operationTable } from "./circuit_program.ts";

/** Computes success probabilities for one modulus. Keeps its working memory between calls. */
export class SuccessProbability {
  readonly #table: Uint8Array;
  readonly #joint: [Float64Array, Float64Array];
  /** By gate: the last needed gate that reads it (its own index + 1 for the output), 0 if none does. */
  readonly #lastRead: Int32Array;
  /** The gates whose values the joint distribution is over; the first varies fastest. */
  readonly #live: Int32Array;
  /** By live gate: its value, and what one more adds to the next index (0: the gate is dropped). */
  readonly #digits: Int32Array;
  readonly #strides: Int32Array;

  /** `modulus ** maxWidth` must be small: the working memory is twice as many numbers. */
  constructor(readonly modulus: number, readonly maxWidth: number, maxGates: number) {
    let size = 1;
    for (let i = 0; i < maxWidth; i++) size *= modulus;
    this.#table = operationTable(modulus);
    this.#joint = [new Float64Array(size), new Float64Array(size)];
    this.#lastRead = new Int32Array(maxGates);
    this.#live = new Int32Array(maxWidth);
    this.#digits = new Int32Array(maxWidth);
    this.#strides = new Int32Array(maxWidth);
  }

  /** The most gate values that are alive after any gate. `of` needs that it is at most `maxWidth`. */
  width(gates: Circuit): number {
    this.#findLastReads(gates, 0);
    let most = 0;
    for (let i = 0; i < gates.length; i++) {
      let alive = 0;
      for (let g = 0; g <= i; g++) if (this.#lastRead[g]! > i) alive++;
      most = Math.max(most, alive);
    }
    return most;
  }

  /**
   * P(the last gate is written as `target`) if the actor goes on from `written`: at each gate it writes the operation's
   * result on the operands as written with probability 1 - epsilon, and each other value with epsilon / (p - 1).
   */
  of(gates: Circuit, written: readonly number[], epsilon: number, target: number): number {
    const p = this.modulus, from = written.length;
    if (from === gates.length) return written[from - 1] === target ? 1 : 0;
    this.#findLastReads(gates, from);
    const table = this.#table, lastRead = this.#lastRead, live = this.#live;
    const digits = this.#digits, strides = this.#strides;
    const slip = epsilon / (p - 1), keep = 1 - epsilon - slip;
    let [now, next] = this.#joint;
    let width = 0, size = 1;
    now[0] = 1;

    /** Where operand x stands among the live gates, -1 if it is known. */
    const place = (x: number): number => {
      if (x < from) return -1;
      let j = 0;
      while (live[j] !== x) j++;
      return j;
    };

    for (let i = from; i < gates.length; i++) {
      if (lastRead[i] === 0) continue;
      const { op, a, b, c } = gates[i]!;
      // The operation reads table[offset + the live operands' values times these factors].
      let offset = op * p * p * p;
      const aPlace = place(a), bPlace = place(b), cPlace = place(c);
      if (aPlace < 0) offset += operandValue(a, written) * p * p;
      if (bPlace < 0) offset += operandValue(b, written) * p;
      if (cPlace < 0) offset += operandValue(c, written);

      // The next distribution is over this gate (fastest), then the gates that are read again.
      let nextSize = p;
      for (let j = 0; j < width; j++) {
        digits[j] = 0;
        strides[j] = lastRead[live[j]!]! > i ? nextSize : 0;
        if (strides[j]! > 0) nextSize *= p;
      }
      next.fill(0, 0, nextSize);
      for (let s = 0, block = 0; s < size; s++) {
        let k = offset;
        if (aPlace >= 0) k += digits[aPlace]! * p * p;
        if (bPlace >= 0) k += digits[bPlace]! * p;
        if (cPlace >= 0) k += digits[cPlace]!;
        const to = block + table[k]!;
        next[to] = next[to]! + now[s]!;
        for (let j = 0; j < width; j++) {
          block += strides[j]!;
          const digit = digits[j]! + 1;
          digits[j] = digit;
          if (digit < p) break;
          digits[j] = 0;
          block -= p * strides[j]!;
        }
      }
      for (let block = 0; block < nextSize; block += p) {
        let total = 0;
        for (let v = 0; v < p; v++) total += next[block + v]!;
        for (let v = 0; v < p; v++) next[block + v] = keep * next[block + v]! + slip * total;
      }

      // `place` is done with `live`: close the gaps of dropped gates, then move all up by one.
      let kept = 0;
      for (let j = 0; j < width; j++) if (strides[j]! > 0) live[kept++] = live[j]!;
      for (let j = kept; j > 0; j--) live[j] = live[j - 1]!;
      live[0] = i;
      width = kept + 1;
      size = nextSize;
      [now, next] = [next, now];
    }
    return now[target]!;
  }

  /** Backwards from the output, through gates that are needed and not yet written. */
  #findLastReads(gates: Circuit, from: number): void {
    const lastRead = this.#lastRead, last = gates.length - 1;
    lastRead.fill(0, 0, gates.length);
    lastRead[last] = last + 1;
    for (let i = last; i >= from; i--) {
      if (lastRead[i] === 0) continue;
      const { a, b, c } = gates[i]!;
      if (a >= 0 && lastRead[a] === 0) lastRead[a] = i;
      if (b >= 0 && lastRead[b] === 0) lastRead[b] = i;
      if (c >= 0 && lastRead[c] === 0) lastRead[c] = i;
    }
  }
}
