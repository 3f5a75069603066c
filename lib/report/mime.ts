/**
 * What the report library shows is a `Displayable`: a value that says itself, in several media
 * types, how it looks. Jupyter picks the richest type that it knows; `show` does the rest.
 */
import { printableLines } from "../rollouts/printable.ts";

/** Media type to content: a string, or an object for the JSON types. Holds "text/plain" always. */
export interface MimeBundle {
  readonly "text/plain": string;
  readonly "text/html"?: string;
  readonly "text/markdown"?: string;
  readonly "image/svg+xml"?: string;
  readonly "application/vnd.plotly.v1+json"?: object;
}

/** The method that the Deno kernel looks for; equals `Deno.jupyter.$display`. */
export const DISPLAY: unique symbol = Symbol.for("Jupyter.display") as never;

/** Anything that `show` can show. */
export interface Displayable {
  [DISPLAY](): MimeBundle;
}

/** True if `show` can show it. */
export function isDisplayable(value: unknown): value is Displayable {
  return typeof value === "object" && value !== null && DISPLAY in value &&
    typeof value[DISPLAY] === "function";
}

/**
 * Text made safe inside HTML and SVG, in elements and in double-quoted attributes. What a page would hide, or let turn the
 * direction of its own words, is written as an escape (`printable`), but for line breaks and tabs.
 */
export function escapeHtml(text: string): string {
  return printableLines(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** Text made safe inside a paragraph of Markdown or a cell of its tables; line breaks become `<br>`. */
export function escapeMarkdown(text: string): string {
  return printableLines(text).replace(/[\\`*_|~$#&<>[\]]/g, "\\$&").replaceAll("\n", "<br>");
}
