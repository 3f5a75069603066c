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
  const widths = head.map((title, i) => maximum([title, ...rows.map((row) => row[i]!)].map(width)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => {
      const space = " ".repeat(widths[i]! - width(cell));
      return right[i] ? space + cell : cell + space;
    }).join("  ").trimEnd();
  return [line(head), widths.map((n) => "-".repeat(n)).join("  "), ...rows.map(line)].join("\n");
}

/** Characters as a reader counts them. */
function width(text: string): number {
  return [...text].length;
}
