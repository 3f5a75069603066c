/**
 * A figure as static SVG: panels by Observable Plot on a DOM without a browser, title and legend
 * around them. The same figure gives the same bytes: no generated names, coordinates rounded to
 * hundredths of a pixel. White inside, so that it can be read on a dark page.
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { maximum } from "../numeric/extrema.ts";
import { printableLines } from "../rollouts/printable.ts";
import { nameLines, namesWidth } from "./category_names.ts";
import { alternativeText } from "./figure_alt.ts";
import type { ResolvedFigure, ResolvedPoint, ResolvedSeries } from "./figure_description.ts";
import { escapeHtml } from "./mime.ts";
import { placeLabels } from "./reference_labels.ts";
import { textWidth, wrapText } from "./text_width.ts";
import {
  BAND_OPACITY,
  drawMarker,
  FONT_FAMILY,
  FONT_SIZE,
  INK,
  type MarkerContext,
  markerPaint,
  type MarkerShape,
  MOST_MARKERS,
  type SeriesStyle,
  tint,
} from "./theme.ts";

/** What is used of an element; the DOM's types are not among Deno's. */
interface SvgElement {
  readonly outerHTML: string;
  querySelector(selector: string): { remove(): void } | null;
  querySelectorAll(selector: string): Iterable<SvgElement>;
  getAttributeNames(): string[];
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
}

const PADDING = 16;
const LINE_HEIGHT = 1.35;
const MARKER_RADIUS = 4;
const REFERENCE_STROKE = { stroke: INK.muted, strokeWidth: 1.2 } as const;
const REFERENCE_DASH = "5 4";
/** Half the width of the cap of an error bar. */
const CAP = 3.5;
const PANEL_GAP = 18;
/** Height of a row, for each line of its name, and besides. */
const ROW = { line: FONT_SIZE.tick * LINE_HEIGHT, gap: 5 } as const;
const SWATCH = 38;

/** The figure as one `<svg>` element, `figure.width` wide; it shrinks with its container. */
export function renderSvg(figure: ResolvedFigure): string {
  const title = textBlock(figure.title, FONT_SIZE.title, figure, true);
  const subtitle = textBlock(figure.subtitle ?? "", FONT_SIZE.subtitle, figure);
  const top = PADDING + title.height + subtitle.height + 8;
  const body = renderPanels(figure, top);
  const legend = renderLegend(figure, body.bottom + 8);
  const height = legend.bottom + PADDING;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${figure.width} ${round(height)}" ` +
    `width="${figure.width}" height="${round(height)}" style="max-width:100%;height:auto" ` +
    `font-family="${FONT_FAMILY}" fill="${INK.text}" role="img" ` +
    `aria-label="${escapeHtml(alternativeText(figure))}">`,
    hatches(figure),
    `<rect width="100%" height="100%" fill="${INK.background}"/>`,
    title.at(PADDING, INK.text),
    subtitle.at(PADDING + title.height, INK.muted),
    body.svg,
    legend.svg,
    `</svg>`,
  ].join("");
}

