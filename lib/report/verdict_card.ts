/** The cards of a report: what was claimed, what was found, in which numbers. */
import type { FamilyComparison } from "../eval/decision.ts";
import { seedsNeeded } from "../eval/power.ts";
import { formatNumber } from "./format.ts";
import { DISPLAY, type Displayable, escapeHtml, escapeMarkdown, type MimeBundle } from "./mime.ts";
import { type Column, table } from "./table.ts";
import { INK } from "./theme.ts";
import { byFamily, type ClaimVerdict, VERDICT_LOOKS, verdictCounts } from "./verdict.ts";

/**
 * One claim's card, to `show`: statement, verdict, the sentence with the numbers; folded below, the claim's terms and the
 * evidence. Evidence that `decideFamily` made is a table with the tests and the seeds that 80% power would need.
 *
 * @example
 * ```ts
 * import { show, verdictCard } from "genac";
 *
 * await show(verdictCard({
 *   id: "C1",
 *   statement: "The generative critic's error falls with size.",
 *   verdict: "supported",
 *   reading: "RMSE changes by -0.04 [-0.05, -0.03] per tenfold parameters.",
 *   evidence: { slope: -0.04 },
 * }));
 * ```
 */
export function verdictCard(claim: ClaimVerdict): Displayable {
  return {
    [DISPLAY]: () => ({
      "text/html": html(claim),
      "text/markdown": markdown(claim),
      "text/plain": plain(claim),
    }),
  };
}

/**
 * All of a report's claims, to `show`: a card for each confirmatory claim, the exploratory ones folded under a count of
 * their verdicts, and how they were fixed.
 *
 * @param claims A run's `claims`, in their order.
 */
export function verdictCards(claims: readonly ClaimVerdict[]): Displayable {
  const { confirmatory, exploratory } = byFamily(claims);
  const areFew = claims.some(({ verdict }) => verdict === "see standard");
  const others = `${exploratory.length} exploratory claim${exploratory.length === 1 ? "" : "s"}: ` +
    verdictCounts(exploratory);
  // Where there is nothing else to see, nothing is gained by folding a few.
  const open = confirmatory.length === 0 && exploratory.length <= MOST_UNFOLDED ? " open" : "";
  return {
    [DISPLAY]: (): MimeBundle => ({
      "text/html": (areFew ? `<p>${TOO_FEW}</p>` : "") + confirmatory.map(html).join("") +
        (exploratory.length === 0
          ? ""
          : `<details${open}><summary>${others}</summary>${
            exploratory.map(html).join("")
          }</details>`) +
        (areFew ? "" : `<p><small style="color:${INK.muted}">${FIXED}</small></p>`),
      "text/markdown": [
        ...(areFew ? [TOO_FEW] : []),
        ...confirmatory.map(markdown),
        ...(exploratory.length === 0 ? [] : [others, ...exploratory.map(markdown)]),
        ...(areFew ? [] : [FIXED]),
      ].join("\n\n"),
      "text/plain": [
        ...(areFew ? [TOO_FEW] : []),
        ...confirmatory.map(plain),
        ...(exploratory.length === 0 ? [] : [others, ...exploratory.map(plain)]),
        ...(areFew ? [] : [FIXED]),
      ].join("\n\n"),
    }),
  };
}

/** Exploratory claims that stand open where there are no others. */
const MOST_UNFOLDED = 6;

const FIXED =
  "Predicates, seeds and smallest effects of interest were fixed before the runs that " +
  "decide them (git log of claims.ts). Intervals are 95% (Student's t over seeds); where a claim " +
  "has several comparisons, their p-values are also given as adjusted by Holm's method.";
const TOO_FEW = "So few seeds carry no verdict: these are numbers only, see the standard profile.";

