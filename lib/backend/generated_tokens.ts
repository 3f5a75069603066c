/** What a device has in place of a token where it could choose none: a logit was NaN, infinite, or is at that temperature. */
export const NOT_FINITE = -2;

/**
 * The result that `DecodingProgram.run` promises, from what a device has in memory.
 *
 * @param tokens (length, stride): all rows of the program, of which the first `rows` are in use.
 * @param forced (length, rows): -1 where the model chose.
 * @param stop Tokens that end a row, where the model chose them.
 * @returns (length, rows): all tokens; -1 after a row's stop token or NOT_FINITE.
 */
export function withoutFinished(
  tokens: Int32Array,
  stride: number,
  forced: Int32Array,
  rows: number,
  stop: readonly number[],
): Int32Array {
  const out = new Int32Array(forced.length);
  const ends = new Set(stop);
  for (let row = 0; row < rows; row++) {
    let finished = false;
    for (let t = 0; t < forced.length / rows; t++) {
      const token = tokens[t * stride + row]!;
      out[t * rows + row] = finished ? -1 : token;
      finished ||= forced[t * rows + row]! < 0 && (token === NOT_FINITE || ends.has(token));
    }
  }
  return out;
}
