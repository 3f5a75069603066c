import { answers } from "../../../experiments/answers.ts";
import { answerOf } from "../../../experiments/shared/answer.ts";
import { escapeHtml } from "../../report/mime.ts";
import { type Notebook, sourceOf, titleOf } from "../../report/notebook.ts";
import type { PinnedExperiment } from "../readme.ts";
import { type MarkdownPlace, renderMarkdown } from "./markdown.ts";
import { relativeTo } from "./page.ts";

/** A report of the site and the notebook that it was made of. */
export interface SiteReport {
  /** The notebook's name: "01-scaling". */
  readonly name: string;
  readonly notebook: Notebook;
  /** Where the report is on the site. */
  readonly path: string;
}

/** The content of the page that lists all reports, with an experiment's answer or a notebook's first paragraph. */
export function reportsPage(
  reports: readonly SiteReport[],
  experiments: readonly PinnedExperiment[],
  place: MarkdownPlace,
): string {
  const items = reports.map(({ name, notebook, path }) => {
    const own = experiments.find(({ experiment }) => experiment.notebook === name);
    const said = own
      ? answerOf(own.experiment.name, own.claims, answers[own.experiment.name])
      : firstParagraph(notebook);
    return `<li><h3><a href="${relativeTo(place.path, path)}">${
      escapeHtml(titleOf(notebook) ?? name)
    }</a></h3>
${renderMarkdown(said, place)}</li>`;
  });
  return `<h1>Reports</h1>
<p class="lead">Each is a notebook, executed, as one page that needs nothing else.</p>
<ul class="cards">\n${items.join("\n")}\n</ul>`;
}

/** The first paragraph of prose. */
function firstParagraph({ cells }: Notebook): string {
  const paragraphs = cells.filter(({ cell_type }) => cell_type === "markdown")
    .flatMap((cell) => sourceOf(cell).split(/\n{2,}/));
  return paragraphs.find((text) => /^[\p{L}*_]/u.test(text)) ?? "";
}