function renderPanels(figure: ResolvedFigure, top: number): { svg: string; bottom: number } {
  const { columns, panels } = figure;
  const rows = Math.ceil(panels.length / columns);
  let names = figure.horizontal ? nameLines(figure) : [];
  const tickWidth = figure.horizontal
    ? namesWidth(figure, names)
    : maximum(figure.y.ticks.map(({ label }) => textWidth(label, FONT_SIZE.tick)));
  const left = PADDING + (figure.y.title === "" ? 0 : FONT_SIZE.axis * LINE_HEIGHT) + tickWidth +
    14;
  const width = (figure.width - left - PADDING - PANEL_GAP * (columns - 1)) / columns;
  if (!figure.horizontal) names = nameLines(figure, width / figure.categories.length - 4);
  const lines = Math.max(1, maximum(names.map((name) => name.length)));
  const height = figure.horizontal
    ? names.length * (lines * ROW.line + ROW.gap)
    : figure.square
    ? width
    : columns === 1
    ? 330
    : Math.max(150, width * 0.8);
  const panelTitle = panels.length > 1 ? FONT_SIZE.axis * LINE_HEIGHT + 4 : 0;
  const categories = names.map((name) => name.join("\n"));
  const tickHeight = 12 + (figure.horizontal ? 1 : lines) * FONT_SIZE.tick * LINE_HEIGHT;
  const step = panelTitle + height + PANEL_GAP;
  const bottom = top + rows * step - PANEL_GAP;
  const middle = left + (columns * width + (columns - 1) * PANEL_GAP) / 2;

  const parts: string[] = [];
  panels.forEach((name, i) => {
    const [column, row] = [i % columns, Math.floor(i / columns)];
    const [x, y] = [left + column * (width + PANEL_GAP), top + row * step + panelTitle];
    if (panelTitle > 0) parts.push(text(name, x, y - 7, FONT_SIZE.axis, INK.text, "", true));
    const plot = panelPlot(figure, i, width, height, {
      left: column === 0 ? tickWidth + 14 : 4,
      bottom: i + columns >= panels.length ? tickHeight : 4,
    }, categories);
    plot.setAttribute("x", String(x - (column === 0 ? tickWidth + 14 : 4)));
    plot.setAttribute("y", String(y - 6));
    parts.push(serialize(plot));
  });
  const titleY = bottom + tickHeight + FONT_SIZE.axis;
  parts.push(text(figure.x.title, middle, titleY, FONT_SIZE.axis, INK.text, "middle"));
  const [x, y] = [PADDING + FONT_SIZE.axis, (top + panelTitle + bottom) / 2];
  if (figure.y.title !== "") {
    parts.push(
      `<g transform="translate(${round(x)},${round(y)}) rotate(-90)">` +
        text(figure.y.title, 0, 0, FONT_SIZE.axis, INK.text, "middle") + `</g>`,
    );
  }
  return { svg: parts.join(""), bottom: titleY + 6 };
}

function panelPlot(
  figure: ResolvedFigure,
  panel: number,
  width: number,
  height: number,
  margin: { left: number; bottom: number },
  categories: readonly string[],
): SvgElement {
  const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as {
    document: object;
  };
  const { x, y, bars } = figure;
  const label = (axis: typeof x) => (value: number) =>
    axis.ticks.find((tick) => tick.value === value)?.label ?? "";
  const category = (i: number) => categories[i];
  const [xs, ys] = [x.ticks.map(({ value }) => value), y.ticks.map(({ value }) => value)];
  const rows = ys.filter((value) => !figure.headings.includes(value));
  // `text` and not `tickFormat`: of the latter's labels a narrow log axis leaves some out.
  const axis = { color: INK.text, fontSize: FONT_SIZE.tick, fontVariant: "normal" } as const;
  return Plot.plot({
    document,
    className: "genac",
    style: { fontFamily: "inherit", overflow: "visible" },
    width: width + margin.left + 8,
    height: height + margin.bottom + 6,
    marginLeft: margin.left,
    marginRight: 8,
    marginTop: 6,
    marginBottom: margin.bottom,
    x: { type: x.log ? "log" : "linear", domain: [...x.domain], axis: null },
    y: { type: y.log ? "log" : "linear", domain: [...y.domain], axis: null },
    marks: [
      Plot.gridY(rows, { stroke: INK.grid, strokeOpacity: 1 }),
      bars ? [] : Plot.gridX(xs, { stroke: INK.grid, strokeOpacity: 1 }),
      Plot.frame({ stroke: INK.axis }),
      margin.left <= 4 ? [] : Plot.axisY(rows, {
        ...axis,
        label: null,
        text: figure.horizontal ? category : label(y),
        ...(figure.horizontal ? { tickSize: 0 } : {}),
      }),
      margin.left <= 4 ? [] : Plot.axisY(figure.headings, {
        ...axis,
        label: null,
        text: category,
        tickSize: 0,
        fontWeight: "600",
      }),
      margin.bottom <= 4 ? [] : Plot.axisX(xs, {
        ...axis,
        label: null,
        text: bars ? category : label(x),
        ...(bars ? { tickSize: 0 } : {}),
      }),
      references(figure, panel),
      figure.series.filter((series) => series.panel === panel).map((series) =>
        seriesMarks(series, figure)
      ),
    ],
  }) as unknown as SvgElement;
}

