/** What the predicates behind verdicts share. */
import { decideFamily, type FamilyClaim } from "../../lib/eval/decision.ts";
import { pairedDifferences, type SeedInterval, seedInterval } from "../../lib/eval/student.ts";
import type { Json, Verdict } from "../../lib/run/experiment.ts";

/** "0.123 [0.100, 0.150]". */
export function shown({ estimate, low, high }: SeedInterval): string {
  const f = (x: number | null) => x === null ? "?" : x.toFixed(3);
  return `${f(estimate)} [${f(low)}, ${f(high)}]`;
}

/** "0.123 [0.100, 0.150] (d16-L2); 0.234 [0.200, 0.250] (d32-L2)". */
export function listed(intervals: Readonly<Record<string, SeedInterval>>): string {
  return Object.entries(intervals).map(([name, x]) => `${shown(x)} (${name})`).join("; ");
}

/** a - b over seeds, paired: its mean and Student's 95% interval. */
export function difference(a: readonly number[], b: readonly number[]): SeedInterval {
  return seedInterval(pairedDifferences(a, b));
}

/** "Lower at d16-L2". */
export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** The verdict where the profile has not what a claim is about. */
export function missing(reading: string): Verdict {
  return { verdict: "undecided", reading, evidence: {} };
}

/** How the effects of a claim are decided. */
export interface Terms {
  /**
   * Smallest effect size of interest, in the effects' unit. 0 where the effects are distances from a threshold that has
   * it in it: then nothing is immaterial.
   */
  readonly sesoi: number;
  /** What is claimed of several comparisons; default "better in all". */
  readonly claim?: FamilyClaim;
}

/**
 * The verdict on effects by seed: `decideFamily`'s decision (paired Student t, Holm within the claim), with each
 * comparison's interval, tests and standard deviation as evidence.
 *
 * @param effects By comparison, one number per seed, better = greater: paired differences, slopes, or how far a quantity
 * is beyond a threshold. None: `lacks` says what the profile would need.
 * @param reading The sentence, given the effects as `listed` has them.
 */
export function decided(
  effects: Readonly<Record<string, readonly number[]>>,
  { sesoi, claim = "better in all" }: Terms,
  reading: (numbers: string) => string,
  lacks = "The profile has not what this claim is about.",
): Verdict {
  const entries = Object.entries(effects);
  if (entries.length === 0) return missing(lacks);
  if (entries.some(([, values]) => values.length < 2)) {
    const intervals = Object.fromEntries(entries.map(([name, x]) => [name, seedInterval(x)]));
    return {
      verdict: "undecided",
      reading: reading(listed(intervals)),
      evidence: asJson(intervals),
    };
  }
  const { decision, comparisons } = decideFamily(effects, claim, { sesoi });
  return {
    verdict: decision,
    reading: reading(listed(comparisons)),
    evidence: asJson(comparisons),
  };
}

function asJson(intervals: Readonly<Record<string, object>>): Verdict["evidence"] {
  return Object.fromEntries(Object.entries(intervals).map(([name, x]) => [name, { ...x } as Json]));
}
