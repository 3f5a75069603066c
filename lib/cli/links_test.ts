/** Links in Markdown, that of notebooks included, lead somewhere. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { posix } from "node:path";
import { sourceFiles } from "../source_files.ts";
import { ROOT } from "../root.ts";

/** The Markdown of a page or notebook, without code. */
function markdown(path: string): string {
  const text = Deno.readTextFileSync(`${ROOT}${path}`);
  const prose = path.endsWith(".md") ? text : (JSON.parse(text) as {
    cells: { cell_type: string; source: string | string[] }[];
  }).cells.filter((cell) => cell.cell_type === "markdown")
    .map(({ source }) => [source].flat().join("")).join("\n\n");
  return prose.replaceAll(/^```[^]*?^```/gm, "");
}

/** The names of a page's headings in links: lower case, hyphens for spaces, no punctuation. */
function anchors(text: string): string[] {
  return Array.from(
    text.matchAll(/^#+ (.*)$/gm),
    ([, heading]) =>
      heading!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"),
  );
}

Deno.test("every relative link leads to a file, and to a heading that is there", () => {
  const pages = ["lib", "experiments", "kernels", "notebooks"].flatMap((folder) =>
    [".md", ".ipynb"].flatMap((ending) =>
      sourceFiles(`${ROOT}${folder}`, ending).map((path) => `${folder}/${path}`)
    )
  );
  const broken: string[] = [];
  let links = 0;
  for (const page of ["README.md", ...pages]) {
    const targets = Array.from(markdown(page).matchAll(/\]\(([^)\s]+)\)/g), ([, to]) => to!);
    for (const target of targets.filter((to) => !/^[a-z]+:/.test(to))) {
      links++;
      const [file, anchor] = target.split("#");
      const path = file ? posix.join(posix.dirname(page), file) : page;
      if (!existsSync(`${ROOT}${path}`)) broken.push(`${page}: ${target}`);
      else if (anchor && !anchors(markdown(path)).includes(anchor)) {
        broken.push(`${page}: ${target}`);
      }
    }
  }
  assert.deepEqual(broken, []);
  assert.ok(links > 20);
});
