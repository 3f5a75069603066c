import { printableLines } from "../rollouts/printable.ts";
import { display, flush, inJupyter } from "./jupyter.ts";
import { DISPLAY, type Displayable, isDisplayable, type MimeBundle } from "./mime.ts";

/**
 * Shows figures, tables, cards and other displayables, and strings as Markdown, in order: the only way that the kit's
 * notebooks produce output.
 *
 * In Jupyter each becomes an output of the running cell: always `await show(...)`. (The value of a
 * cell's last expression is lost now and then in headless runs; what is shown is not.) Elsewhere
 * the plain text goes to stdout, what a terminal would obey written as an escape.
 *
 * Text from elsewhere (what a model wrote, names of files) goes into figures, tables and cards, which escape it: a string
 * is Markdown, and its markup is taken as meant.
 *
 * @throws TypeError for anything else.
 *
 * @example
 * ```ts
 * import { show, tokenSequence } from "genac";
 *
 * await show(
 *   "What the critic writes:",
 *   tokenSequence([
 *     { text: "(12)", tone: "right" },
 *     { text: "(13)", tone: "wrong", label: "should be (23)" },
 *     { text: "7", tone: "value" },
 *   ]),
 * );
 * ```
 */
export async function show(...things: readonly (Displayable | string)[]): Promise<void> {
  const bundles = things.map(bundleOf);
  for (const bundle of bundles) {
    if (inJupyter()) await display(bundle);
    else console.log(printableLines(bundle["text/plain"]));
  }
  await flush();
}

function bundleOf(thing: unknown, i: number): MimeBundle {
  if (typeof thing === "string") return { "text/markdown": thing, "text/plain": thing };
  if (isDisplayable(thing)) return thing[DISPLAY]();
  throw new TypeError(
    `show: argument ${i + 1} is ${
      thing === null ? "null" : typeof thing
    }: give a string (Markdown) or something to display, e.g. table({ ... })`,
  );
}
