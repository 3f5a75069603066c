/**
 * A figure as data: what to draw, independent of who draws it. `resolveFigure` settles everything
 * the renderers must agree on: names, looks, panels, axis ranges and ticks.
 */
import { maximum, minimum } from "../numeric/extrema.ts";
import { formatPlain, formatTick, type IntervalLike } from "./format.ts";
import { criticLabel, criticStyle, plainStyle, type SeriesStyle } from "./theme.ts";

/** An axis. The title stands beside it as "title (unit)". */
export interface Axis {
  readonly title: string;
  readonly unit?: string;
  /** Default "linear". A log axis takes positive numbers only. */
  readonly scale?: "linear" | "log";
  /** Ends of the axis; default: the data's, intervals included, with a little room. */
  readonly min?: number;
  readonly max?: number;
}

/** A point with its interval; a null y is a gap. */
export interface Point {
  readonly x: number;
  readonly y: number | null;
  /** Ends of the interval, in units of y; null or left out = none. */
  readonly low?: number | null;
  readonly high?: number | null;
  /** Shown when the reader points at it. */
  readonly label?: string;
}

/** A bar with its interval. */
export interface Bar {
  readonly category: string;
  readonly y: number | null;
  readonly low?: number | null;
  readonly high?: number | null;
}

/** A value along x with its interval; a null x leaves its line empty, a heading for those below it. */
export interface Row {
  readonly category: string;
  readonly x: number | null;
  readonly low?: number | null;
  readonly high?: number | null;
}

interface SeriesBase {
  /** A critic's name in lib/critic's registry, or "oracle": gives the series its title and look. */
  readonly critic?: string;
  /** Name in the legend; default the critic's. Equal names share a legend entry. */
  readonly name?: string;
  /** Changes to the look. */
  readonly style?: Partial<SeriesStyle>;
  /** The small panel it belongs to; default: in every figure without panels, the only one. */
  readonly panel?: string;
}

/** Points joined by lines, in the order of x. */
export interface LineSeries extends SeriesBase {
  readonly kind: "line";
  readonly points: readonly Point[];
  /** How to draw the intervals; default "band". */
  readonly interval?: "band" | "bars";
}

/** Points. */
export interface ScatterSeries extends SeriesBase {
  readonly kind: "scatter";
  readonly points: readonly Point[];
}

/** One bar per category; several series stand side by side. */
export interface BarSeries extends SeriesBase {
  readonly kind: "bars";
  readonly bars: readonly Bar[];
}

/** Points with horizontal intervals, the categories below one another: for many of them, or long names. */
export interface RowSeries extends SeriesBase {
  readonly kind: "rows";
  readonly rows: readonly Row[];
}

/** Anything with a place in the legend. */
export type Series = LineSeries | ScatterSeries | BarSeries | RowSeries;

/** A thin dashed line across every panel at one x or y; its label stands beside it ("" = none). */
export interface StraightLine {
  readonly axis: "x" | "y";
  readonly value: number;
  readonly label: string;
}

/** The line y = x in every panel; its label stands in the legend. At most one. */
export interface Diagonal {
  readonly axis: "diagonal";
  readonly label: string;
}

/** A line to compare with. */
export type ReferenceLine = StraightLine | Diagonal;

/** A figure. */
export interface FigureDescription {
  /** What is to be seen, in a line or two. */
  readonly title: string;
  /** How it was measured: number of seeds, what the interval is. */
  readonly subtitle?: string;
  readonly x: Axis;
  readonly y: Axis;
  /** At least one, drawn in this order. All bars or no bars, all rows or no rows. */
  readonly series: readonly Series[];
  readonly references?: readonly ReferenceLine[];
  /** Panels side by side if series name panels; default up to 3. */
  readonly columns?: number;
  /** True = panels are square. */
  readonly square?: boolean;
  /** In pixels; default 760, or 520 for a single square panel. The height follows. */
  readonly width?: number;
}

