/**
 * The page that lists all reports: what each claim's verdict is, what was run, when and on what. One file that loads
 * nothing and needs no script; the same bytes for the same runs.
 */
import type { BackendName } from "../backend/create.ts";
import type { ProfileName } from "../run/experiment.ts";
import type { PinCheck } from "../run/pin_check.ts";
import type { Run } from "../run/run.ts";
import { formatDuration, formatNumber } from "./format.ts";
import { escapeHtml } from "./mime.ts";
import { PIN_STATES } from "./pin_state.ts";
import { FONT_FAMILY, INK } from "./theme.ts";
import {
  byFamily,
  type ClaimVerdict,
  countVerdicts,
  VERDICT_LOOKS,
  verdictCounts,
  type VerdictLook,
} from "./verdict.ts";

/** What the page says of a finished run. */
export type RunFacts = Pick<Run, "seeds" | "claims" | "pins" | "provenance"> & {
  readonly cells: { readonly length: number };
};

/** A run of an experiment, readable or not. */
export interface IndexedRun {
  readonly profile: ProfileName;
  readonly backend: BackendName;
  /** The run; or why it cannot be read; or, where a report shows a run that is not here, the command that computes it. */
  readonly run: RunFacts | { readonly problem: string } | { readonly absent: string };
  /** Whether the entry's report shows this run or another one of the same profile; absent = neither. */
  readonly inReport?: "this" | "another";
}

/** An experiment, or a notebook without one. */
export interface IndexEntry {
  /** The experiment's name, or else the notebook's. */
  readonly name: string;
  readonly title: string;
  /** File name of the HTML report, beside the page. */
  readonly html?: string;
  /** File name of the executed notebook, beside the page. */
  readonly notebook?: string;
  /** The first readable one is what the entry's verdicts are taken from. Absent for a notebook without an experiment. */
  readonly runs?: readonly IndexedRun[];
}

/** A table of more confirmatory claims than this is folded; exploratory ones always are. */
const MOST_UNFOLDED = 6;

