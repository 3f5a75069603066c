/**
 * Claims evaluated on a summary.
 */
import type { Claim, Verdict } from "./experiment.ts";

/** A claim with its verdict, as stored and reported. */
export interface EvaluatedClaim extends Verdict {
  readonly id: string;
  readonly statement: string;
}

/** Every claim's verdict on `summary`, in the claims' order. */
export function evaluateClaims<Summary>(
  claims: readonly Claim<Summary>[],
  summary: Summary,
): EvaluatedClaim[] {
  return claims.map((claim) => ({
    id: claim.id,
    statement: claim.statement,
    ...claim.evaluate(summary),
  }));
}
