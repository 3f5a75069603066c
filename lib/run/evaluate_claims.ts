import type { Claim } from "./experiment.ts";
import type { EvaluatedClaim } from "./run.ts";

/** Seeds that a verdict needs: with fewer Student's interval is too wide, or too easily lucky, to tell anything. */
export const SEEDS_FOR_VERDICT = 5;

/**
 * The claims with their verdicts and numbers. A run of fewer than `SEEDS_FOR_VERDICT` seeds has numbers only: its verdicts
 * are "see standard", the profile that has the seeds.
 *
 * @param config Whose `seeds` the run reports; one without is decided as it is.
 */
export function evaluateClaims<Summary>(
  claims: readonly Claim<Summary>[],
  summary: Summary,
  config: unknown,
): EvaluatedClaim[] {
  const { seeds } = (config ?? {}) as { readonly seeds?: readonly number[] };
  const tooFew = seeds !== undefined && seeds.length < SEEDS_FOR_VERDICT;
  return claims.map((claim) => {
    const { evaluate: _, ...terms } = claim;
    const found = claim.evaluate(summary);
    return { ...terms, ...found, ...(tooFew ? { verdict: "see standard" } : {}) };
  });
}
