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

/** Columns that are laid out together, so that all of a cache line is used. */
const TOGETHER = 16;

/**
 * Writes columns of a matrix into memory as a storage has them.
 *
 * @param values (columns, rows), row-major.
 * @param place Where in `out` the number of the first row of column k goes; those of the next rows are `step` apart.
 */
export function storeColumns(
  values: Float32Array,
  rows: number,
  storage: WeightStorage,
  out: Uint32Array | Uint16Array,
  { place, step }: { place(column: number): number; readonly step: number },
): void {
  const bits = STORED_BITS[storage](values), columns = values.length / rows;
  for (let first = 0; first < columns; first += TOGETHER) {
    const places = Array.from(
      { length: Math.min(TOGETHER, columns - first) },
      (_, k) => place(first + k),
    );
    for (let row = 0; row < rows; row++) {
      for (let k = 0; k < places.length; k++) {
        out[places[k]! + row * step] = bits[(first + k) * rows + row]!;
      }
    }
  }
}

function bitsOf({ buffer, byteOffset, length }: Float32Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length);
}

/** The upper half of a float32's bits, rounded to nearest even; a NaN stays one. */
function bfloat16(bits: number): number {
  const isNaN = (bits & 0x7fffffff) > 0x7f800000;
  return isNaN ? bits >>> 16 | 0x40 : bits + 0x7fff + (bits >>> 16 & 1) >>> 16;
}
