/** Columns `from` to `to` of a matrix with `columns` of them, row-major. */
export function sliceColumns(
  data: Float32Array,
  columns: number,
  from: number,
  to: number,
): Float32Array<ArrayBuffer> {
  const rows = data.length / columns, width = to - from;
  const out = new Float32Array(rows * width);
  for (let r = 0; r < rows; r++) {
    out.set(data.subarray(r * columns + from, r * columns + to), r * width);
  }
  return out;
}

/** The transpose of a matrix with `columns` columns, row-major. */
export function transpose(data: Float32Array, columns: number): Float32Array<ArrayBuffer> {
  const rows = data.length / columns, out = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c]!;
  }
  return out;
}
