import { posix } from "node:path";
import type { Notebook } from "../../report/notebook.ts";
import { ROOT } from "../../root.ts";
import { readBytes } from "../../run/files.ts";
import { sourceFiles } from "../../source_files.ts";
import { notebookPaths, readNotebook } from "../notebooks.ts";
import { pinnedExperiments } from "../readme.ts";
import { ID as PLAYGROUND } from "../../verify/playground/names.ts";
import { frontPage } from "./front_page.ts";
import { type MarkdownPlace, renderMarkdown } from "./markdown.ts";
import { type SitePage, sitePage, withWayHome } from "./page.ts";
import { reportsPage } from "./reports_page.ts";

/** A report as HTML by its notebook's name, e.g. "01-scaling". */
export type Reports = ReadonlyMap<string, string>;

/** Files of the site by their paths in it: pages, reports and what they link to. The API reference stands in `api.ts`. */
export async function siteFiles(reports: Reports): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const linked = new Set<string>();
  const target = (file: string): string => {
    if (file.endsWith(".md")) return pageOf(file);
    if (file.endsWith(".ipynb")) {
      const name = posix.basename(file, ".ipynb");
      return reports.has(name) ? reportOf(name) : "reports/index.html";
    }
    linked.add(file);
    return fileOf(file);
  };
  const place = (source: string): MarkdownPlace => ({ source, path: pageOf(source), target });
  const add = (page: SitePage) => files.set(page.path, encode(sitePage(page)));

  const experiments = await pinnedExperiments();
  const title = "GenAC Kit: does a value model get better when it thinks?";
  const [playground] = [...reports].flatMap(([name, html]) =>
    html.includes(`id="${PLAYGROUND}"`) ? [`${reportOf(name)}#${PLAYGROUND}`] : []
  );
  add({
    path: "index.html",
    title,
    body: frontPage(
      read("README.md"),
      // Without the runs that decide there is no answer yet.
      experiments.filter(({ profile }) => profile === "standard"),
      place("README.md"),
      playground,
    ),
  });
  for (const folder of ["experiments", "lib", "kernels"]) {
    for (const name of sourceFiles(`${ROOT}${folder}`, ".md")) {
      const source = `${folder}/${name}`, text = read(source);
      add({
        path: pageOf(source),
        title: headingOf(text),
        body: renderMarkdown(text, place(source)),
      });
    }
  }
  const shown = notebooks().filter(({ name }) => reports.has(name));
  const here = { ...place("reports/index.md"), path: "reports/index.html" };
  add({
    path: here.path,
    title: "Reports",
    body: reportsPage(
      shown.map((one) => ({ ...one, path: reportOf(one.name) })),
      experiments,
      here,
    ),
  });
  for (const [name, html] of reports) {
    const path = reportOf(name);
    const linked = html.replaceAll(
      /href="([\w-]+)\.ipynb(?=["#])/g,
      (link, other) => reports.has(other) ? `href="${other}.html` : link,
    );
    files.set(path, encode(withWayHome(path, linked)));
  }
  for (const file of linked) {
    files.set(fileOf(file), readBytes(`${ROOT}${file}`, "restore it from git"));
  }
  return files;
}

function notebooks(): { readonly name: string; readonly notebook: Notebook }[] {
  return notebookPaths([]).map((path) => ({
    name: posix.basename(path, ".ipynb"),
    notebook: readNotebook(path),
  }));
}

/** "experiments/README.md" -> "experiments/index.html"; README.md's is the front page. */
function pageOf(source: string): string {
  return source.replace(/(^|\/)README\.md$/, "$1index.md").replace(/\.md$/, ".html");
}

function reportOf(name: string): string {
  return `reports/${name}.html`;
}

/** Where a file goes as it is: images by their names, text with an ending by which servers and browsers show it. */
function fileOf(file: string): string {
  return file.endsWith(".svg") ? file : `${file}.txt`;
}

function headingOf(markdown: string): string {
  return /^# (.+)$/m.exec(markdown)?.[1] ?? "";
}

function read(path: string): string {
  return new TextDecoder().decode(readBytes(`${ROOT}${path}`, "restore it from git"));
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
