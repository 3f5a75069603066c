/**
 * A figure as Plotly JSON (`application/vnd.plotly.v1+json`): the same looks, ranges and ticks as
 * the SVG, with zoom, hover and a legend that hides series.
 */
import { maximum } from "../numeric/extrema.ts";
import { nameLines, namesWidth } from "./category_names.ts";
import type {
  ResolvedAxis,
  ResolvedFigure,
  ResolvedPoint,
  ResolvedSeries,
} from "./figure_description.ts";
import { formatInterval, formatNumber } from "./format.ts";
import { escapeHtml } from "./mime.ts";
import { placeLabels } from "./reference_labels.ts";
import { textWidth, wrapText } from "./text_width.ts";
import {
  FONT_FAMILY,
  FONT_SIZE,
  INK,
  markerPaint,
  MOST_MARKERS,
  tint,
  translucent,
} from "./theme.ts";

/** What Plotly.newPlot takes. */
export interface PlotlyFigure {
  readonly data: readonly Record<string, unknown>[];
  readonly layout: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
}

/** The figure for Plotly.js 2 to 4. Its height is fixed, its width follows the page. */
export function renderPlotly(figure: ResolvedFigure): PlotlyFigure {
  const grid = new Grid(figure);
  const shown = new Set<string>();
  const series = figure.series.flatMap((series) => {
    const first = !shown.has(series.name);
    shown.add(series.name);
    return traces(series, figure, grid.axes(series.panel), first);
  });
  const diagonals = figure.panels.flatMap((_, i) => diagonalTrace(figure, grid.axes(i), i === 0));
  return {
    data: [...diagonals, ...series],
    layout: {
      ...grid.layout(),
      title: {
        text: titleHtml(figure),
        x: 0,
        xref: "container",
        xanchor: "left",
        y: 1,
        yref: "container",
        yanchor: "top",
        pad: { l: 16, t: 16 },
        font: { size: FONT_SIZE.title, color: INK.text },
      },
      font: { family: FONT_FAMILY.replaceAll("'", ""), size: FONT_SIZE.tick, color: INK.text },
      paper_bgcolor: INK.background,
      plot_bgcolor: INK.background,
      showlegend: figure.legend.length > 1 || figure.diagonal !== null,
      hovermode: "closest",
      ...(figure.bars ? { barmode: "group", bargap: 0.2 } : {}),
    },
    config: {
      responsive: true,
      displaylogo: false,
      modeBarButtonsToRemove: ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
    },
  };
}

function titleHtml(figure: ResolvedFigure): string {
  return [
    ...titleLines(figure).map((line) => `<b>${escapeHtml(line)}</b>`),
    ...subtitleLines(figure).map((line) =>
      `<span style="font-size:${FONT_SIZE.subtitle}px;color:${INK.muted}">${
        escapeHtml(line)
      }</span>`
    ),
  ].join("<br>");
}

function titleLines({ title, width }: ResolvedFigure): string[] {
  return wrapText(title, FONT_SIZE.title, width - 130, true);
}

function subtitleLines({ subtitle, width }: ResolvedFigure): string[] {
  return subtitle === null ? [] : wrapText(subtitle, FONT_SIZE.subtitle, width - 130);
}

const MARGIN = { left: 72, right: 20 } as const;
/** Height of the ticks' labels and the axis's title below a plot. */
const AXIS_BELOW = 62;
/** Height of a line of a row's name. */
const NAME_LINE = 19;

/** Room for the names of ticks. */
function leftMargin(figure: ResolvedFigure): number {
  if (!figure.horizontal) return MARGIN.left;
  return Math.ceil(namesWidth(figure, nameLines(figure))) + (figure.y.title === "" ? 12 : 40);
}

/** Width of a report's column in pixels: a wider figure shrinks to it, and its legend needs more rows. */
const PAGE = 860;

/** Where the panels are, and their axes' names. */
class Grid {
  readonly #figure: ResolvedFigure;
  readonly #rows: number;

  constructor(figure: ResolvedFigure) {
    this.#figure = figure;
    this.#rows = Math.ceil(figure.panels.length / figure.columns);
  }

  /** A trace's axes. */
  axes(panel: number): { xaxis: string; yaxis: string } {
    const suffix = panel === 0 ? "" : String(panel + 1);
    return { xaxis: `x${suffix}`, yaxis: `y${suffix}` };
  }

