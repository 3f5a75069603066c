/** Rows that are read together, so that all of their cache lines are used. */
const BLOCK = 64;

/**
 * A matrix (rows, cols) as (cols, rows): torch.nn.Linear's (outputs, inputs) as the kit's (inputs, outputs), and back.
 *
 * @param first The first of the columns to take, `count` of them; default: all.
 */
export function transposed(
  values: Float32Array,
  rows: number,
  cols: number,
  { first = 0, count = cols }: { readonly first?: number; readonly count?: number } = {},
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(rows * count);
  for (let start = 0; start < rows; start += BLOCK) {
    const end = Math.min(rows, start + BLOCK);
    for (let c = 0; c < count; c++) {
      let from = start * cols + first + c, to = c * rows + start;
      for (let r = start; r < end; r++, from += cols) out[to++] = values[from]!;
    }
  }
  return out;
}
