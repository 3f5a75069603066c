import type { TransformerConfig } from "../nn/transformer.ts";

/**
 * The order in which a head's dimensions must be laid for an implementation of rotary positions that rotates dimension f
 * with dimension f + `stride`: entry i is the kit's dimension that goes to i. The kit rotates, in every 16 dimensions, i
 * with i + w / 2 of the w rotated. Queries and keys laid in one order have the scores that they had.
 *
 * @param stride At least rotaryDim / 2: half of the rotated dimensions, or half of the head.
 */
export function rotaryLayout(
  { headDim, rotaryDim }: Pick<TransformerConfig, "headDim" | "rotaryDim">,
  stride: number,
): number[] {
  const half = Math.min(rotaryDim, 16) / 2;
  const order = new Array<number>(headDim).fill(-1);
  for (let f = 0; f < rotaryDim / 2; f++) {
    const first = Math.floor(f / half) * 2 * half + f % half;
    order[f] = first;
    order[f + stride] = first + half;
  }
  let rest = rotaryDim;
  return order.map((dimension) => dimension < 0 ? rest++ : dimension);
}

/** A matrix (rows, heads * headDim), row-major, with the columns of every head in the order of `layout`. */
export function layHeads(
  data: Float32Array,
  columns: number,
  layout: readonly number[],
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(data.length), width = layout.length;
  for (let start = 0; start < data.length; start += columns) {
    for (let head = start; head < start + columns; head += width) {
      layout.forEach((from, to) => out[head + to] = data[head + from]!);
    }
  }
  return out;
}
