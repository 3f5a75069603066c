/** How many rows a model has for ids. */
export interface IdBounds {
  readonly vocabularySize: number;
  /** Position ids, and what the config calls that number. */
  readonly positions: { readonly count: number; readonly name: string };
}

/** Throws RangeError for a token, target or position that the model has no row for: kernels do not check. */
export function checkIds(
  batch: Readonly<Record<string, ArrayLike<number>>>,
  { vocabularySize, positions }: IdBounds,
): void {
  const { weights } = batch;
  const bounds = [
    ["tokens", vocabularySize, "vocabularySize"],
    ["targets", vocabularySize, "vocabularySize"],
    ["positions", positions.count, positions.name],
  ] as const;
  for (const [label, bound, name] of bounds) {
    const ids = batch[label] ?? [];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (Number.isInteger(id) && id >= 0 && id < bound) continue;
      // A target of weight 0 is never looked up.
      if (label === "targets" && (weights?.[i] ?? 0) === 0) continue;
      throw new RangeError(`${label}: ${id}: the model has 0 to ${bound - 1} (${name} ${bound})`);
    }
  }
}
