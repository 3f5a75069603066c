import { DISPLAY, type Displayable, escapeHtml } from "./mime.ts";
import { alignedRows } from "./plain_table.ts";

/** Anything in JSON, by name. */
type Entries = { readonly [name: string]: unknown };

/**
 * Where a report's numbers come from, as a table to `show`: enough to run it again and to see what differed.
 *
 * @param provenance Rows in the order to be shown. Names are written as words: `gitCommit` -> "git commit"; nested
 *   objects become "outer inner" rows; null is written "unknown".
 * @param command The one command that reproduces the report.
 */
export function provenanceTable(provenance: Entries, command?: string): Displayable {
  const rows = flatten(provenance, "");
  return {
    [DISPLAY]: () => ({
      "text/html":
        `<div style="overflow-x:auto" role="group" tabindex="0" aria-label="Provenance"><table><tbody>${
          rows.map(([name, value]) =>
            `<tr><td style="text-align:left">${escapeHtml(name)}</td>` +
            `<td style="text-align:left"><code>${escapeHtml(value)}</code></td></tr>`
          ).join("")
        }</tbody></table></div>` +
        (command === undefined
          ? ""
          : `<p>To reproduce it:</p><pre><code>${escapeHtml(command)}</code></pre>`),
      "text/plain": [
        ...alignedRows(rows),
        ...(command === undefined ? [] : ["", "To reproduce it:", `    ${command}`]),
      ].join("\n"),
    }),
  };
}

type Rows = readonly (readonly [string, string])[];

function flatten(value: Entries, prefix: string): Rows {
  return Object.entries(value).flatMap(([key, entry]): Rows => {
    const name = prefix + words(key);
    if (entry === undefined) return [];
    if (entry === null) return [[name, "unknown"]];
    if (Array.isArray(entry)) return [[name, entry.map(String).join(", ")]];
    if (typeof entry === "object") return flatten(entry as Entries, `${name} `);
    if (typeof entry === "boolean") return [[name, entry ? "yes" : "no"]];
    return [[name, String(entry)]];
  });
}

/** "gitCommit" -> "git commit"; acronyms stay ("CPU"). */
function words(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`)
    .replaceAll("_", " ");
}
