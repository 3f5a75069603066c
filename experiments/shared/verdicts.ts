/** What the predicates behind verdicts share. */
import {
  type BootstrapOptions,
  type Interval,
  stratifiedBootstrap,
} from "../../lib/eval/bootstrap.ts";
import { interquartileMean } from "../../lib/eval/statistics.ts";
import { pairedDifferences } from "../../lib/eval/student.ts";
import type { Json, Verdict } from "../../lib/run/experiment.ts";

/** "0.123 [0.100, 0.150]". */
export function shown({ estimate, low, high }: Interval): string {
  const f = (x: number | null) => x === null ? "?" : x.toFixed(3);
  return `${f(estimate)} [${f(low)}, ${f(high)}]`;
}

/** Whether an interval lies below `reference`, above it, or neither (0); undefined without an interval. */
export function side({ low, high }: Interval, reference = 0): -1 | 0 | 1 | undefined {
  if (low === null || high === null) return undefined;
  return high < reference ? -1 : low > reference ? 1 : 0;
}

/**
 * Effect size: IQM(a) - IQM(b) over seeds, with its bootstrap 95% interval. Each sample is resampled on its own: runs of
 * different critics that share a seed are not paired.
 */
export function difference(
  a: readonly number[],
  b: readonly number[],
  bootstrap: BootstrapOptions,
): Interval {
  return stratifiedBootstrap(
    [a, b],
    ([x, y]) => interquartileMean(x!) - interquartileMean(y!),
    bootstrap,
  );
}

/**
 * Effect size of runs that are paired by seed, as where all methods start from the same actor: IQM of a - b over seeds,
 * with its bootstrap 95% interval. What the seeds of both have in common does not widen it.
 */
export function pairedDifference(
  a: readonly number[],
  b: readonly number[],
  bootstrap: BootstrapOptions,
): Interval {
  return stratifiedBootstrap(
    [pairedDifferences(a, b)],
    ([x]) => interquartileMean(x!),
    bootstrap,
  );
}

/** Effect size as a ratio: IQM(a) / IQM(b) over seeds, with its interval; null where IQM(b) is 0. */
export function ratio(
  a: readonly number[],
  b: readonly number[],
  bootstrap: BootstrapOptions,
): Interval {
  return stratifiedBootstrap([a, b], ([x, y]) => {
    const divisor = interquartileMean(y!);
    return divisor === 0 ? null : interquartileMean(x!) / divisor;
  }, bootstrap);
}

/** The interval of -x. */
export function opposite({ estimate, low, high, ...rest }: Interval): Interval {
  const minus = (x: number | null) => x === null ? null : -x;
  return { ...rest, estimate: minus(estimate), low: minus(high), high: minus(low) };
}

/** "Lower at d16-L2". */
export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** "0.123 [0.100, 0.150] (d16-L2); 0.234 [0.200, 0.250] (d32-L2)". */
export function listed(intervals: Readonly<Record<string, Interval>>): string {
  return Object.entries(intervals).map(([name, x]) => `${shown(x)} (${name})`).join("; ");
}

/** The verdict where the profile has not what a claim is about. */
export function missing(reading: string): Verdict {
  return { verdict: "inconclusive", reading, evidence: {} };
}

/**
 * The verdict of a statement about one interval: supported if it lies on the side `wanted` (1 = above, -1 = below), not
 * supported if it lies on the other, else inconclusive. `where`: as `side` gives it.
 */
export function verdictOfSide(
  where: -1 | 0 | 1 | undefined,
  wanted: -1 | 1,
): Verdict["verdict"] {
  return where === wanted ? "supported" : where === -wanted ? "not supported" : "inconclusive";
}

/**
 * The verdict of a statement that holds for every one of several comparisons: supported if each interval lies on the
 * side `wanted` of `reference` (1 = above, -1 = below), not supported if one lies on the other, else inconclusive.
 */
export function everywhere(
  intervals: Readonly<Record<string, Interval>>,
  reference: number,
  reading: (parts: string) => string,
  words = { above: "higher at", neither: "undecided at", below: "lower at" },
  wanted: -1 | 1 = 1,
): Verdict {
  const names = Object.keys(intervals);
  const at = (where: number) =>
    names.filter((name) => (side(intervals[name]!, reference) ?? 0) === where).join(", ");
  const parts = [
    at(1) && `${words.above} ${at(1)}`,
    at(0) && `${words.neither} ${at(0)}`,
    at(-1) && `${words.below} ${at(-1)}`,
  ].filter(Boolean);
  return {
    verdict: names.length === 0
      ? "inconclusive"
      : at(-wanted)
      ? "not supported"
      : at(0)
      ? "inconclusive"
      : "supported",
    reading: reading(parts.join("; ")),
    evidence: Object.fromEntries(names.map((name) => [name, { ...intervals[name]! } as Json])),
  };
}