function seriesMarks(series: ResolvedSeries, figure: ResolvedFigure): Plot.Markish[] {
  const { style, kind } = series;
  const { horizontal } = figure;
  const [floor, ceiling] = (horizontal ? figure.x : figure.y).domain;
  const clamp = (value: number) => Math.min(Math.max(value, floor), ceiling);
  const low = ({ low, x, y }: ResolvedPoint) => clamp(low ?? (horizontal ? x : y));
  const high = ({ high, x, y }: ResolvedPoint) => clamp(high ?? (horizontal ? x : y));
  const points = series.runs.flat();
  const withInterval = points.filter((point) => point.low !== null && point.high !== null);
  const errorBars = (stroke: string) => {
    const pen = { stroke, strokeWidth: 1.3 };
    return [
      horizontal
        ? Plot.ruleY(withInterval, { y: "y", x1: low, x2: high, ...pen })
        : Plot.ruleX(withInterval, { x: "x", y1: low, y2: high, ...pen }),
      ...[low, high].map((end) =>
        Plot.dot(withInterval, {
          ...(horizontal ? { x: end, y: "y" } : { x: "x", y: end }),
          ...pen,
          symbol: horizontal ? capSymbol(0, CAP) : capSymbol(CAP, 0),
        })
      ),
    ];
  };
  if (kind === "bars") {
    const half = figure.barHalfWidth;
    return [
      Plot.rect(points, {
        x1: ({ x }: ResolvedPoint) => x - half,
        x2: ({ x }: ResolvedPoint) => x + half,
        y1: Math.max(0, floor),
        y2: "y",
        fill: barFill(style),
        stroke: INK.axis,
      }),
      ...errorBars(INK.text),
    ];
  }
  const lines = kind !== "line" ? [] : series.runs.flatMap((run) => [
    series.interval === "band" && withInterval.length > 0
      ? Plot.areaY(run, { x: "x", y1: low, y2: high, fill: style.color, fillOpacity: BAND_OPACITY })
      : [],
    Plot.line(run, {
      x: "x",
      y: "y",
      stroke: style.color,
      strokeWidth: 2,
      strokeDasharray: style.dash.join(" ") || undefined,
      strokeLinecap: "butt",
    } as Plot.LineOptions),
  ]);
  return [
    ...lines,
    ...(series.interval === "bars" ? errorBars(style.color) : []),
    Plot.dot(kind === "line" ? series.runs.flatMap(thinned) : points, {
      x: "x",
      y: "y",
      symbol: markerSymbol(style.marker),
      r: MARKER_RADIUS,
      ...markerPaint(style),
    }),
  ];
}

/** Every so many points, so that the markers of a long curve do not hide it. */
function thinned(run: readonly ResolvedPoint[]): readonly ResolvedPoint[] {
  const step = Math.ceil(run.length / MOST_MARKERS);
  return run.filter((_, i) => i % step === 0);
}

