/**
 * Whether one critic may stand in for another: it need not be better, but must not be worse by more than a margin that was
 * fixed before.
 */
import type { Interval } from "./bootstrap.ts";

/** The margins. */
export interface NonInferiorityMargins {
  /** By how much the penalized MSE may be larger; default 0.01. */
  readonly mse?: number;
  /** By how much the area under the ROC curve within problems may be smaller; default 0.02. */
  readonly auc?: number;
  /** The least share of answers that can be parsed; default 0.99. */
  readonly parseRate?: number;
}

/** The default margins. */
export const NON_INFERIORITY_MARGINS: Required<NonInferiorityMargins> = {
  mse: 0.01,
  auc: 0.02,
  parseRate: 0.99,
};

/**
 * "not worse": the whole interval lies within the margin; "worse": the whole interval lies beyond it; "undecided": the
 * margin lies inside; "not measured": there is no interval.
 */
export type NonInferiority = "not worse" | "worse" | "undecided" | "not measured";

/** A candidate beside a reference. */
export interface CriticDifference {
  /** Penalized MSE of the candidate less that of the reference: negative = better. */
  readonly mse: Interval;
  /** AUC within problems of the candidate less that of the reference: positive = better. */
  readonly auc: Interval;
  /** The candidate's share of parsed answers. */
  readonly parseRate: number;
}

/** What each gate says, and all of them. */
export interface NonInferiorityVerdict {
  readonly mse: NonInferiority;
  readonly auc: NonInferiority;
  readonly parseRate: "not worse" | "worse";
  /** "worse" if a gate says so, else the weakest of what was measured; AUC that cannot be measured is left out. */
  readonly all: NonInferiority;
}

/**
 * Tests non-inferiority by the ends of intervals: with 95% intervals one candidate in 40 that is exactly at a margin passes
 * its gate.
 *
 * @throws RangeError for a margin below 0.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { nonInferiority } from "genac";
 *
 * const interval = (low: number, high: number) =>
 *   ({ estimate: (low + high) / 2, low, high, level: 0.95, replicates: 10_000 });
 * const difference = { mse: interval(-0.02, 0.004), auc: interval(-0.05, 0.01), parseRate: 1 };
 * const verdict = nonInferiority(difference);
 * assert.equal(verdict.mse, "not worse");
 * assert.equal(verdict.auc, "undecided");
 * assert.equal(verdict.all, "undecided");
 * ```
 */
export function nonInferiority(
  { mse, auc, parseRate }: CriticDifference,
  margins: NonInferiorityMargins = {},
): NonInferiorityVerdict {
  const all = { ...NON_INFERIORITY_MARGINS, ...margins };
  for (const [name, margin] of Object.entries(all)) {
    if (!(margin >= 0)) throw new RangeError(`margins.${name}: ${margin}: give a number >= 0`);
  }
  const gates = {
    mse: gate(mse.low, mse.high, all.mse),
    auc: gate(negative(auc.high), negative(auc.low), all.auc),
    parseRate: parseRate >= all.parseRate ? "not worse" as const : "worse" as const,
  };
  const measured = [gates.mse, gates.parseRate, ...gates.auc === "not measured" ? [] : [gates.auc]];
  const weakest = (["worse", "not measured", "undecided"] as const)
    .find((word) => measured.includes(word));
  return { ...gates, all: weakest ?? "not worse" };
}

/** For a difference of which small is good. */
function gate(low: number | null, high: number | null, margin: number): NonInferiority {
  if (low === null || high === null) return "not measured";
  return high < margin ? "not worse" : low > margin ? "worse" : "undecided";
}

function negative(x: number | null): number | null {
  return x === null ? null : -x;
}