/** A tick and its label. */
export interface Tick {
  readonly value: number;
  readonly label: string;
}

/** An axis with everything settled. */
export interface ResolvedAxis {
  readonly title: string;
  readonly log: boolean;
  readonly domain: readonly [number, number];
  readonly ticks: readonly Tick[];
}

/** A point inside the figure's coordinates. */
export interface ResolvedPoint {
  readonly x: number;
  readonly y: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly label: string;
}

/** A series with everything settled. */
export interface ResolvedSeries {
  readonly name: string;
  readonly style: SeriesStyle;
  /** Index into `panels`. */
  readonly panel: number;
  readonly kind: Series["kind"];
  readonly interval: "band" | "bars";
  /** Runs of points without gaps; bars and scatter have one run. */
  readonly runs: readonly (readonly ResolvedPoint[])[];
}

/** What the renderers draw. */
export interface ResolvedFigure {
  readonly title: string;
  readonly subtitle: string | null;
  readonly x: ResolvedAxis;
  readonly y: ResolvedAxis;
  /** Titles; a single "" if there are no panels. */
  readonly panels: readonly string[];
  readonly columns: number;
  readonly square: boolean;
  readonly width: number;
  readonly series: readonly ResolvedSeries[];
  /** One per name, in order of first use. */
  readonly legend: readonly ResolvedSeries[];
  readonly lines: readonly StraightLine[];
  /** With the ends of the line y = x inside the axes. */
  readonly diagonal: { readonly label: string; readonly ends: readonly [number, number] } | null;
  /** Category names: of bars at x = 0, 1, ...; of rows at y = 0, 1, ... from the top. */
  readonly categories: readonly string[];
  /** True = a bar chart. */
  readonly bars: boolean;
  /** True = rows: intervals lie along x. */
  readonly horizontal: boolean;
  /** Rows without a point in any series, by their place. */
  readonly headings: readonly number[];
  /** Bar charts: half the width of a bar. */
  readonly barHalfWidth: number;
}

/** A point of a figure from an interval of lib/eval: its estimate at x, with its ends. */
export function intervalPoint(x: number, interval: IntervalLike, label?: string): Point {
  const { estimate: y, low, high } = interval;
  return { x, y, low, high, ...(label === undefined ? {} : { label }) };
}

/**
 * Checks the description and settles names, looks, panels, ranges and ticks.
 *
 * Throws a RangeError that names the series and the remedy: nothing to draw, a number that is not
 * finite, a number <= 0 on a log axis, bars or rows mixed with others.
 */
