import { answers } from "../../../experiments/answers.ts";
import { answerOf } from "../../../experiments/shared/answer.ts";
import { escapeHtml } from "../../report/mime.ts";
import { byFamily, countVerdicts, VERDICT_LOOKS } from "../../report/verdict.ts";
import { type PinnedExperiment, withoutBlock } from "../readme.ts";
import { type MarkdownPlace, renderMarkdown } from "./markdown.ts";
import { relativeTo } from "./page.ts";

/**
 * The front page's content: README.md with the question as its heading and, in the place of what `deno task readme` wrote,
 * the figure and a card for each experiment.
 *
 * @param playground Where on the site critics can be asked, if anywhere.
 * @throws Error where README.md does not begin with a heading and the question in bold.
 */
export function frontPage(
  readme: string,
  experiments: readonly PinnedExperiment[],
  place: MarkdownPlace,
  playground: string | undefined,
): string {
  const [intro, rest] = withoutBlock(readme);
  const opening = /^# .+\n+\*\*(?<question>[^*]+)\*\* (?<lead>[^]*?)\n\n(?<more>[^]*)$/.exec(intro)
    ?.groups;
  if (!opening) throw new Error("README.md: expected a heading, then the question in bold");
  const { question, lead, more } = opening as Record<"question" | "lead" | "more", string>;
  const html = (markdown: string) => renderMarkdown(markdown, place);
  const figure = experiments.find(({ experiment }) => experiment.figure);
  return [
    `<h1>${escapeHtml(question.replaceAll("\n", " "))}</h1>`,
    html(lead).replace("<p>", '<p class="lead">'),
    '<p class="actions">' +
    (playground ? `<a href="${playground}">Ask trained critics in your browser</a>` : "") +
    `<a href="reports/index.html">Read the reports</a></p>`,
    html(more),
    figure ? figureOf(figure, place) : "",
    answerCards(experiments, place),
    html(rest),
  ].join("\n");
}

/** An experiment's figure, described as it describes itself. */
function figureOf(
  { experiment, pins }: PinnedExperiment,
  { path, target }: Pick<MarkdownPlace, "path" | "target">,
): string {
  const file = relativeTo(path, target(`experiments/${experiment.name}/figure.svg`));
  const [, description] = /<svg[^>]* aria-label="([^"]*)"/.exec(experiment.figure!(pins.summary))!;
  return `<div class="figure" tabindex="0"><img src="${file}" alt="${description}"></div>`;
}

/** The experiments' answers, each with its verdicts and the way to its report. */
function answerCards(
  experiments: readonly PinnedExperiment[],
  { path, target }: Pick<MarkdownPlace, "path" | "target">,
): string {
  const cards = experiments.map(({ experiment, claims, profile, seeds }) => {
    const { name, title, notebook } = experiment;
    const { confirmatory, exploratory } = byFamily(claims);
    const verdicts = `${relativeTo(path, target("experiments/README.md"))}#${name}`;
    const report = notebook ? relativeTo(path, target(`notebooks/${notebook}.ipynb`)) : verdicts;
    const counted = confirmatory.length > 0 ? confirmatory : exploratory;
    const badges = countVerdicts(counted).map(({ verdict, count }) => {
      const { mark, color } = VERDICT_LOOKS[verdict];
      return `<span class="badge" style="--color:${color}"><b aria-hidden="true">${mark}</b> ${count} ${verdict}</span>`;
    });
    return `<li><h3><a href="${report}">${escapeHtml(title)}</a></h3>
<p>${withEffects(escapeHtml(answerOf(name, claims, answers[name])))}</p>
<p class="badges">${badges.join("")}<br>${
      confirmatory.length > 0 ? "confirmatory" : "exploratory"
    } claims, profile ${profile}, ${seeds} seeds</p>
<p class="links"><a href="${report}" aria-label="Report: ${escapeHtml(title)}">Report</a>
<a href="${verdicts}" aria-label="All verdicts: ${escapeHtml(title)}">All verdicts</a></p></li>`;
  });
  return `<ul class="cards">\n${cards.join("\n")}\n</ul>`;
}

/** Makes effects with their intervals, "0.25 [0.16, 0.33]", stand out. */
function withEffects(html: string): string {
  return html.replaceAll(
    /[−-]?\d+(?:\.\d+)? \[[^\]]+\]/g,
    (effect) => `<span class="effect">${effect}</span>`,
  );
}
