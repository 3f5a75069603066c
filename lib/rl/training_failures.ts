/**
 * What goes wrong in RL without an error message. Each failure is named with the iteration at which it was first seen;
 * a run that has one is never averaged away.
 */
import { mean } from "../numeric/sums.ts";
import type { IterationDiagnostics } from "./iteration_report.ts";

/** What can fail; see `TRAINING_FAILURES`. */
export type TrainingFailureName = keyof typeof TRAINING_FAILURES;

/** A failure that was seen in a run. */
export interface TrainingFailure {
  readonly name: TrainingFailureName;
  /** From 1: after how many iterations. */
  readonly iteration: number;
}

/** Iterations whose mean is judged. */
const WINDOW = 10;

type Means =
  & Record<"successRate" | "parseRate" | "entropy", number>
  & Record<"criticParseRate" | "valueSeparation" | "valueSpread", number | null>;

/** By name: what it is, and whether the mean over the last iterations shows it, given that over the first ones. */
export const TRAINING_FAILURES = {
  "not a number": {
    title: "a loss or gradient is not finite",
    seen: () => false,
  },
  "entropy collapse": {
    title:
      "the policy has become deterministic (entropy below a tenth of its first) and still fails",
    seen: (now: Means, first: Means) => now.entropy < 0.1 * first.entropy && now.successRate < 0.9,
  },
  "actor parse rate": {
    title: "more than a tenth of the responses cannot be parsed",
    seen: (now: Means) => now.parseRate < 0.9,
  },
  "critic parse rate": {
    title: "more than a tenth of the critic's responses cannot be parsed",
    seen: (now: Means) => (now.criticParseRate ?? 1) < 0.9,
  },
  "critic collapse": {
    title: "the critic says nearly the same of every state (spread below 0.03, where it had more)",
    seen: (now: Means, first: Means) =>
      (now.valueSpread ?? 1) < 0.03 && (first.valueSpread ?? 0) >= 0.03 && now.successRate < 0.9,
  },
  "reversed value separation": {
    title: "the critic gives failed responses higher values than successful ones",
    seen: (now: Means) => (now.valueSeparation ?? 0) < 0,
  },
  "success collapse": {
    title: "success has fallen below half of what it was",
    seen: (now: Means, first: Means) => now.successRate < 0.5 * first.successRate,
  },
} as const satisfies Record<string, { title: string; seen(now: Means, first: Means): boolean }>;

/** Each kind of failure at the first iteration that shows it. */
export function findTrainingFailures(
  reports: readonly IterationDiagnostics[],
): TrainingFailure[] {
  const broken = reports.findIndex((r) =>
    ![r.gradientNorm, r.entropy, r.approxKl, r.criticLoss ?? 0].every(Number.isFinite)
  );
  const failures: TrainingFailure[] = broken < 0
    ? []
    : [{ name: "not a number", iteration: broken + 1 }];
  const first = means(reports.slice(0, WINDOW));
  for (const [name, { seen }] of Object.entries(TRAINING_FAILURES)) {
    for (let end = Math.min(WINDOW, reports.length); end <= reports.length; end++) {
      if (!seen(means(reports.slice(Math.max(0, end - WINDOW), end)), first)) continue;
      failures.push({ name: name as TrainingFailureName, iteration: end });
      break;
    }
  }
  return failures;
}

function means(reports: readonly IterationDiagnostics[]): Means {
  const of = (name: keyof Means) => {
    const values = reports.flatMap((r) => r[name] === null ? [] : [r[name]]);
    return values.length === 0 ? null : mean(values);
  };
  return {
    successRate: of("successRate")!,
    parseRate: of("parseRate")!,
    entropy: of("entropy")!,
    criticParseRate: of("criticParseRate"),
    valueSeparation: of("valueSeparation"),
    valueSpread: of("valueSpread"),
  };
}
