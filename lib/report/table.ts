/**
 * Typed tables: HTML without scripts for Jupyter, long ones folded, Markdown for pasting, plain text for terminals.
 */
import {
  formatInterval,
  formatNumber,
  type IntervalLike,
  type NumberFormat,
  UNDEFINED_NUMBER,
} from "./format.ts";
import { DISPLAY, type Displayable, escapeHtml, escapeMarkdown } from "./mime.ts";
import { plainTable } from "./plain_table.ts";

/** What a cell may hold. Numbers and intervals are aligned to the right. */
export type TableCell = string | number | boolean | null | undefined | IntervalLike;

/** One column: its title, and how to get a row's cell. */
export interface Column<Row> extends NumberFormat {
  readonly title: string;
  /** Stands in brackets after the title. */
  readonly unit?: string;
  readonly cell: (row: Row) => TableCell;
  /** Default: right if every cell is a number or an interval, else left. */
  readonly align?: "left" | "right";
}

/** A table. */
export interface TableDescription<Row> {
  readonly caption?: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Rows to set in bold, e.g. the best one. */
  readonly emphasize?: (row: Row) => boolean;
}

/**
 * A table to `show`.
 *
 * @example A number with its interval is written "0.123 [0.110, 0.140]"
 * ```ts
 * import { seedInterval, show, table } from "genac";
 *
 * await show(table({
 *   caption: "RMSE by critic",
 *   rows: [
 *     { critic: "cot", parameters: 25_344, rmse: [0.12, 0.11, 0.14] },
 *     { critic: "filler", parameters: 25_344, rmse: [0.31, 0.29, 0.3] },
 *   ],
 *   columns: [
 *     { title: "critic", cell: (row) => row.critic },
 *     { title: "parameters", cell: (row) => row.parameters },
 *     { title: "RMSE", cell: (row) => seedInterval(row.rmse), decimals: 3 },
 *   ],
 * }));
 * ```
 */
export function table<Row>(description: TableDescription<Row>): Displayable {
  const { caption, columns, rows, emphasize = () => false } = description;
  const head = columns.map(({ title, unit }) => unit === undefined ? title : `${title} (${unit})`);
  const values = rows.map((row) => columns.map((column) => column.cell(row)));
  const cells = values.map((row) => row.map((value, i) => formatCell(value, columns[i]!)));
  const right = columns.map(({ align }, i) =>
    align !== undefined
      ? align === "right"
      : rows.length > 0 && values.every((row) => isNumeric(row[i]))
  );
  const laidOut = { caption, head, cells, right, bold: rows.map(emphasize) };
  return {
    [DISPLAY]: () => ({
      "text/html": html(laidOut),
      "text/markdown": markdown(laidOut),
      "text/plain": [
        ...(caption === undefined ? [] : [caption, ""]),
        plainTable(head, cells, right),
      ].join("\n"),
    }),
  };
}

function isNumeric(value: TableCell): boolean {
  return value === null || value === undefined || typeof value === "number" ||
    typeof value === "object";
}

function formatCell(value: TableCell, format: NumberFormat): string {
  if (value === null || value === undefined) return UNDEFINED_NUMBER;
  if (typeof value === "number") return formatNumber(value, format);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "string" ? value : formatInterval(value, format);
}

/** Characters that are not worth a line break. */
const SHORT = 14;
/** A table with more rows is folded in HTML. */
const LONG = 15;

/** A table as text: which columns are aligned to the right, which rows are bold. */
interface LaidOut {
  readonly caption: string | undefined;
  readonly head: readonly string[];
  readonly cells: readonly (readonly string[])[];
  readonly right: readonly boolean[];
  readonly bold: readonly boolean[];
}

function html({ caption, head, cells, right, bold }: LaidOut): string {
  const row = (tag: "th" | "td", texts: readonly string[], strong: boolean) =>
    `<tr>${
      texts.map((text, i) => {
        // An interval stays on one line, and so does anything short.
        const unbroken = text.replace(/\[[^\]]*\]$/, (interval) => interval.replace(" ", "\u00a0"));
        const content = escapeHtml(unbroken).replaceAll("\n", "<br>");
        const side = right[i] ? "right" : "left";
        const cell = text === "" ? "td" : tag;
        const wrap = text.length <= SHORT ? ";white-space:nowrap" : "";
        return `<${cell} style="text-align:${side}${wrap}">${
          strong ? `<strong>${content}</strong>` : content
        }</${cell}>`;
      }).join("")
    }</tr>`;
  const title = caption ?? "Table";
  const isLong = cells.length > LONG;
  // A table that is wider than the page scrolls, by keys too; the page itself must not.
  const all = `<div style="overflow-x:auto" role="group" tabindex="0" ` +
    `aria-label="${escapeHtml(title)}"><table>` +
    (caption === undefined || isLong
      ? ""
      : `<caption style="text-align:left">${escapeHtml(caption)}</caption>`) +
    (head.every((text) => text === "") ? "" : `<thead>${row("th", head, false)}</thead>`) +
    `<tbody>${cells.map((texts, i) => row("td", texts, bold[i]!)).join("")}</tbody></table></div>`;
  return isLong
    ? `<details><summary>${escapeHtml(title)} (${cells.length} rows)</summary>${all}</details>`
    : all;
}

function markdown({ caption, head, cells, right, bold }: LaidOut): string {
  const row = (texts: readonly string[]) => `| ${texts.join(" | ")} |`;
  const lines = cells.map((texts, i) =>
    row(texts.map((text) => bold[i] ? `**${escapeMarkdown(text)}**` : escapeMarkdown(text)))
  );
  return [
    ...(caption === undefined ? [] : [escapeMarkdown(caption), ""]),
    row(head.map(escapeMarkdown)),
    row(right.map((isRight) => isRight ? "---:" : ":---")),
    ...lines,
  ].join("\n");
}