function html(claim: ClaimVerdict): string {
  const { mark, color } = VERDICT_LOOKS[claim.verdict];
  const { comparisons, others } = evidenceOf(claim);
  const rows = (entries: readonly (readonly [string, string])[]) =>
    entries.map(([name, text]) =>
      `<tr><td style="text-align:left;vertical-align:top">${escapeHtml(name)}</td>` +
      `<td style="text-align:left;vertical-align:top">${escapeHtml(text)}</td></tr>`
    ).join("");
  const folded = [
    ...(termsOf(claim).length === 0
      ? []
      : [`<table><tbody>${rows(termsOf(claim))}</tbody></table>`]),
    ...(comparisons ? [comparisons["text/html"]!] : []),
    ...(others.length === 0 ? [] : [`<table><tbody>${rows(others)}</tbody></table>`]),
  ];
  return [
    `<div class="genac-card" style="border-left:6px solid ${color};padding:0.4em 1em;margin:0.5em 0">`,
    `<p style="margin:0.2em 0"><strong>${escapeHtml(claim.id)}</strong> `,
    `${escapeHtml(claim.statement)}</p>`,
    `<p style="margin:0.2em 0;font-size:115%"><strong>`,
    `<span style="color:${color}">${mark}</span> ${claim.verdict}</strong></p>`,
    `<p style="margin:0.2em 0">${escapeHtml(claim.reading)}</p>`,
    folded.length === 0
      ? ""
      : `<details><summary>Terms and evidence</summary>${folded.join("")}</details>`,
    `</div>`,
  ].join("");
}

function markdown({ id, statement, verdict, reading }: ClaimVerdict): string {
  return [
    `> **${escapeMarkdown(id)}** ${escapeMarkdown(statement)}`,
    ">",
    `> **${VERDICT_LOOKS[verdict].mark} ${verdict}**`,
    ">",
    `> ${escapeMarkdown(reading)}`,
  ].join("\n");
}

function plain(claim: ClaimVerdict): string {
  const { comparisons, others } = evidenceOf(claim);
  return [
    `${claim.id}  ${claim.statement}`,
    `${VERDICT_LOOKS[claim.verdict].mark} ${claim.verdict.toUpperCase()}: ${claim.reading}`,
    ...[...termsOf(claim), ...others].map(([name, text]) => `   ${name}: ${text}`),
    ...(comparisons ? comparisons["text/plain"].split("\n").map((line) => `   ${line}`) : []),
  ].join("\n");
}

/** What was fixed before the runs. */
function termsOf({ paper, readAs, sesoi, family }: ClaimVerdict): [string, string][] {
  const terms = {
    "the paper": paper,
    "read here as": readAs,
    "smallest effect of interest (SESOI)": sesoi,
    family,
  };
  return Object.entries(terms).flatMap(([name, text]): [string, string][] =>
    text === undefined ? [] : [[name, text]]
  );
}

/** What decided a claim: the comparisons as a table, whatever else there is as text. */
function evidenceOf({ verdict, evidence = {} }: ClaimVerdict) {
  const entries = Object.entries(evidence);
  const rows = entries.flatMap(([name, value]) =>
    isComparison(value) ? [{ name, comparison: value }] : []
  );
  const others = entries.filter(([, value]) => !isComparison(value))
    .map(([name, value]) => [name, evidenceText(value)] as const);
  if (rows.length === 0) return { others };
  const hasColumn: Readonly<Record<string, boolean>> = {
    [HOLM]: rows.length > 1,
    [SEEDS]: rows.some(({ comparison }) => comparison.sesoi > 0),
    [DECISION]: verdict !== "see standard",
  };
  const columns = COLUMNS.filter(({ title }) => hasColumn[title] ?? true);
  return { comparisons: table({ rows, columns })[DISPLAY](), others };
}

interface ComparisonRow {
  readonly name: string;
  readonly comparison: FamilyComparison;
}

const HOLM = "p (Holm)";
const SEEDS = "seeds for 80% power at the SESOI";
const DECISION = "decision";
const COLUMNS: readonly Column<ComparisonRow>[] = [
  { title: "comparison", cell: ({ name }) => name },
  { title: "effect [95%]", cell: ({ comparison }) => comparison },
  { title: "p", cell: ({ comparison }) => probability(comparison.p), align: "right" },
  { title: HOLM, cell: ({ comparison }) => probability(comparison.adjustedP), align: "right" },
  { title: "sd", cell: ({ comparison }) => comparison.sd, significant: 2 },
  {
    title: SEEDS,
    cell: ({ comparison: { sd, sesoi } }) =>
      sesoi === 0 ? null : seedsNeeded({ effect: sesoi, sd }),
  },
  { title: DECISION, cell: ({ comparison }) => comparison.simultaneousDecision },
];

function probability(p: number): string {
  return p < 0.001 ? "< 0.001" : formatNumber(p, { decimals: 3 });
}

function isComparison(value: unknown): value is FamilyComparison {
  return typeof value === "object" && value !== null && "simultaneousDecision" in value;
}

function evidenceText(value: unknown): string {
  if (typeof value === "number" || value === null) return formatNumber(value);
  if (Array.isArray(value)) return value.map(evidenceText).join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}
