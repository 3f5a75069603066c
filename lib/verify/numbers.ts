import type { AnyMetrics, Json } from "../run/experiment.ts";

/** A number of a cell's metrics and where it is, e.g. "tests / in distribution / rmse"; null as JSON has it for none. */
export type NamedNumber = readonly [path: string, value: number | null];

/** All numbers of metrics, in their order. */
export function numbersOf(metrics: AnyMetrics): NamedNumber[] {
  const visit = (path: string, value: Json): NamedNumber[] => {
    if (typeof value === "number" || value === null) return [[path, value]];
    if (typeof value !== "object") return [];
    return Object.entries(value).flatMap(([name, inner]) => visit(`${path} / ${name}`, inner));
  };
  return Object.entries(metrics).flatMap(([name, value]) => visit(name, value));
}

/**
 * The numbers to show of metrics that have too many: those with these names first, then those that lie least deep.
 *
 * @param count How many at most.
 */
export function leadingNumbers(
  metrics: AnyMetrics,
  names: readonly string[],
  count: number,
): NamedNumber[] {
  const rank = ([path]: NamedNumber) => {
    const parts = path.split(" / ");
    return (names.includes(parts.at(-1)!) ? 0 : 100) + parts.length;
  };
  // `toSorted` keeps the order of equal ranks.
  return numbersOf(metrics).toSorted((a, b) => rank(a) - rank(b)).slice(0, count);
}