/** The whole page as HTML, the entries in their order. */
export function indexPage(entries: readonly IndexEntry[]): string {
  const isEmpty = ({ html, notebook, runs = [] }: IndexEntry) =>
    html === undefined && notebook === undefined && runs.length === 0;
  const missing = entries.filter(isEmpty);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>GenAC Kit: reports</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>GenAC Kit: reports</h1>
${summary(entries)}
</header>
<main>
${entries.filter((entry) => !isEmpty(entry)).map(section).join("\n")}
${missing.length === 0 ? "" : notRun(missing)}
</main>
<footer><p>Finished runs in <code>runs/</code> with the profiles' own seeds, and the reports beside this page;
<code>deno task notebooks</code> makes those that are missing. Pins are the committed results: on WASM they are the same,
to the last digit, on every machine.</p></footer>
</body>
</html>
`;
}

/** What all reports say, in a line or two. */
function summary(entries: readonly IndexEntry[]): string {
  const runs = entries.flatMap((entry) => mainRun(entry) ?? []);
  if (runs.length === 0) {
    return `<p class="summary">No experiment has a finished run yet: <code>deno task reproduce</code></p>`;
  }
  const claims = runs.flatMap(({ run }) => run.claims);
  const states = Object.keys(PIN_STATES) as PinCheck["state"][];
  const pins = states.flatMap((state) => {
    const count = runs.filter(({ run }) => run.pins.state === state).length;
    if (count === 0) return [];
    const { words, look } = PIN_STATES[state];
    return badge(look, count === runs.length ? words : `${words} in ${count}`);
  });
  const profiles = [...new Set(runs.map(({ profile }) => profile))].join(", ");
  const unread = entries.flatMap(({ runs = [] }) => runs).filter(({ run }) => "problem" in run);
  return [
    `<p class="summary"><strong>${
      amount(runs.length, "experiment")
    }</strong> (profile ${profiles}), `,
    ...Object.entries(byFamily(claims)).filter(([, own]) => own.length > 0).flatMap(
      ([family, own]) => [
        `<strong>${amount(own.length, `${family} claim`)}</strong>: `,
        ...countVerdicts(own).map(({ verdict, count }) =>
          `${badge(VERDICT_LOOKS[verdict], `${count} ${verdict}`)} `
        ),
      ],
    ),
    ...pins.map((pin) => `${pin} `),
    unread.length === 0
      ? ""
      : badge(VERDICT_LOOKS["contradicted"], `${amount(unread.length, "run")} not readable`),
    `</p>`,
  ].join("");
}

/** The run that an entry's verdicts are taken from. */
function mainRun({ runs = [] }: IndexEntry): (IndexedRun & { run: RunFacts }) | undefined {
  return runs.find(isReadable);
}

function isReadable(one: IndexedRun): one is IndexedRun & { run: RunFacts } {
  return "claims" in one.run;
}

function section(entry: IndexEntry): string {
  const { name, title, html, notebook, runs } = entry;
  const heading = html === undefined ? escapeHtml(title) : link(html, title);
  const links = [
    ...(html === undefined ? [] : [link(html, "Report")]),
    ...(notebook === undefined ? [] : [link(notebook, "Executed notebook")]),
  ];
  return [
    `<section id="${escapeHtml(name)}">`,
    `<h2>${heading} <small>${escapeHtml(name)}</small></h2>`,
    `<p class="links">${links.join(" ") || "No report yet."}</p>`,
    runs === undefined
      ? `<p class="note">Without an experiment: no claims, no pins.</p>`
      : runs.length === 0
      ? "<p>No finished run.</p>"
      : runsTable(runs),
    ...(runs ?? []).filter(isReadable).map((run) => claimsTable(run, run === mainRun(entry))),
    `</section>`,
  ].join("\n");
}

const RUN_COLUMNS = ["Run", "Pins", "Verdicts", "Size", "Finished (UTC)", "Computed on", "Code"];

function runsTable(runs: readonly IndexedRun[]): string {
  const head = RUN_COLUMNS.map((title) => `<th scope="col">${title}</th>`).join("");
  return `<table class="runs"><thead><tr>${head}</tr></thead>\n<tbody>\n${
    runs.map(runRow).join("\n")
  }\n</tbody></table>`;
}

function runRow(indexed: IndexedRun): string {
  const { run, inReport } = indexed;
  const name = `<td><strong>${runName(indexed)}</strong>${
    inReport === undefined
      ? ""
      : `<br><small>${inReport === "this" ? "in the report" : "report of another run"}</small>`
  }</td>`;
  if ("absent" in run) {
    return `<tr>${name}<td colspan="${
      RUN_COLUMNS.length - 1
    }">Not in <code>runs/</code> here: <code>${escapeHtml(run.absent)}</code></td></tr>`;
  }
  if ("problem" in run) {
    return `<tr>${name}<td class="problem" colspan="${RUN_COLUMNS.length - 1}">${
      badge(VERDICT_LOOKS["contradicted"], "not readable")
    } ${escapeHtml(run.problem)}</td></tr>`;
  }
  const { words, look } = PIN_STATES[run.pins.state];
  const { commit, dirty, deno, finishedAt, wallSeconds, cellsTakenUp } = run.provenance;
  const { cpu, cores, threads, adapter, platform, cellsFromPins = 0 } = run.provenance;
  const computed = run.cells.length - cellsFromPins;
  const cells = [
    badge(look, words),
    countVerdicts(run.claims).map(({ verdict, count }) =>
      badge(VERDICT_LOOKS[verdict], String(count), verdict)
    ).join(" "),
    `${amount(run.seeds.length, "seed")}<br><small>${amount(run.cells.length, "cell")}${
      cellsFromPins > 0 ? `, ${computed} computed` : ""
    }</small>`,
    `${escapeHtml(finishedAt.slice(0, 16).replace("T", " "))}<br><small>in ${
      escapeHtml(formatDuration(wallSeconds))
    }${cellsTakenUp > 0 ? `, ${amount(cellsTakenUp, "cell")} from sessions before` : ""}</small>`,
    computed === 0
      ? "not here"
      : `${escapeHtml(adapter === undefined ? cpu : `${adapter}; ${cpu}`)}<br><small>${
        amount(cores, "core")
      }, ${amount(threads, "thread")}, ${escapeHtml(platform)}</small>`,
    `Deno ${escapeHtml(deno)}<br><small>${
      commit === null
        ? "no git commit"
        : `commit <code>${escapeHtml(commit.slice(0, 9))}</code>${dirty ? ", with changes" : ""}`
    }</small>`,
  ];
  return `<tr>${name}${
    cells.map((cell, i) => `<td data-label="${RUN_COLUMNS[i + 1]}"><div>${cell}</div></td>`).join(
      "",
    )
  }</tr>`;
}

/** "quick", "quick, webgpu". */
function runName({ profile, backend }: IndexedRun): string {
  return escapeHtml(backend === "wasm" ? profile : `${profile}, ${backend}`);
}

function claimsTable(indexed: IndexedRun & { run: RunFacts }, isMain: boolean): string {
  const { claims, provenance } = indexed.run;
  const { confirmatory, exploratory } = byFamily(claims);
  const isOpen = isMain && confirmatory.length <= MOST_UNFOLDED;
  const details = `<details${isMain ? ' class="main"' : ""}`;
  return `${details}${isOpen ? " open" : ""}><summary>${amount(claims.length, "claim")}, ${
    runName(indexed)
  }</summary>
${confirmatory.length === 0 ? "" : verdictsTable(confirmatory)}
${
    exploratory.length === 0
      ? ""
      : `${details}><summary>${amount(exploratory.length, "exploratory claim")}: ${
        verdictCounts(exploratory)
      }</summary>
${verdictsTable(exploratory)}
</details>`
  }
<p class="command">To reproduce it: <code>${escapeHtml(provenance.command)}</code></p>
</details>`;
}