export function resolveFigure(description: FigureDescription): ResolvedFigure {
  const bars = description.series.filter((series) => series.kind === "bars");
  const rows = description.series.filter((series) => series.kind === "rows");
  if (description.series.length === 0) throw new RangeError("series: none: give at least one");
  for (const [kind, some] of Object.entries({ bars, rows })) {
    if (some.length > 0 && some.length < description.series.length) {
      throw new RangeError(`series: ${kind} and points: draw them in two figures`);
    }
  }
  const horizontal = rows.length > 0;
  const categories = [
    ...new Set([
      ...bars.flatMap((series) => series.bars.map(({ category }) => category)),
      ...rows.flatMap((series) => series.rows.map(({ category }) => category)),
    ]),
  ];
  const panels = [...new Set(description.series.map(({ panel }) => panel ?? ""))];
  const names = [...new Set(description.series.map(seriesName))];
  const half = 0.4 / names.length;

  const series = description.series.map((one): ResolvedSeries => {
    const name = seriesName(one);
    const place = names.indexOf(name);
    const look = one.critic === undefined ? plainStyle(place) : criticStyle(one.critic);
    const points = one.kind === "bars"
      ? one.bars.map((bar): Point => ({
        ...bar,
        x: categories.indexOf(bar.category) + (2 * place + 1 - names.length) * half,
        label: bar.category,
      }))
      : one.kind === "rows"
      ? one.rows.map(({ category, x, ...ends }): Point => ({
        ...ends,
        x: x ?? 0,
        y: x === null ? null : categories.indexOf(category),
        label: category,
      }))
      : one.points;
    points.forEach((point) => checkPoint(point, name, description));
    return {
      name,
      style: { ...look, ...one.style },
      panel: panels.indexOf(one.panel ?? ""),
      kind: one.kind,
      interval: one.kind === "line" ? one.interval ?? "band" : "bars",
      runs: one.kind === "line" ? runs(points) : [points.filter(isDrawn).map(resolvePoint)],
    };
  });
  if (series.every((one) => one.runs.flat().length === 0)) {
    throw new RangeError("series: no point has a y: nothing to draw");
  }

  const references = description.references ?? [];
  const columns = Math.min(description.columns ?? 3, panels.length);
  const points = series.flatMap((one) => one.runs.flat());
  const lines = references.filter((line) => line.axis !== "diagonal");
  const diagonal = references.find((line) => line.axis === "diagonal");
  const at = (axis: "x" | "y") => lines.filter((l) => l.axis === axis).map(({ value }) => value);
  const values = points.flatMap(({ x, y, low, high }) => {
    const value = horizontal ? x : y;
    return [value, low ?? value, high ?? value];
  });
  const xs = [...(horizontal ? values : points.map(({ x }) => x)), ...at("x")];
  const ys = [...values, ...at("y"), ...(bars.length > 0 ? [0] : [])];
  const ofCategories = (axis: Axis, domain: readonly [number, number]): ResolvedAxis => ({
    title: axisTitle(axis),
    log: false,
    domain,
    ticks: categories.map((label, value) => ({ value, label })),
  });
  const x = bars.length > 0
    ? ofCategories(description.x, [-0.5, categories.length - 0.5])
    : resolveAxis(description.x, xs, columns > 1 ? 4 : 7);
  const y = horizontal
    ? ofCategories(description.y, [categories.length - 0.5, -0.5])
    : resolveAxis(description.y, ys, 7, bars.length > 0);
  return {
    title: description.title,
    subtitle: description.subtitle ?? null,
    x,
    y,
    panels,
    columns,
    square: description.square ?? false,
    width: description.width ?? (description.square && panels.length === 1 ? 520 : 760),
    series,
    legend: names.map((name) => series.find((one) => one.name === name)!),
    lines,
    diagonal: diagonal === undefined ? null : {
      label: diagonal.label,
      ends: [Math.max(x.domain[0], y.domain[0]), Math.min(x.domain[1], y.domain[1])],
    },
    categories,
    bars: bars.length > 0,
    horizontal,
    headings: categories.flatMap((_, i) =>
      horizontal && points.every(({ y }) => y !== i) ? [i] : []
    ),
    // Bars of one category stand a little apart.
    barHalfWidth: half * 0.92,
  };
}

function seriesName(series: Series): string {
  if (series.name !== undefined) return series.name;
  if (series.critic !== undefined) return criticLabel(series.critic);
  throw new RangeError("series: no name: give `critic` or `name`");
}

function checkPoint(point: Point, name: string, { x, y }: FigureDescription): void {
  for (const [field, value] of Object.entries({ x: point.x, y: point.y })) {
    if (value === null) continue;
    if (!Number.isFinite(value)) {
      throw new RangeError(`series ${name}: ${field} = ${value}: use null for a missing y`);
    }
    if ((field === "x" ? x : y).scale === "log" && value <= 0) {
      throw new RangeError(`series ${name}: ${field} = ${value}: a log axis needs numbers > 0`);
    }
  }
  for (const end of [point.low ?? null, point.high ?? null]) {
    if (end !== null && !Number.isFinite(end)) {
      throw new RangeError(`series ${name}: interval end ${end}: use null for a missing interval`);
    }
  }
}

function isDrawn(point: Point): boolean {
  return point.y !== null;
}

function resolvePoint({ x, y, low = null, high = null, label = "" }: Point): ResolvedPoint {
  return { x, y: y!, low, high, label };
}

