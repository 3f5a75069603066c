/**
 * What kernel tests share: kernels on a memory with guard zones, panel packing, float32 arithmetic in plain
 * JavaScript, and comparisons. Test code only.
 */
import assert from "node:assert/strict";
import { kernelBundle, type KernelModuleName } from "../../lib/backend/wasm/bundle.ts";
import { HEAP } from "../../lib/backend/wasm/control.ts";
import { RandomStream } from "../../lib/numeric/random.ts";
import type { WeightStorage } from "../../lib/tensor/tape.ts";

/** Rounds to float32: one after each operation makes JavaScript's arithmetic that of the kernels. */
export const f32 = Math.fround;

/** A row-major matrix. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float32Array;
}

/** The storages of frozen weights, by the numbers that kernels have for them. */
export const STORAGES: readonly WeightStorage[] = ["float32", "float16", "bfloat16"];

/** A matrix in the kernels' memory: panels of 16 columns, `stride` bytes apart. */
export interface Panels {
  readonly at: number;
  readonly stride: number;
  readonly rows: number;
  readonly cols: number;
}

/** Bit pattern of memory that no kernel has a reason to touch, and of outputs before they are written: a NaN. */
const UNTOUCHED = 0x7fabcdef;
const PAGES = 128;

/** The kernels and their memory: allocate operands, run, read results, then `check` that nothing else was written. */
export class Bench {
  readonly #memory: WebAssembly.Memory;
  readonly #guards: { from: number; to: number }[] = [];
  readonly #constants: Uint32Array;
  #top = HEAP;

  private constructor(
    memory: WebAssembly.Memory,
    readonly kernels: Readonly<Record<string, (...args: number[]) => number>>,
  ) {
    this.#memory = memory;
    this.#constants = new Uint32Array(memory.buffer, 0, HEAP / 4).slice();
    new Uint32Array(memory.buffer, HEAP).fill(UNTOUCHED);
  }

  /** A bench for a bundle of kernels, or for another module that imports the same memory. */
  static async create(
    kernels: KernelModuleName | Uint8Array<ArrayBuffer> = "core",
  ): Promise<Bench> {
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
    const bytes = typeof kernels === "string" ? (await kernelBundle(kernels)).bytes : kernels;
    const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
    return new Bench(memory, instance.exports as never);
  }

