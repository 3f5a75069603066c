/** Rows and columns that are copied together, so that both sides stay in the cache. */
const BLOCK = 32;

/** A matrix (rows, cols) as (cols, rows): torch.nn.Linear's (outputs, inputs) as the kit's (inputs, outputs), and back. */
export function transposed(
  values: Float32Array,
  rows: number,
  cols: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(values.length);
  for (let r0 = 0; r0 < rows; r0 += BLOCK) {
    const r1 = Math.min(rows, r0 + BLOCK);
    for (let c0 = 0; c0 < cols; c0 += BLOCK) {
      const c1 = Math.min(cols, c0 + BLOCK);
      for (let r = r0; r < r1; r++) {
        for (let c = c0; c < c1; c++) out[c * rows + r] = values[r * cols + c]!;
      }
    }
  }
  return out;
}
