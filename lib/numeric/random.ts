/**
 * Random numbers that depend on nothing but their key.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011) turns a 128-bit counter and a 64-bit key into 128
 * random bits. The key is (seed, purpose), the counter (block, row, step, 0): two streams that
 * differ in any of the four never share a block, and the order in which streams are used, by how
 * many threads, changes nothing. Not for cryptography.
 */
import { UsageError } from "../errors.ts";
import { cosPi, log } from "./math.ts";

/** Four unsigned 32-bit words. */
export type Counter = readonly [number, number, number, number];

/**
 * One block of Philox4x32-10: writes four 32-bit words to `out[0..3]`.
 *
 * @param counter Four words; the least significant first, as in Random123.
 * @param key Two words.
 */
export function philox4x32(
  counter: Counter,
  key: readonly [number, number],
  out: Uint32Array,
): void {
  block(counter[0], counter[1], counter[2], counter[3], key[0], key[1], out);
}

function block(
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
  out: Uint32Array,
): void {
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd251, 0x1f53, c0);
    const low0 = Math.imul(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e, 0x8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** The upper 32 bits of (aHigh 2^16 + aLow) * b, all unsigned, from 16-bit halves. */
function multiplyHigh(aHigh: number, aLow: number, b: number): number {
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle1 = Math.imul(aHigh, bLow);
  const middle2 = Math.imul(aLow, bHigh);
  const carry = (Math.imul(aLow, bLow) >>> 16) + (middle1 & 0xffff) + (middle2 & 0xffff);
  return (Math.imul(aHigh, bHigh) + (middle1 >>> 16) + (middle2 >>> 16) + (carry >>> 16)) | 0;
}

/** How many different words there are. */
const WORDS = 4294967296;

const encoder = new TextEncoder();
const purposeIds = new Map<string, number>();

/** FNV-1a-32 of the purpose's UTF-8 bytes: the second key word. */
export function purposeId(purpose: string): number {
  let id = purposeIds.get(purpose);
  if (id === undefined) {
    let hash = 0x811c9dc5;
    for (const byte of encoder.encode(purpose)) hash = Math.imul(hash ^ byte, 0x01000193);
    id = hash >>> 0;
    purposeIds.set(purpose, id);
  }
  return id;
}

/** What a stream depends on. All numbers are integers in 0..2^32-1. */
export interface StreamKey {
  /** The run's seed. */
  readonly seed: number;
  /** What the numbers are for, e.g. `"train/states"`. Each use has a purpose of its own. */
  readonly purpose: string;
  /** The training step, epoch or draw; default 0. */
  readonly step?: number;
  /** The row of the batch, or element; default 0. */
  readonly row?: number;
}

/**
 * The random numbers of one key, drawn in order.
 *
 * A stream is a cursor over its own counter and holds no other state. It is cheap to construct: make
 * one per row instead of passing one around.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { RandomStream } from "genac";
 *
 * const key = { seed: 1, purpose: "example", row: 7 };
 * const x = new RandomStream(key).normal();
 * assert.equal(new RandomStream(key).normal(), x);
 * assert.notEqual(new RandomStream({ ...key, row: 8 }).normal(), x);
 * ```
 */
export class RandomStream {
  readonly #seed: number;
  readonly #purpose: number;
  readonly #step: number;
  readonly #row: number;
  readonly #words = new Uint32Array(4);
  #nextBlock = 0;
  #used = 4;

  constructor(key: StreamKey) {
    if (!isUint32(key.seed)) {
      throw new UsageError("seed", key.seed, "must be an integer in 0..4294967295");
    }
    const step = key.step ?? 0;
    const row = key.row ?? 0;
    if (!isUint32(step)) throw new RangeError(`step: ${step}: must be an integer in 0..2^32-1`);
    if (!isUint32(row)) throw new RangeError(`row: ${row}: must be an integer in 0..2^32-1`);
    this.#seed = key.seed;
    this.#purpose = purposeId(key.purpose);
    this.#step = step;
    this.#row = row;
  }

  /** An integer in 0..2^32-1. A stream holds 2^34 of them. */
  uint32(): number {
    if (this.#used === 4) {
      if (this.#nextBlock === WORDS) throw new RangeError("a random stream holds 2^34 words");
      block(
        this.#nextBlock++,
        this.#row,
        this.#step,
        0,
        this.#seed,
        this.#purpose,
        this.#words,
      );
      this.#used = 0;
    }
    return this.#words[this.#used++]!;
  }

  /** A multiple of 2^-24 in [0, 1), exact in float32: the top 24 bits of one word. */
  uniform(): number {
    return (this.uint32() >>> 8) / 16777216;
  }

  /** An integer in 0..bound-1, each equally likely. Uses one word, rarely more. */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > WORDS) {
      throw new RangeError(`bound: ${bound}: must be an integer in 1..2^32`);
    }
    // Words below 2^32 mod bound would make the small remainders likelier.
    const rejected = WORDS % bound;
    let word = this.uint32();
    while (word < rejected) word = this.uint32();
    return word % bound;
  }

  /** A standard normal number by Box-Muller (|z| < 5.8). Always uses two words. */
  normal(): number {
    const radius = Math.sqrt(-2 * log(1 - this.uniform()));
    return radius * cosPi(2 * this.uniform());
  }

  /** One of the items, each equally likely. */
  choice<T>(items: ArrayLike<T>): T {
    if (items.length === 0) throw new RangeError("choice: there must be at least one item");
    return items[this.integer(items.length)]!;
  }

  /** Brings the items into a uniformly random order, in place (Fisher-Yates), and returns them. */
  shuffle<A extends { readonly length: number; [index: number]: unknown }>(items: A): A {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = items[i];
      items[i] = items[j];
      items[j] = kept;
    }
    return items;
  }

  /** A uniformly random order of 0..n-1. */
  permutation(n: number): Int32Array {
    const out = new Int32Array(n);
    for (let i = 0; i < n; i++) out[i] = i;
    return this.shuffle(out);
  }
}

/** Whether a number is an integer in 0..2^32-1, as keys of random streams are. */
export function isUint32(x: number): boolean {
  return x >>> 0 === x;
}