function verdictsTable(claims: readonly ClaimVerdict[]): string {
  const rows = claims.map(({ id, statement, verdict, reading }) =>
    `<tr><td>${badge(VERDICT_LOOKS[verdict], verdict)}</td><td><p><strong>${
      escapeHtml(id)
    }</strong> ${escapeHtml(statement)}</p><p class="reading">${escapeHtml(reading)}</p></td></tr>`
  );
  return `<table class="claims"><thead><tr><th scope="col">Verdict</th><th scope="col">Claim</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table>`;
}

function notRun(entries: readonly IndexEntry[]): string {
  const items = entries.map(({ name, title }) =>
    `<li>${escapeHtml(title)} <code>deno task reproduce --experiment ${
      escapeHtml(name)
    }</code></li>`
  );
  return `<section id="not-run">\n<h2>Not run yet</h2>\n<ul>\n${
    items.join("\n")
  }\n</ul>\n</section>`;
}

/** Mark and text; `meaning` is for the pointer and for screen readers where the text is a number alone. */
function badge({ mark, color }: VerdictLook, text: string, meaning?: string): string {
  const title = meaning === undefined ? "" : ` title="${escapeHtml(`${text} ${meaning}`)}"`;
  const spoken = meaning === undefined ? "" : `<span class="spoken"> ${escapeHtml(meaning)}</span>`;
  return `<span class="badge" style="--color:${color}"${title}><b aria-hidden="true">${mark}</b> ${
    escapeHtml(text)
  }${spoken}</span>`;
}

function link(file: string, text: string): string {
  return `<a href="${escapeHtml(encodeURI(file))}">${escapeHtml(text)}</a>`;
}

/** "1 seed", "2 seeds". */
function amount(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

const STYLE = `
:root {
  color-scheme: light dark;
  --background: ${INK.background}; --text: ${INK.text}; --muted: ${INK.muted}; --rule: ${INK.grid};
  --link: #0969da; --ground: #f6f8fa;
}
@media (prefers-color-scheme: dark) {
  :root {
    --background: #0d1117; --text: #e6edf3; --muted: #9198a1; --rule: #30363d;
    --link: #58a6ff; --ground: #161b22; --light: 45%;
  }
}
* { box-sizing: border-box; }
body {
  max-width: 68rem; margin: 0 auto; padding: 1.5rem 1rem 3rem;
  background: var(--background); color: var(--text);
  font: 1rem/1.5 ${FONT_FAMILY};
}
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 0.75rem; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 0; }
h2 small { color: var(--muted); font-weight: 400; font-size: 0.9rem; margin-left: 0.35rem; }
p { margin: 0.3rem 0; }
small { font-size: 0.8rem; color: var(--muted); }
code { font: 0.85em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
a { color: var(--link); text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; }
h2 a { color: inherit; }
.summary { line-height: 2; }
.summary strong { white-space: nowrap; }
.links a { margin-right: 1rem; }
section { border-top: 1px solid var(--rule); padding: 1.25rem 0; }
table { width: 100%; border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; font-size: 0.8rem; color: var(--muted); white-space: nowrap; }
th, td { padding: 0.35rem 0.9rem 0.35rem 0; vertical-align: top; }
tbody tr { border-top: 1px solid var(--rule); }
.runs { margin: 0.6rem 0; table-layout: fixed; }
.runs th { width: 16%; }
.runs th:nth-child(1) { width: 12%; }
.runs th:nth-child(3) { width: 15%; }
.runs th:nth-child(4) { width: 9%; }
.runs th:nth-child(6) { width: 19%; }
.runs th:nth-child(7) { width: 13%; }
.claims td:first-child { width: 12.5rem; }
.claims p { margin: 0; max-width: 52rem; }
.reading, .command, .note, footer { color: var(--muted); font-size: 0.85rem; }
.problem { overflow-wrap: anywhere; }
.badge {
  display: inline-block; padding: 0 0.55em; border-radius: 1em; white-space: nowrap;
  font-size: 0.85rem; line-height: 1.6;
  --shade: color-mix(in srgb, white var(--light, 0%), var(--color));
  border: 1px solid var(--shade); background: color-mix(in srgb, var(--shade) 12%, transparent);
}
.badge b { color: var(--shade); }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
details { margin: 0.5rem 0; }
summary { cursor: pointer; font-size: 0.9rem; color: var(--muted); padding: 0.2rem 0; }
details[open] > summary { margin-bottom: 0.3rem; }
@media screen and (max-width: 48rem) {
  thead { display: none; }
  table, tbody, tr, td { display: block; }
  .claims td:first-child { width: auto; }
  td { padding: 0.15rem 0; }
  tr { padding: 0.5rem 0; }
  .runs td[data-label] { display: grid; grid-template-columns: 8rem 1fr; }
  .runs td[data-label]::before { content: attr(data-label); color: var(--muted); font-size: 0.8rem; }
}
@media print {
  :root { --background: #fff; --text: #000; --muted: #444; --rule: #bbb; --link: #000; --light: 0%; }
  :root { font-size: 8.5pt; }
  body { max-width: none; padding: 0; }
  th, td { padding-right: 0.5rem; }
  details:not(.main) { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
  tr { break-inside: avoid; }
  h2, summary { break-after: avoid; }
}
`;
