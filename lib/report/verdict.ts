/** What is said of claims: their looks and their counts, the same on every page. */
import type { ClaimTerms, VerdictWord } from "../run/experiment.ts";

/** A claim and its verdict. */
export interface ClaimVerdict extends Omit<ClaimTerms, "family"> {
  readonly family?: ClaimTerms["family"];
  readonly verdict: VerdictWord;
  /** One sentence with the numbers behind the verdict. */
  readonly reading: string;
  /** The numbers themselves; nested objects are written as JSON. */
  readonly evidence?: Readonly<Record<string, unknown>>;
}

/** Mark and colour ("#rrggbb", for text on white) of a verdict; the mark and the word say it without the colour. */
export interface VerdictLook {
  readonly mark: string;
  readonly color: string;
}

/** The looks of the verdicts, in the order to count them in. */
export const VERDICT_LOOKS: Readonly<Record<VerdictWord, VerdictLook>> = {
  "supported": { mark: "✔", color: "#007352" },
  "contradicted": { mark: "✘", color: "#b04600" },
  "no material difference": { mark: "≈", color: "#0068a3" },
  "undecided": { mark: "?", color: "#656d76" },
  "see standard": { mark: "→", color: "#656d76" },
};

/** The claims that were set out to be tested, and the others; one without a family is of the former. */
export function byFamily<C extends Pick<ClaimVerdict, "family">>(
  claims: readonly C[],
): { readonly confirmatory: readonly C[]; readonly exploratory: readonly C[] } {
  return {
    confirmatory: claims.filter(({ family }) => family !== "exploratory"),
    exploratory: claims.filter(({ family }) => family === "exploratory"),
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

/** "3 supported, 1 undecided". */
export function verdictCounts(claims: readonly Pick<ClaimVerdict, "verdict">[]): string {
  return countVerdicts(claims).map(({ count, verdict }) => `${count} ${verdict}`).join(", ");
}

/** "2 of 5": so many of the claims are supported. */
export function supportedOf(claims: readonly Pick<ClaimVerdict, "verdict">[]): string {
  return `${claims.filter(({ verdict }) => verdict === "supported").length} of ${claims.length}`;
}
