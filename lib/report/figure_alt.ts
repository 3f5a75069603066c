import { maximum, minimum } from "../numeric/extrema.ts";
import type { ResolvedFigure, ResolvedPoint, ResolvedSeries } from "./figure_description.ts";
import { formatNumber } from "./format.ts";

/** More series than this are too many to be listened to: the others are counted. */
const MOST_SERIES = 12;
/** Categories that are named one by one; of more, the lowest and the highest. */
const MOST_CATEGORIES = 6;

/**
 * What the figure shows, in words for who does not see it: title, subtitle, the axes, and of each series where it begins
 * and ends, of points how far they reach, of bars and rows each value.
 */
export function alternativeText(figure: ResolvedFigure): string {
  const { title, subtitle, x, y, series, panels } = figure;
  const shown = series.filter(({ runs }) => runs.flat().length > 0);
  const scale = ({ log }: { readonly log: boolean }) => log ? ", on a logarithmic scale" : "";
  const values = figure.horizontal ? x : y;
  const axes = figure.categories.length > 0
    ? `${values.title}${scale(values)}`
    : `${y.title}${scale(y)}, against ${x.title}${scale(x)}`;
  const words = shown.slice(0, MOST_SERIES).map((one) => {
    const panel = panels.length > 1 ? `${panels[one.panel]}, ` : "";
    return `${panel}${one.name}: ${inWords(one, figure)}.`;
  });
  const others = shown.length - words.length;
  return [
    sentence(title),
    ...subtitle === null ? [] : [sentence(subtitle)],
    sentence(`Shown: ${axes}`),
    ...words,
    ...others > 0 ? [`${others} more series.`] : [],
  ].join(" ");
}

function sentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

function inWords({ kind, runs }: ResolvedSeries, figure: ResolvedFigure): string {
  const points = runs.flat();
  const value = (point: ResolvedPoint) => figure.horizontal ? point.x : point.y;
  if (kind === "bars" || kind === "rows") {
    const sorted = points.toSorted((a, b) => value(a) - value(b));
    const text = (point: ResolvedPoint) => `${point.label} ${formatNumber(value(point))}`;
    return points.length > MOST_CATEGORIES
      ? `${points.length} values, from ${text(sorted[0]!)} to ${text(sorted.at(-1)!)}`
      : points.map(text).join("; ");
  }
  if (kind === "line" && points.length > 1) {
    const [first, last] = [points[0]!, points.at(-1)!];
    return `from ${formatNumber(first.y)} at ${formatNumber(first.x)} to ` +
      `${formatNumber(last.y)} at ${formatNumber(last.x)}`;
  }
  if (points.length === 1) {
    return `${formatNumber(points[0]!.y)} at ${formatNumber(points[0]!.x)}`;
  }
  const range = (numbers: readonly number[]) =>
    `${formatNumber(minimum(numbers))} to ${formatNumber(maximum(numbers))}`;
  return `${points.length} points, ${range(points.map(({ y }) => y))} at ` +
    range(points.map(({ x }) => x));
}
