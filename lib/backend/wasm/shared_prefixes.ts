/** Rows of a generation program in an order in which rows that share the start of their prompts are neighbours. */
export interface SharedPrefixes {
  /** (rows): which row comes at each place. */
  readonly order: Int32Array;
  /**
   * (rows): by place, how many decoding steps the row shares with the one before it: both are fed the same tokens at the
   * same positions, and what comes next is given to both. 0 at the first place.
   */
  readonly shared: Int32Array;
}

/**
 * Finds what is shared, so that it is computed once.
 *
 * @param forced (length, rows): prompt tokens, -1 where the model chooses.
 * @param positions (length, rows).
 */
export function sharedPrefixes(
  forced: Int32Array,
  positions: Int32Array,
  rows: number,
): SharedPrefixes {
  const length = forced.length / rows;
  /** The first token at which two prompts differ, or at which one of them ends. */
  const common = (a: number, b: number) => {
    let t = 0;
    for (; t < length; t++) {
      const i = t * rows + a, k = t * rows + b;
      if (forced[i]! < 0 || forced[i] !== forced[k] || positions[i] !== positions[k]) break;
    }
    return t;
  };
  const order = Int32Array.from({ length: rows }, (_, row) => row).sort((a, b) => {
    const t = common(a, b);
    if (t === length) return a - b;
    const i = t * rows + a, k = t * rows + b;
    return forced[i]! - forced[k]! || (forced[i]! < 0 ? 0 : positions[i]! - positions[k]!) || a - b;
  });
  const shared = order.map((row, place) => {
    if (place === 0) return 0;
    const before = order[place - 1]!, t = common(before, row);
    // The step that is fed a prompt's last token is the row's own: what it writes is.
    const ends = t < length && (forced[t * rows + before]! < 0 || forced[t * rows + row]! < 0);
    return ends ? t - 1 : t;
  });
  return { order, shared };
}
