import type { BatchRecords } from "../tensor/backend.ts";

/**
 * Throws RangeError for a record that a program does not know, or that is not `rows` rows long.
 *
 * @param cols Elements a row of each record that the program knows, by label.
 */
export function checkRecords(
  batch: BatchRecords,
  cols: ReadonlyMap<string, number>,
  rows: number,
): void {
  for (const [label, values] of Object.entries(batch)) {
    const width = cols.get(label);
    if (width === undefined) {
      throw new RangeError(
        `the model has no use for ${label}: it knows ${[...cols.keys()].join(", ")}`,
      );
    }
    if (values.length !== rows * width) {
      throw new RangeError(
        `${label} has ${values.length} elements, the program works on ${rows} rows of ${width}`,
      );
    }
  }
}