function runs(points: readonly Point[]): ResolvedPoint[][] {
  const result: ResolvedPoint[][] = [[]];
  for (const point of [...points].sort((a, b) => a.x - b.x)) {
    if (isDrawn(point)) result.at(-1)!.push(resolvePoint(point));
    else result.push([]);
  }
  return result.filter((run) => run.length > 0);
}

function axisTitle({ title, unit }: Axis): string {
  return unit === undefined ? title : `${title} (${unit})`;
}

/** Room beyond the outermost data, as a fraction of the axis. */
const ROOM = 0.05;

function resolveAxis(
  axis: Axis,
  values: readonly number[],
  mostTicks: number,
  fromZero = false,
): ResolvedAxis {
  const log = axis.scale === "log";
  // An interval may reach below 0; on a log axis it is cut off at the axis's end.
  const usable = log ? values.filter((value) => value > 0) : values;
  const [low, high] = [minimum(usable), maximum(usable)];
  const [to, from] = log ? [Math.log10, (v: number) => 10 ** v] : [Number, Number];
  let room = (to(high) - to(low)) * ROOM;
  if (room === 0) room = log ? 0.2 : Math.abs(high) * 0.1 || 1;
  const min = axis.min ?? (fromZero && low === 0 ? 0 : from(to(low) - room));
  const max = axis.max ?? (fromZero && high === 0 ? 0 : from(to(high) + room));
  if (!(min < max) || (log && min <= 0)) {
    throw new RangeError(
      `axis ${axis.title}: [${min}, ${max}]: give min < max${log ? ", > 0" : ""}`,
    );
  }
  const ticks = log ? logTicks(min, max, mostTicks) : linearTicks(min, max, mostTicks);
  // "800, 1000, 1200" rather than "800, 1k, 1.2k"; a log axis has one number per label anyway.
  const plain = !log && ticks.every((value) => Math.abs(value) < 1e4);
  return {
    title: axisTitle(axis),
    log,
    domain: [min, max],
    ticks: ticks.map((value) => ({ value, label: plain ? formatPlain(value) : formatTick(value) })),
  };
}

/** Multiples of 1, 2 or 5 times a power of ten, at most `most` of them. */
export function linearTicks(min: number, max: number, most = 7): number[] {
  const power = 10 ** Math.floor(Math.log10((max - min) / most));
  for (const factor of [1, 2, 5, 10, 20]) {
    const step = factor * power;
    // The allowance is for rounding; multiples of the step, so that 0 is exactly 0.
    const [first, last] = [Math.ceil(min / step - 1e-9), Math.floor(max / step + 1e-9)];
    if (last - first >= most) continue;
    return Array.from(
      { length: last - first + 1 },
      (_, i) => Number(((first + i) * step).toPrecision(12)),
    );
  }
  return [];
}

/** Powers of ten, with round numbers between them where there is room, at most `most`. */
export function logTicks(min: number, max: number, most = 7): number[] {
  // Within half a decade a log axis is nearly linear.
  if (max / min < 3) return linearTicks(min, max, most);
  const [first, last] = [Math.floor(Math.log10(min)), Math.ceil(Math.log10(max))];
  const within = (factors: readonly number[], every = 1) => {
    const result: number[] = [];
    for (let exponent = first; exponent <= last; exponent++) {
      if (exponent % every !== 0) continue;
      for (const factor of factors) {
        const value = Number(`${factor}e${exponent}`);
        if (value >= min * (1 - 1e-9) && value <= max * (1 + 1e-9)) result.push(value);
      }
    }
    return result;
  };
  const choices = [
    within([1, 1.5, 2, 3, 4, 5, 6, 7, 8]),
    within([1, 2, 3, 5]),
    within([1, 2, 5]),
    within([1, 3]),
    within([1]),
    within([1], 2),
    within([1], 3),
    within([1], 6),
  ];
  return choices.find((ticks) => ticks.length <= most) ?? [];
}
