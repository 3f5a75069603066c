import { maximum } from "../numeric/extrema.ts";

/**
 * A table in plain text: a header, a rule, the rows.
 *
 * @param head Column titles.
 * @param rows Cells, as many per row as there are titles.
 * @param right Which columns are aligned to the right.
 */
export function plainTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly boolean[],
): string {
  const [titles, ...lines] = alignedRows([head, ...rows], right);
  const rule = columnWidths([head, ...rows]).map((n) => "-".repeat(n)).join("  ");
  return [titles, rule, ...lines].join("\n");
}

/** Rows as lines, their columns under one another, aligned to the left or, where `right` says so, to the right. */
export function alignedRows(
  rows: readonly (readonly string[])[],
  right: readonly boolean[] = [],
): string[] {
  const widths = columnWidths(rows);
  return rows.map((cells) =>
    cells.map((cell, i) => {
      const space = " ".repeat(widths[i]! - width(cell));
      return right[i] ? space + cell : cell + space;
    }).join("  ").trimEnd()
  );
}

function columnWidths(rows: readonly (readonly string[])[]): number[] {
  return rows[0]?.map((_, i) => maximum(rows.map((row) => width(row[i]!)))) ?? [];
}

/** Characters as a reader counts them. */
function width(text: string): number {
  return [...text].length;
}
