/**
 * Comparison with pins that another backend computed. Rounding differs, and training carries the difference on, so that
 * metrics are compared within what another seed would change: for each metric, four times its standard deviation over
 * seeds, pooled over all configurations that the pins have at two seeds or more. Digests cannot be compared.
 */
import type { Failure } from "./compare.ts";
import type { Json } from "./experiment.ts";
import type { Pins } from "./pins.ts";

/** Standard deviations over seeds that a metric may be off. */
export const SPREADS = 4;

/** What was compared. */
export interface ToleranceCheck {
  /** Numbers compared; 0 where the pins have no two seeds of anything. */
  readonly compared: number;
  /** The largest difference, in units of its tolerance. */
  readonly largest: number;
  readonly failures: readonly Failure[];
}

/** Numbers named `names` in a cell's metrics, by their path. */
function numbers(value: Json, names: ReadonlySet<string>, path: readonly string[] = []): [
  string,
  number,
][] {
  if (typeof value === "number") {
    return names.has(path.at(-1) ?? "") ? [[path.join(": "), value]] : [];
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, v]) => numbers(v, names, [...path, key]));
}

/** Pooled standard deviation over seeds, by path. */
export function spreads(pins: Pins, names: ReadonlySet<string>): Map<string, number> {
  const groups = new Map<string, number[]>();
  for (const { configHash, metrics } of Object.values(pins.cells)) {
    for (const [path, x] of numbers(metrics as Json, names)) {
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

/** Compares the cells that both have, by id and configuration, in the metrics with these names. */
export function compareWithinTolerance(
  name: string,
  pins: Pins,
  got: Pins,
  metricNames: readonly string[],
): ToleranceCheck {
  const names = new Set(metricNames), spread = spreads(pins, names);
  const failures: Failure[] = [];
  let compared = 0, largest = 0;
  for (const [id, cell] of Object.entries(got.cells)) {
    const pinned = pins.cells[id];
    if (pinned?.configHash !== cell.configHash) continue;
    const mine = new Map(numbers(cell.metrics as Json, names));
    for (const [path, expected] of numbers(pinned.metrics as Json, names)) {
      const sigma = spread.get(path);
      if (sigma === undefined) continue;
      const x = mine.get(path), tolerance = SPREADS * sigma;
      compared++;
      const off = x === undefined ? Infinity : Math.abs(x - expected);
      if (off > 0) largest = Math.max(largest, off / tolerance);
      if (off <= tolerance) continue;
      failures.push({
        where: `${name}: ${id}: ${path}`,
        expected: `${expected} +- ${tolerance}`,
        got: x === undefined ? "nothing" : String(x),
      });
    }
  }
  return { compared, largest, failures };
}
