/**
 * Comparison with pins that another backend computed. Digests cannot be compared, for rounding differs. Two checks take
 * their place:
 *
 * - At the start of training rounding has not grown yet: the mean loss of the first steps is within START of the
 *   pinned one. A kernel that is wrong, rather than rounded, shows here.
 * - Training then carries the difference on, until two runs differ as two seeds do: each metric is compared within
 *   SPREADS of its standard deviations over seeds, pooled over all configurations that the pins have at two seeds or
 *   more. Two independent runs differ by sqrt(2) of them, so that SPREADS is 2.8 standard deviations of the worst that
 *   rounding can do. Less would fail right runs, of which each has hundreds of metrics.
 *
 * Seen on a software adapter (`scaling`, profile smoke, 20 cells of width 16): losses of the first 50 steps within
 * 8e-8; of 186 metrics half within 0.002 standard deviations, 99% within 1.3, all within 2.0.
 */
import type { FailedCheck } from "./compare.ts";
import type { ComparedMetrics, Json } from "./experiment.ts";
import type { Pins } from "./pins.ts";

/** Standard deviations over seeds that a metric may be off. */
export const SPREADS = 4;
/** A standard deviation is taken for no less than this part of the pinned value: some metrics are 1 for every seed. */
const LEAST_SPREAD = 0.0025;
/** Relative difference that the loss of the first steps may have. */
export const START = 1e-5;

/** How far one cell is from its pins. */
export interface CellDifference {
  readonly id: string;
  /** Relative difference of the first loss; null where it is not compared. */
  readonly start: number | null;
  /** The largest difference of a metric, in standard deviations over seeds, and which that was; null where there is none. */
  readonly largest: number | null;
  readonly metric: string | null;
}

/** What was compared. */
export interface ToleranceCheck {
  /** Metrics compared; 0 where the pins have no two seeds of anything. */
  readonly compared: number;
  /** Their differences, in standard deviations over seeds. */
  readonly median: number;
  readonly largest: number;
  /** Of the cells of which anything was compared. */
  readonly cells: readonly CellDifference[];
  readonly failures: readonly FailedCheck[];
}

/** Numbers with these names in a cell's metrics, by their path. */
export function numbersNamed(
  value: Json | undefined,
  names: ReadonlySet<string>,
  path: readonly string[] = [],
): { path: readonly string[]; value: number }[] {
  if (typeof value === "number") return names.has(path.at(-1) ?? "") ? [{ path, value }] : [];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, v]) => numbersNamed(v, names, [...path, key]));
}

/** The same by the path's words. */
function numbersByName(metrics: Json, names: ReadonlySet<string>): Map<string, number> {
  return new Map(numbersNamed(metrics, names).map(({ path, value }) => [path.join(": "), value]));
}

/** Pooled standard deviation over seeds, by path. */
export function spreads(pins: Pins, names: ReadonlySet<string>): Map<string, number> {
  const groups = new Map<string, number[]>();
  for (const { configHash, metrics } of Object.values(pins.cells)) {
    for (const [path, x] of numbersByName(metrics as Json, names)) {
      const key = JSON.stringify([configHash, path]);
      groups.set(key, [...groups.get(key) ?? [], x]);
    }
  }
  const pooled = new Map<string, { squares: number; freedom: number }>();
  for (const [key, values] of groups) {
    if (values.length < 2) continue;
    const path = JSON.parse(key)[1] as string;
    const mean = values.reduce((a, b) => a + b) / values.length;
    const sum = pooled.get(path) ?? { squares: 0, freedom: 0 };
    sum.squares += values.reduce((s, x) => s + (x - mean) * (x - mean), 0);
    sum.freedom += values.length - 1;
    pooled.set(path, sum);
  }
  return new Map(
    [...pooled].map(([path, { squares, freedom }]) => [path, Math.sqrt(squares / freedom)]),
  );
}

/** Compares the cells that both have, by id and configuration. */
export function compareWithinTolerance(
  name: string,
  pins: Pins,
  got: Pins,
  { names, lossCurve }: ComparedMetrics,
): ToleranceCheck {
  const wanted = new Set(names), spread = spreads(pins, wanted);
  const failures: FailedCheck[] = [], cells: CellDifference[] = [], all: number[] = [];
  const fail = (where: string, expected: string, x: number | undefined) =>
    failures.push({
      where: `${name}: ${where}`,
      expected,
      got: x === undefined ? "nothing" : String(x),
    });
  for (const [id, cell] of Object.entries(got.cells)) {
    const pinned = pins.cells[id];
    if (pinned?.configHash !== cell.configHash) continue;
    const start = lossCurve === undefined ? null : startOf(
      firstOf(pinned.metrics[lossCurve]),
      firstOf(cell.metrics[lossCurve]),
      (expected, x) => fail(`${id}: ${lossCurve}: 0`, expected, x),
    );
    let largest: number | null = null, metric: string | null = null;
    const mine = numbersByName(cell.metrics as Json, wanted);
    for (const [path, expected] of numbersByName(pinned.metrics as Json, wanted)) {
      const sigma = spread.get(path);
      if (sigma === undefined) continue;
      const unit = Math.max(sigma, LEAST_SPREAD * Math.abs(expected));
      const x = mine.get(path);
      // 0 / 0 where every seed gave 0 and so did this run.
      const off = x === undefined || x === expected ? 0 : Math.abs(x - expected) / unit;
      all.push(off);
      if (largest === null || off > largest) [largest, metric] = [off, path];
      if (x === undefined || off > SPREADS) {
        fail(`${id}: ${path}`, `${expected} +- ${SPREADS * unit}`, x);
      }
    }
    if (start === null && largest === null) continue;
    cells.push({ id, start, largest: finite(largest), metric });
  }
  all.sort((a, b) => a - b);
  return {
    compared: all.length,
    median: finite(all[all.length >> 1] ?? 0)!,
    largest: finite(all.at(-1) ?? 0)!,
    cells,
    failures,
  };
}

/** As a file can hold it: a difference where every seed gave 0 has no unit. */
function finite(x: number | null): number | null {
  return x === null ? null : Math.min(x, Number.MAX_VALUE);
}

function firstOf(curve: unknown): number | undefined {
  return Array.isArray(curve) && typeof curve[0] === "number" ? curve[0] : undefined;
}

/** The relative difference of the first losses; reports it where it is too large. */
function startOf(
  expected: number | undefined,
  x: number | undefined,
  fail: (expected: string, x: number | undefined) => void,
): number | null {
  if (expected === undefined) return null;
  const off = x === undefined ? 0 : Math.abs(x - expected) / Math.max(Math.abs(expected), 1e-30);
  if (x === undefined || off > START) fail(`${expected} (relative ${START})`, x);
  return x === undefined ? null : off;
}