  layout(): Record<string, unknown> {
    const figure = this.#figure;
    const { panels, columns } = figure;
    const top = 20 + titleLines(figure).length * FONT_SIZE.title * 1.4 +
      subtitleLines(figure).length * FONT_SIZE.title * 1.4 + (panels.length > 1 ? 22 : 8);
    const names = figure.legend.map(({ name }) => name);
    if (figure.diagonal !== null) names.push(figure.diagonal.label);
    const entry = 55 + maximum(names.map((name) => textWidth(name, FONT_SIZE.legend)));
    const left = leftMargin(figure);
    const room = Math.min(figure.width, PAGE) - left - MARGIN.right - 8;
    const fitting = Math.max(1, Math.floor(room / entry));
    const bottom = AXIS_BELOW + (names.length > 1 ? 30 * Math.ceil(names.length / fitting) : 0);
    const width = (figure.width - left - MARGIN.right) / columns;
    const lines = maximum(nameLines(figure).map((name) => name.length));
    const tall = figure.horizontal
      ? figure.categories.length * lines * NAME_LINE
      : figure.square
      ? width * 0.97
      : panels.length > 1
      ? 200
      : 340;
    const inner = tall * this.#rows + 34 * (this.#rows - 1);
    const height = Math.round(top + inner + bottom);
    const layout: Record<string, unknown> = {
      height,
      ...(figure.square && panels.length === 1 ? { width: figure.width } : {}),
      margin: { l: left, r: MARGIN.right, t: Math.round(top), b: bottom },
      legend: {
        orientation: "h",
        x: 0,
        xanchor: "left",
        // From its top: how many rows it has depends on the page's width, and what is too much goes below it.
        y: -AXIS_BELOW / inner,
        yanchor: "top",
        font: { size: FONT_SIZE.legend },
        itemwidth: 40,
        entrywidth: Math.ceil(entry) - 50,
        entrywidthmode: "pixels",
      },
    };
    const [gapX, gapY] = [0.03, 34 / inner];
    const annotations: unknown[] = [];
    const shapes: unknown[] = [];
    panels.forEach((name, i) => {
      const [column, row] = [i % columns, Math.floor(i / columns)];
      const width = (1 - gapX * (columns - 1)) / columns;
      const tall = (1 - gapY * (this.#rows - 1)) / this.#rows;
      const left = column * (width + gapX);
      const high = 1 - row * (tall + gapY);
      const { xaxis, yaxis } = this.axes(i);
      layout[xaxis.replace("x", "xaxis")] = {
        ...axis(figure.x),
        domain: [left, Math.min(1, left + width)],
        anchor: yaxis,
        ...(i === 0 ? {} : { matches: "x" }),
        showticklabels: i + columns >= panels.length,
        ...(figure.bars ? barTicks(figure) : {}),
        ...(panels.length === 1 ? { title: axisTitle(figure.x) } : {}),
      };
      layout[yaxis.replace("y", "yaxis")] = {
        ...axis(figure.y),
        domain: [Math.max(0, high - tall), high],
        anchor: xaxis,
        ...(i === 0 ? {} : { matches: "y" }),
        showticklabels: column === 0,
        ...(figure.horizontal ? categoryTicks(nameLines(figure), figure.headings) : {}),
        ...(panels.length === 1 ? { title: axisTitle(figure.y) } : {}),
      };
      if (panels.length > 1) {
        annotations.push({
          text: `<b>${escapeHtml(name)}</b>`,
          x: left,
          y: high,
          xref: "paper",
          yref: "paper",
          xanchor: "left",
          yanchor: "bottom",
          showarrow: false,
          font: { size: FONT_SIZE.axis },
        });
      }
      const drawn = references(figure, xaxis, yaxis, i === 0);
      for (const shape of drawn.shapes) shapes.push(shape);
      for (const label of drawn.annotations) annotations.push(label);
    });
    if (panels.length > 1) annotations.push(...sharedTitles(figure, inner));
    return { ...layout, annotations, shapes };
  }
}

function axisTitle({ title }: ResolvedAxis): object {
  return { text: escapeHtml(title), font: { size: FONT_SIZE.axis }, standoff: 8 };
}

function sharedTitles(figure: ResolvedFigure, inner: number): object[] {
  const shared = { xref: "paper", yref: "paper", showarrow: false, font: { size: FONT_SIZE.axis } };
  return [
    {
      ...shared,
      text: escapeHtml(figure.x.title),
      x: 0.5,
      y: -28 / inner,
      yanchor: "top",
    },
    {
      ...shared,
      text: escapeHtml(figure.y.title),
      x: 0,
      xshift: -54,
      y: 0.5,
      yanchor: "middle",
      textangle: -90,
    },
  ];
}

function axis({ log, domain, ticks }: ResolvedAxis): Record<string, unknown> {
  return {
    type: log ? "log" : "linear",
    range: log ? domain.map(Math.log10) : [...domain],
    // A linear axis finds finer ticks when zoomed; a log axis' own labels ("2", "5") mislead.
    ...(log
      ? { tickvals: ticks.map(({ value }) => value), ticktext: ticks.map(({ label }) => label) }
      : { nticks: 8 }),
    gridcolor: INK.grid,
    zeroline: false,
    showline: true,
    mirror: true,
    linecolor: INK.axis,
    ticks: "outside",
    ticklen: 5,
    tickcolor: INK.axis,
    tickfont: { size: FONT_SIZE.tick },
  };
}

function barTicks(figure: ResolvedFigure): Record<string, unknown> {
  const room = (figure.width - 110) / figure.categories.length - 4;
  return { ...categoryTicks(nameLines(figure, room)), showgrid: false };
}

/** Ticks at 0, 1, ... with names in lines. */
function categoryTicks(
  names: readonly (readonly string[])[],
  headings: readonly number[] = [],
): Record<string, unknown> {
  const bold = (line: string, i: number) => headings.includes(i) ? `<b>${line}</b>` : line;
  return {
    ticks: "",
    tickvals: names.map((_, i) => i),
    ticktext: names.map((lines, i) => lines.map((line) => bold(escapeHtml(line), i)).join("<br>")),
  };
}

function traces(
  series: ResolvedSeries,
  figure: ResolvedFigure,
  axes: object,
  first: boolean,
): Record<string, unknown>[] {
  // A gap parts a series into runs: a trace each, of one legend entry.
  return series.runs.flatMap((run, i) => [
    ...band(series, run, figure, axes),
    {
      ...(series.kind === "bars" ? barTrace(series, figure) : pointTrace(series)),
      x: run.map(({ x }) => x),
      y: run.map(({ y }) => y),
      ...errorBars(series, run, figure),
      ...hover(series, run, figure),
      ...legendEntry(series),
      showlegend: first && i === 0,
      ...axes,
    },
  ]);
}

function legendEntry({ name }: ResolvedSeries): object {
  return { name: escapeHtml(name), legendgroup: name };
}

function barTrace({ style }: ResolvedSeries, { barHalfWidth }: ResolvedFigure): object {
  return {
    type: "bar",
    width: 2 * barHalfWidth,
    offset: -barHalfWidth,
    marker: {
      color: style.color,
      line: { color: INK.axis, width: 1 },
      pattern: {
        shape: style.hatch,
        fgcolor: style.color,
        bgcolor: tint(style.color),
        fillmode: "replace",
        size: 7,
      },
    },
  };
}

function pointTrace({ kind, style }: ResolvedSeries): object {
  const { fill, stroke, strokeWidth } = markerPaint(style);
  return {
    type: "scatter",
    mode: kind === "line" ? "lines+markers" : "markers",
    line: {
      color: style.color,
      width: 2,
      dash: style.dash.length > 0 ? style.dash.map((n) => `${n}px`).join(",") : "solid",
    },
    marker: {
      symbol: style.marker,
      ...(kind === "line" ? { maxdisplayed: MOST_MARKERS } : {}),
      size: 9,
      color: fill,
      line: { color: stroke, width: strokeWidth },
    },
  };
}

function hasInterval({ low, high }: ResolvedPoint): boolean {
  return low !== null && high !== null;
}

function errorBars(
  { kind, interval, style }: ResolvedSeries,
  run: readonly ResolvedPoint[],
  { horizontal }: ResolvedFigure,
) {
  if (interval !== "bars" || !run.some(hasInterval)) return {};
  const value = ({ x, y }: ResolvedPoint) => horizontal ? x : y;
  return {
    [horizontal ? "error_x" : "error_y"]: {
      type: "data",
      symmetric: false,
      array: run.map((point) => (point.high ?? value(point)) - value(point)),
      arrayminus: run.map((point) => value(point) - (point.low ?? value(point))),
      color: kind === "bars" ? INK.text : style.color,
      thickness: 1.3,
      width: 3.5,
    },
  };
}

function band(
  series: ResolvedSeries,
  run: readonly ResolvedPoint[],
  figure: ResolvedFigure,
  axes: object,
): Record<string, unknown>[] {
  if (series.kind !== "line" || series.interval !== "band" || !run.some(hasInterval)) return [];
  const [floor] = figure.y.domain;
  return [{
    type: "scatter",
    mode: "lines",
    x: [...run, ...run.toReversed()].map(({ x }) => x),
    y: [
      ...run.map(({ high, y }) => high ?? y),
      ...run.toReversed().map(({ low, y }) => Math.max(low ?? y, figure.y.log ? floor : -Infinity)),
    ],
    fill: "toself",
    fillcolor: translucent(series.style.color),
    line: { width: 0 },
    hoverinfo: "skip",
    ...legendEntry(series),
    showlegend: false,
    ...axes,
  }];
}

function hover({ name }: ResolvedSeries, run: readonly ResolvedPoint[], figure: ResolvedFigure) {
  const { categories, horizontal, x, y } = figure;
  return {
    customdata: run.map((point) => [
      escapeHtml(point.label),
      categories.length > 0 ? "" : `${escapeHtml(x.title)}: ${formatNumber(point.x)}<br>`,
      formatInterval({ ...point, estimate: horizontal ? point.x : point.y }),
    ]),
    hovertemplate: `<b>${inTemplate(name)}</b> %{customdata[0]}<br>%{customdata[1]}` +
      `${inTemplate((horizontal ? x : y).title)}: %{customdata[2]}<extra></extra>`,
  };
}

/** Text in a template, where `%{` would begin a variable. */
function inTemplate(text: string): string {
  return escapeHtml(text).replaceAll("%{", "%&#123;");
}

function references(figure: ResolvedFigure, xaxis: string, yaxis: string, labelled: boolean) {
  const places = placeLabels(figure);
  const shape = { type: "line", layer: "above", line: REFERENCE_LINE };
  const shapes: object[] = [];
  const annotations: object[] = [];
  figure.lines.forEach(({ axis, value, label }, i) => {
    const { along, above } = places[i]!;
    const words = {
      text: escapeHtml(label),
      showarrow: false,
      font: { size: FONT_SIZE.tick, color: INK.muted },
    };
    if (axis === "y") {
      const [y0, y1] = [value, value];
      shapes.push({ ...shape, xref: `${xaxis} domain`, x0: 0, x1: 1, yref: yaxis, y0, y1 });
      annotations.push({
        ...words,
        xref: `${xaxis} domain`,
        x: along,
        xanchor: along < 0.5 ? "left" : "right",
        yref: yaxis,
        y: position(figure.y, value),
        yanchor: above ? "bottom" : "top",
      });
    } else {
      const [x0, x1] = [value, value];
      shapes.push({ ...shape, yref: `${yaxis} domain`, y0: 0, y1: 1, xref: xaxis, x0, x1 });
      annotations.push({
        ...words,
        xref: xaxis,
        x: position(figure.x, value),
        xanchor: "left",
        yref: `${yaxis} domain`,
        y: along,
        yanchor: along < 0.5 ? "bottom" : "top",
      });
    }
  });
  const named = annotations.filter((_, i) => figure.lines[i]!.label !== "");
  return { shapes, annotations: labelled ? named : [] };
}

const REFERENCE_LINE = { color: INK.muted, width: 1.2, dash: "5px,4px" } as const;

/** The line y = x, under the data. */
function diagonalTrace({ diagonal }: ResolvedFigure, axes: object, showlegend: boolean) {
  if (diagonal === null) return [];
  return [{
    type: "scatter",
    mode: "lines",
    x: diagonal.ends,
    y: diagonal.ends,
    line: REFERENCE_LINE,
    hoverinfo: "skip",
    name: escapeHtml(diagonal.label),
    legendgroup: "diagonal",
    legendrank: 2000,
    showlegend,
    ...axes,
  }];
}

/** Annotations on a log axis stand at the logarithm, shapes at the number. */
function position({ log }: ResolvedAxis, value: number): number {
  return log ? Math.log10(value) : value;
}
