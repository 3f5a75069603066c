/**
 * What goes wrong in RL without an error message. Each failure is named with the iteration at which it was first seen;
 * a run that has one is never averaged away.
 */
import { mean, sum } from "../numeric/sums.ts";
import type { IterationDiagnostics } from "./iteration_report.ts";

/** What can fail; see `TRAINING_FAILURES`. */
export type TrainingFailureName = keyof typeof TRAINING_FAILURES;

/** A failure that was seen in a run. */
export interface TrainingFailure {
  readonly name: TrainingFailureName;
  /** From 1: after how many iterations. */
  readonly iteration: number;
}

/** Iterations whose mean is judged, or more where a failure counts events. */
const WINDOW = 10;
/** Events in the first window of a failure that counts them: half as many are no chance (about three standard errors). */
const EVENTS = 50;

type Means =
  & Record<"successRate" | "parseRate" | "entropy", number>
  & Record<"criticParseRate" | "valueSeparation" | "valueSpread", number | null>;

interface Kind {
  readonly title: string;
  /** Whether the mean over the last iterations shows it, given that over the first ones. */
  seen(now: Means, first: Means): boolean;
  /** What an iteration has of the events by which it is seen. With too few in all it is not judged. */
  events?(report: IterationDiagnostics): number;
}

/** By name: what it is, and how it is seen. */
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
    events: ({ episodes, successRate }: IterationDiagnostics) => episodes * successRate,
  },
} as const satisfies Record<string, Kind>;

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
  for (const [name, kind] of Object.entries<Kind>(TRAINING_FAILURES)) {
    const window = windowOf(kind, reports);
    if (window === undefined) continue;
    const first = means(reports.slice(0, window));
    for (let end = window; end <= reports.length; end++) {
      if (!kind.seen(means(reports.slice(end - window, end)), first)) continue;
      failures.push({ name: name as TrainingFailureName, iteration: end });
      break;
    }
  }
  return failures;
}

/** How many iterations are judged together; undefined where there are too few events. */
function windowOf({ events }: Kind, reports: readonly IterationDiagnostics[]): number | undefined {
  let window = Math.min(WINDOW, reports.length);
  if (!events) return window;
  let count = sum(reports.slice(0, window).map(events));
  while (count < EVENTS && window < reports.length) count += events(reports[window++]!);
  return count < EVENTS ? undefined : window;
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