function references(figure: ResolvedFigure, panel: number): Plot.Markish[] {
  const stroke = { ...REFERENCE_STROKE, strokeDasharray: REFERENCE_DASH };
  const places = placeLabels(figure);
  const lines = figure.lines.flatMap(({ axis, value, label }, i): Plot.Markish[] => {
    const { along, above } = places[i]!;
    const words: Plot.TextOptions = {
      text: (name: string) => name,
      fill: INK.muted,
      stroke: INK.background,
      strokeWidth: 3,
      fontSize: FONT_SIZE.tick,
    };
    const labels = panel === 0 ? [label] : [];
    if (axis === "y") {
      return [
        Plot.ruleY([value], stroke),
        Plot.text(labels, {
          ...words,
          y: () => value,
          frameAnchor: along < 0.5 ? "left" : "right",
          dx: along < 0.5 ? 5 : -5,
          dy: above ? -8 : 9,
        }),
      ];
    }
    return [
      Plot.ruleX([value], stroke),
      Plot.text(labels, {
        ...words,
        x: () => value,
        frameAnchor: along < 0.5 ? "bottom" : "top",
        textAnchor: "start",
        dx: 5,
        dy: along < 0.5 ? -8 : 5,
      }),
    ];
  });
  const ends = figure.diagonal?.ends.map((end) => [end, end] as [number, number]);
  return ends === undefined ? lines : [...lines, Plot.line(ends, stroke)];
}

/** Entries below one another in as many columns as fit. */
function renderLegend(figure: ResolvedFigure, top: number): { svg: string; bottom: number } {
  const size = FONT_SIZE.legend;
  const entries = figure.legend.map((series) => ({
    name: series.name,
    swatch: (x: number, y: number) => swatch(series, x, y),
  }));
  if (figure.diagonal !== null) {
    entries.push({
      name: figure.diagonal.label,
      swatch: (x, y) => line(x, y, INK.muted, REFERENCE_STROKE.strokeWidth, REFERENCE_DASH),
    });
  }
  if (entries.length < 2) return { svg: "", bottom: top - 8 };
  const widest = maximum(entries.map(({ name }) => textWidth(name, size)));
  const step = { x: SWATCH + 8 + widest + 18, y: size * 1.6 };
  const fitting = Math.max(1, Math.floor((figure.width - 2 * PADDING) / step.x));
  const rows = Math.ceil(entries.length / fitting);
  const parts = entries.map(({ name, swatch }, i) => {
    const x = PADDING + Math.floor(i / rows) * step.x;
    const y = top + (i % rows) * step.y + step.y / 2;
    return swatch(x, y) + text(name, x + SWATCH + 8, y + size * 0.36, size, INK.text);
  });
  return { svg: parts.join(""), bottom: top + rows * step.y };
}

/** A line across a legend's swatch. */
function line(x: number, y: number, color: string, width: number, dash: string): string {
  return `<line x1="${round(x)}" x2="${round(x + SWATCH)}" y1="${round(y)}" y2="${round(y)}" ` +
    `stroke="${color}" stroke-width="${width}"` +
    (dash === "" ? "" : ` stroke-dasharray="${dash}"`) + `/>`;
}

function swatch({ kind, style }: ResolvedSeries, x: number, y: number): string {
  if (kind === "bars") {
    return `<rect x="${round(x + 10)}" y="${round(y - 6)}" width="20" height="12" ` +
      `fill="${barFill(style)}" stroke="${INK.axis}"/>`;
  }
  const path = new PathText();
  drawMarker(style.marker, MARKER_RADIUS, path);
  const { fill, stroke, strokeWidth } = markerPaint(style);
  const stem = kind !== "line" ? "" : line(x, y, style.color, 2, style.dash.join(" "));
  return stem +
    `<path d="${path.text}" transform="translate(${round(x + SWATCH / 2)},${round(y)})" ` +
    `fill="${fill}" stroke="${stroke}" stroke-width="${strokeWidth}"/>`;
}

function barFill(style: SeriesStyle): string {
  return style.hatch === "" ? style.color : `url(#${hatchId(style)})`;
}

function hatchId({ color, hatch }: SeriesStyle): string {
  // Named by content: two figures on one page may share a definition, never clash.
  return `genac-hatch-${color.slice(1)}-${hatch.charCodeAt(0)}`;
}

