import type { WeightStorage } from "../tensor/tape.ts";

/** Bytes of a stored weight. */
export const STORED_BYTES = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
} satisfies Record<WeightStorage, number>;

/** The bits of float32 numbers as each storage has them, rounded to nearest even. */
export const STORED_BITS: Record<
  WeightStorage,
  (values: Float32Array) => Uint32Array | Uint16Array
> = {
  float32: bitsOf,
  float16: (values) => new Uint16Array(new Float16Array(values).buffer),
  bfloat16: (values) => {
    const bits = bitsOf(values), out = new Uint16Array(bits.length);
    for (let i = 0; i < out.length; i++) out[i] = bfloat16(bits[i]!);
    return out;
  },
};

function bitsOf({ buffer, byteOffset, length }: Float32Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length);
}

/** The upper half of a float32's bits, rounded to nearest even; a NaN stays one. */
function bfloat16(bits: number): number {
  const isNaN = (bits & 0x7fffffff) > 0x7f800000;
  return isNaN ? bits >>> 16 | 0x40 : bits + 0x7fff + (bits >>> 16 & 1) >>> 16;
}
