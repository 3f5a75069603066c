/** Rows that are read together, so that all of their cache lines are used. */
const BLOCK = 64;

/** A matrix (rows, cols) as (cols, rows): torch.nn.Linear's (outputs, inputs) as the kit's (inputs, outputs), and back. */
export function transposed(
  values: Float32Array,
  rows: number,
  cols: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(rows * cols);
  for (let start = 0; start < rows; start += BLOCK) {
    const end = Math.min(rows, start + BLOCK);
    for (let c = 0; c < cols; c++) {
      let from = start * cols + c, to = c * rows + start;
      for (let r = start; r < end; r++, from += cols) out[to++] = values[from]!;
    }
  }
  return out;
}