function hatches(figure: ResolvedFigure): string {
  const strokes: Record<SeriesStyle["hatch"], string> = {
    "": "",
    "/": "M-2,2l4,-4M0,8l8,-8M6,10l4,-4",
    "\\": "M-2,6l4,4M0,0l8,8M6,-2l4,4",
    x: "M0,8l8,-8M0,0l8,8",
    "-": "M0,4h8",
    "|": "M4,0v8",
    ".": "M3,3h2v2h-2z",
  };
  const styles = figure.legend.filter(({ kind, style }) => kind === "bars" && style.hatch !== "")
    .map(({ style }) => style);
  if (styles.length === 0) return "";
  return `<defs>${
    styles.map((style) =>
      `<pattern id="${hatchId(style)}" width="8" height="8" patternUnits="userSpaceOnUse">` +
      `<rect width="8" height="8" fill="${tint(style.color)}"/>` +
      `<path d="${strokes[style.hatch]}" stroke="${style.color}" stroke-width="1.8" fill="none"/>` +
      `</pattern>`
    ).join("")
  }</defs>`;
}

/** The drawing calls that `drawMarker` makes, as an SVG path. */
class PathText {
  text = "";
  moveTo(x: number, y: number): void {
    this.text += `M${round(x)},${round(y)}`;
  }
  lineTo(x: number, y: number): void {
    this.text += `L${round(x)},${round(y)}`;
  }
  arc(x: number, y: number, radius: number): void {
    // A whole circle, from its rightmost point, in two halves.
    const r = round(radius);
    this.text += `A${r},${r},0,1,1,${round(x - radius)},${round(y)}` +
      `A${r},${r},0,1,1,${round(x + radius)},${round(y)}`;
  }
  closePath(): void {
    this.text += "Z";
  }
}

function markerSymbol(shape: MarkerShape): Plot.SymbolImplementation {
  return { draw: (context: MarkerContext) => drawMarker(shape, MARKER_RADIUS, context) };
}

/** The cap of an error bar that reaches so far to both sides. */
function capSymbol(x: number, y: number): Plot.SymbolImplementation {
  return {
    draw(context: MarkerContext) {
      context.moveTo(-x, -y);
      context.lineTo(x, y);
    },
  };
}

function textBlock(content: string, size: number, figure: ResolvedFigure, bold = false) {
  const lines = content === "" ? [] : wrapText(content, size, figure.width - 2 * PADDING, bold);
  const step = size * LINE_HEIGHT;
  return {
    height: lines.length * step,
    at: (top: number, color: string) =>
      lines.map((line, i) => text(line, PADDING, top + i * step + size, size, color, "", bold))
        .join(""),
  };
}

function text(
  content: string,
  x: number,
  y: number,
  size: number,
  color: string,
  anchor: "" | "middle" = "",
  bold = false,
): string {
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${color}"` +
    (anchor === "" ? "" : ` text-anchor="${anchor}"`) + (bold ? ` font-weight="600"` : "") +
    `>${escapeHtml(content)}</text>`;
}

const GEOMETRY = new Set(
  "x,y,x1,x2,y1,y2,dx,dy,width,height,cx,cy,r,d,transform,viewBox".split(","),
);

/** The plot's markup without its style sheet (a page would apply it to everything), its texts fit for a page. */
function serialize(plot: SvgElement): string {
  plot.querySelector("style")?.remove();
  plot.removeAttribute("class");
  for (const element of [plot, ...plot.querySelectorAll("*")]) {
    for (const name of [...element.getAttributeNames()]) {
      if (!GEOMETRY.has(name)) continue;
      const value = element.getAttribute(name)!;
      element.setAttribute(
        name,
        value.replace(/-?\d+\.\d+(e-?\d+)?/g, (n: string) => round(Number(n))),
      );
    }
  }
  return printableLines(plot.outerHTML);
}

function round(value: number): string {
  return String(Number(value.toFixed(2)) + 0);
}
