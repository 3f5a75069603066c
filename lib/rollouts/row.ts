/**
 * A row of a file of rollouts, as a JSON line or a Parquet file has it, and how its columns are read.
 */

/** Columns by name. */
export type Row = Readonly<Record<string, unknown>>;

/** What is wrong with one row: counted, and said with its file and line by the reader. */
export class BadRow extends Error {
  override readonly name = "BadRow";

  /**
   * @param field The column.
   * @param value What stands there.
   * @param remedy What to do about it.
   */
  constructor(readonly field: string, readonly value: unknown, readonly remedy: string) {
    super(`${field}: ${remedy}`);
  }
}

/** A row that is sound but none of the rollouts that are asked for: it is left out, and counted by this reason. */
export class Skipped {
  constructor(readonly reason: string) {}
}

/** The value at `column`; `a.b` is the field b inside of a, where there is no such column. Undefined for null, too. */
export function valueAt(row: Row, column: string): unknown {
  if (Object.hasOwn(row, column)) return row[column] ?? undefined;
  let value: unknown = row;
  for (const key of column.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Row)[key];
  }
  return value ?? undefined;
}

/** Whether the row has all of these columns, filled or not. */
export function hasColumns(row: Row, ...columns: readonly string[]): boolean {
  return columns.every((column) => Object.hasOwn(row, column));
}

/** The text at `column`. */
export function textAt(row: Row, column: string): string {
  const value = valueAt(row, column);
  if (typeof value === "string") return value;
  throw new BadRow(column, value, "text is needed here");
}

/** The list at `column`. */
export function listAt(row: Row, column: string): readonly unknown[] {
  const value = valueAt(row, column);
  if (Array.isArray(value)) return value;
  throw new BadRow(column, value, "a list is needed here");
}

/** The list of texts at `column`. */
export function textsAt(row: Row, column: string): string[] {
  return listAt(row, column).map((item) => {
    if (typeof item === "string") return item;
    throw new BadRow(column, item, "a list of texts is needed here");
  });
}
