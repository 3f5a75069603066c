import { DISPLAY, type Displayable, escapeHtml } from "./mime.ts";

/**
 * A value as JSON, folded under a title, to `show`: what few will read and some must have, such as a run's configuration.
 *
 * @example
 * ```ts
 * import { foldedJson, show } from "genac";
 *
 * await show(foldedJson("Configuration", { seeds: [1, 2], steps: 300 }));
 * ```
 */
export function foldedJson(title: string, value: unknown): Displayable {
  const json = JSON.stringify(value, null, 1);
  return {
    [DISPLAY]: () => ({
      "text/html": `<details><summary>${escapeHtml(title)}</summary>` +
        `<pre><code>${escapeHtml(json)}</code></pre></details>`,
      "text/plain": `${title}:\n\n${json}`,
    }),
  };
}