  /** Forgets all operands. */
  reset(): void {
    new Uint32Array(this.#memory.buffer, HEAP, (this.#top - HEAP) / 4 + 1024).fill(UNTOUCHED);
    this.#guards.length = 0;
    this.#top = HEAP;
  }

  /** Reserves bytes, with untouched memory on both sides. */
  #reserve(bytes: number): number {
    const at = this.#top + 64;
    this.#guards.push({ from: this.#top, to: at });
    this.#top = at + Math.ceil(bytes / 64) * 64;
    if (this.#top + 4096 > PAGES * 65536) throw new Error("the test needs more memory than it has");
    this.#guards.push({ from: at + bytes, to: this.#top });
    return at;
  }

  /** Address of a copy of the values, or of that many floats not written yet. */
  floats(values: ArrayLike<number> | number): number {
    const size = typeof values === "number" ? values : values.length;
    const at = this.#reserve(size * 4);
    if (typeof values !== "number") this.read(at, size).set(values);
    return at;
  }

  /** Address of a copy of the integers, or of that many not written yet. */
  integers(values: ArrayLike<number> | number): number {
    const size = typeof values === "number" ? values : values.length;
    const at = this.#reserve(size * 4);
    if (typeof values !== "number") new Int32Array(this.#memory.buffer, at, size).set(values);
    return at;
  }

  /** View of floats. */
  read(at: number, size: number): Float32Array {
    return new Float32Array(this.#memory.buffer, at, size);
  }

  /** View of integers. */
  readIntegers(at: number, size: number): Int32Array {
    return new Int32Array(this.#memory.buffer, at, size);
  }

  /** Room for a matrix, whose panels stand `gap` bytes (a multiple of 16) further apart than need be. */
  space(rows: number, cols: number, gap = 64): Panels {
    const panels = Math.ceil(cols / 16);
    const stride = rows * 64 + gap;
    const at = this.#reserve(panels * stride);
    for (let j = 0; j < panels; j++) {
      const end = at + (j + 1) * stride;
      this.#guards.push({ from: end - gap, to: end });
    }
    return { at, stride, rows, cols: panels * 16 };
  }

  /** A copy of a matrix in panels; the columns that pad the last one are zero, or `padding`. */
  matrix({ rows, cols, data }: Matrix, gap = 64, padding = 0): Panels {
    const panels = this.space(rows, cols, gap);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < panels.cols; c++) {
        this.#row(panels, r, c)[c & 15] = c < cols ? data[r * cols + c]! : padding;
      }
    }
    return panels;
  }

  #row({ at, stride }: Panels, r: number, c: number): Float32Array {
    return new Float32Array(this.#memory.buffer, at + (c >> 4) * stride + r * 64, 16);
  }

  /**
   * A copy of a frozen matrix, whose numbers must be ones that the storage has; the columns that pad the last panel are 0, or
   * `padding`.
   */
  frozen({ rows, cols, data }: Matrix, storage: WeightStorage, gap = 64, padding = 0): Panels {
    if (storage === "float32") return this.matrix({ rows, cols, data }, gap, padding);
    const panels = Math.ceil(cols / 16),
      stride = rows * 32 + gap,
      at = this.#reserve(panels * stride);
    for (let j = 0; j < panels; j++) {
      const end = at + (j + 1) * stride;
      this.#guards.push({ from: end - gap, to: end });
      const panel = Float32Array.from({ length: rows * 16 }, (_, i) => {
        const c = j * 16 + i % 16;
        return c < cols ? data[Math.floor(i / 16) * cols + c]! : padding;
      });
      const bits = storage === "float16"
        ? new Uint16Array(Float16Array.from(panel).buffer)
        : new Uint32Array(panel.buffer).map((word) => word >>> 16);
      new Uint16Array(this.#memory.buffer, at + j * stride, rows * 16).set(bits);
    }
    return { at, stride, rows, cols: panels * 16 };
  }

  /** The matrix in panels, row-major. */
  unpack(panels: Panels): Matrix {
    const { rows, cols } = panels;
    const data = new Float32Array(rows * cols);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c += 16) data.set(this.#row(panels, r, c), r * cols + c);
    }
    return { rows, cols, data };
  }

  /** Fails if a kernel wrote outside its operands. */
  check(what: string): void {
    const words = new Uint32Array(this.#memory.buffer);
    const zones = [...this.#guards, { from: this.#top, to: this.#top + 128 }];
    for (const { from, to } of zones) {
      for (let i = from / 4; i < to / 4; i++) {
        if (words[i] !== UNTOUCHED) {
          assert.fail(`${what}: wrote outside its operands, at byte ${i * 4}`);
        }
      }
    }
    const constants = new Uint32Array(this.#memory.buffer, 0, HEAP / 4);
    if (!constants.every((word, i) => word === this.#constants[i])) {
      assert.fail(`${what}: wrote over the constants`);
    }
  }
}

/** A row-major matrix of standard normal numbers times `scale`, of a stream of its own. */
export function normalMatrix(
  seed: number,
  purpose: string,
  rows: number,
  cols: number,
  scale = 1,
): Matrix {
  const random = new RandomStream({ seed, purpose });
  return {
    rows,
    cols,
    data: Float32Array.from({ length: rows * cols }, () => random.normal() * scale),
  };
}

const ALL_BITS = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
/** Every number that 16 bits can hold, by its bits. */
export const ALL_NUMBERS = {
  float16: Float32Array.from(new Float16Array(ALL_BITS.buffer)),
  bfloat16: new Float32Array(Uint32Array.from(ALL_BITS, (bits) => bits << 16).buffer),
};

/** The matrix in numbers that the storage has: rounded to float16, or cut to bfloat16. */
export function stored(m: Matrix, storage: WeightStorage): Matrix {
  if (storage === "float32") return m;
  if (storage === "float16") return { ...m, data: Float32Array.from(Float16Array.from(m.data)) };
  const bits = new Uint32Array(m.data.slice().buffer).map((word) => word & 0xffff0000);
  return { ...m, data: new Float32Array(bits.buffer) };
}

/** Integers in 0..bound-1, of a stream of their own. */
export function randomIntegers(
  seed: number,
  purpose: string,
  size: number,
  bound: number,
): Int32Array {
  const random = new RandomStream({ seed, purpose });
  return Int32Array.from({ length: size }, () => random.integer(bound));
}

/** Fails unless the two have the same bits (-0 is not 0). */
export function assertSameBits(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  for (let i = 0; i < actual.length; i++) {
    if (!Object.is(actual[i], expected[i])) {
      assert.fail(`${what}: element ${i} of ${actual.length} is ${actual[i]}, not ${expected[i]}`);
    }
  }
}

/** Fails unless |actual - expected| <= absolute + relative * |expected| everywhere. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { absolute = 0, relative = 0 }: { absolute?: number; relative?: number },
  what: string,
): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  for (let i = 0; i < actual.length; i++) {
    const a = actual[i]!, e = expected[i]!;
    if (!(Math.abs(a - e) <= absolute + relative * Math.abs(e))) {
      assert.fail(`${what}: element ${i} of ${actual.length} is ${a}, not ${e} (off by ${a - e})`);
    }
  }
}

/**
 * Central differences of a float64 function at every point of `x`, or at every `every`-th.
 * NaN where none was taken.
 */
export function centralDifferences(
  f: (x: Float64Array) => number,
  x: ArrayLike<number>,
  { step = 1e-5, every = 1 }: { step?: number; every?: number } = {},
): Float64Array {
  const at = Float64Array.from(x);
  const out = new Float64Array(at.length).fill(NaN);
  for (let i = 0; i < at.length; i += every) {
    const kept = at[i]!;
    at[i] = kept + step;
    const above = f(at);
    at[i] = kept - step;
    out[i] = (above - f(at)) / (2 * step);
    at[i] = kept;
  }
  return out;
}

/** As `assertClose`, at the points where `centralDifferences` took one. */
export function assertGradient(
  actual: ArrayLike<number>,
  expected: Float64Array,
  tolerance: { absolute?: number; relative?: number },
  what: string,
): void {
  const taken = [...expected.keys()].filter((i) => !Number.isNaN(expected[i]!));
  assert.ok(taken.length > 0, `${what}: no differences were taken`);
  assertClose(taken.map((i) => actual[i]!), taken.map((i) => expected[i]!), tolerance, what);
}

const word = new Int32Array(1);
const float = new Float32Array(word.buffer);
const bitsOf = (x: number) => (float[0] = x, word[0]!);
const floatOf = (bits: number) => (word[0] = bits, float[0]!);

/** exp in float32, operation by operation as `exp_f32x4` in assembly/simd.ts documents it. */
export function exp32(x: number): number {
  x = Math.max(-87, x);
  const round = 12582912;
  const t = f32(f32(x * f32(1.44269504088896341)) + round);
  const n = t - round;
  let r = f32(x - f32(n * f32(0.693359375)));
  r = f32(r - f32(n * f32(-2.12194440e-4)));
  let p = f32(1.9875691500e-4);
  for (
    const c of [1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1]
  ) {
    p = f32(f32(p * r) + f32(c));
  }
  p = f32(f32(p * f32(r * r)) + r);
  p = f32(p + 1);
  return f32(p * floatOf((bitsOf(t) + 127) << 23));
}

/** log in float32, operation by operation as `log_f32x4` in assembly/simd.ts documents it. */
export function log32(x: number): number {
  const bits = bitsOf(x);
  let e = (bits >>> 23) - 126;
  let m = floatOf((bits & 0x007fffff) | 0x3f000000);
  if (m < f32(0.707106781186547524)) {
    e -= 1;
    m = f32(m + m);
  }
  m = f32(m - 1);
  const z = f32(m * m);
  let p = f32(7.0376836292e-2);
  for (
    const c of [
      ...[-1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1],
      ...[-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1],
    ]
  ) p = f32(f32(p * m) + f32(c));
  p = f32(f32(p * m) * z);
  p = f32(p + f32(e * f32(-2.12194440e-4)));
  p = f32(p - f32(z * 0.5));
  return f32(f32(m + p) + f32(e * f32(0.693359375)));
}

/** The logistic function in float32, operation by operation as `sigmoid_f32x4` in assembly/simd.ts. */
export function sigmoid32(x: number): number {
  return f32(1 / f32(1 + exp32(Math.min(87, -x))));
}

/** tanh in float32, operation by operation as `tanh_f32x4` in assembly/simd.ts. */
export function tanh32(x: number): number {
  const a = Math.abs(x), z = f32(x * x);
  if (a < 0.625) {
    let p = f32(-5.70498872745e-3);
    for (
      const c of [2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1]
    ) p = f32(f32(p * z) + f32(c));
    return f32(x + f32(f32(p * z) * x));
  }
  const far = f32(1 - f32(2 / f32(exp32(Math.min(87, f32(a + a))) + 1)));
  return x < 0 ? -far : far;
}

/** Sum of 16 lanes: as four vectors, (0 + 1) + (2 + 3), and their lanes likewise. */
export function sumLanes(lanes: ArrayLike<number>): number {
  const four = [0, 1, 2, 3].map((i) =>
    f32(f32(lanes[i]! + lanes[4 + i]!) + f32(lanes[8 + i]! + lanes[12 + i]!))
  );
  return f32(f32(four[0]! + four[1]!) + f32(four[2]! + four[3]!));
}
