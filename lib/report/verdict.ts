import type { ClaimTerms, VerdictWord } from "../run/experiment.ts";
import { formatNumber } from "./format.ts";
import { DISPLAY, type Displayable, escapeHtml } from "./mime.ts";

/** A claim and its verdict. */
export interface ClaimVerdict extends Omit<ClaimTerms, "family"> {
  readonly family?: ClaimTerms["family"];
  readonly verdict: VerdictWord;
  /** One sentence with the numbers behind the verdict. */
  readonly reading: string;
  /** The numbers themselves; nested objects are written as JSON. */
  readonly evidence?: Readonly<Record<string, unknown>>;
}

/** Mark and colour ("#rrggbb") of a verdict; the mark and the word say it without the colour. */
export interface VerdictLook {
  readonly mark: string;
  readonly color: string;
}

/** The looks of the verdicts, in the order to count them in. */
export const VERDICT_LOOKS: Readonly<Record<VerdictWord, VerdictLook>> = {
  "supported": { mark: "✔", color: "#009e73" },
  "contradicted": { mark: "✘", color: "#d55e00" },
  "no material difference": { mark: "≈", color: "#0072b2" },
  "undecided": { mark: "?", color: "#7f7f7f" },
  "see standard": { mark: "→", color: "#7f7f7f" },
};

/**
 * The card that ends a report, to `show`: what was claimed, what was found, in which numbers.
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
  const { mark, color } = VERDICT_LOOKS[claim.verdict];
  const evidence = Object.entries(claim.evidence ?? {})
    .map(([name, value]) => [name, evidenceText(value)] as const);
  return {
    [DISPLAY]: () => ({
      "text/html": [
        `<div style="border-left:6px solid ${color};padding:0.4em 1em;margin:0.5em 0">`,
        `<p style="margin:0.2em 0"><strong>${escapeHtml(claim.id)}</strong> `,
        `${escapeHtml(claim.statement)}</p>`,
        `<p style="margin:0.2em 0;font-size:115%"><strong>`,
        `<span style="color:${color}">${mark}</span> ${claim.verdict}</strong></p>`,
        `<p style="margin:0.2em 0">${escapeHtml(claim.reading)}</p>`,
        evidence.length === 0
          ? ""
          : `<details><summary>Evidence</summary><table><tbody>${
            evidence.map(([name, text]) =>
              `<tr><td style="text-align:left">${escapeHtml(name)}</td>` +
              `<td style="text-align:left">${escapeHtml(text)}</td></tr>`
            ).join("")
          }</tbody></table></details>`,
        `</div>`,
      ].join(""),
      "text/markdown": [
        `> **${claim.id}** ${claim.statement}`,
        ">",
        `> **${mark} ${claim.verdict}**`,
        ">",
        `> ${claim.reading}`,
      ].join("\n"),
      "text/plain": [
        `${claim.id}  ${claim.statement}`,
        `${mark} ${claim.verdict.toUpperCase()}: ${claim.reading}`,
        ...evidence.map(([name, text]) => `   ${name}: ${text}`),
      ].join("\n"),
    }),
  };
}

/** How many claims have each verdict; those that none has are left out. */
export function countVerdicts(
  claims: readonly Pick<ClaimVerdict, "verdict">[],
): { readonly verdict: VerdictWord; readonly count: number }[] {
  return (Object.keys(VERDICT_LOOKS) as VerdictWord[])
    .map((verdict) => ({
      verdict,
      count: claims.filter((claim) => claim.verdict === verdict).length,
    }))
    .filter(({ count }) => count > 0);
}

function evidenceText(value: unknown): string {
  if (typeof value === "number" || value === null) return formatNumber(value);
  if (Array.isArray(value)) return value.map(evidenceText).join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}
