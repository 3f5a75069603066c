/**
 * Figures: described once as data, shown as interactive Plotly, static SVG and a plain table.
 */
import {
  type FigureDescription,
  type ResolvedFigure,
  resolveFigure,
} from "./figure_description.ts";
import { renderPlotly } from "./figure_plotly.ts";
import { renderSvg } from "./figure_svg.ts";
import { formatNumber } from "./format.ts";
import { DISPLAY, type Displayable } from "./mime.ts";
import { plainTable } from "./plain_table.ts";

export type {
  Axis,
  Bar,
  BarSeries,
  FigureDescription,
  LineSeries,
  Point,
  ReferenceLine,
  Row,
  RowSeries,
  ScatterSeries,
  Series,
} from "./figure_description.ts";
export { intervalPoint } from "./figure_description.ts";

/** A figure to `show`. */
export interface Figure extends Displayable {
  readonly description: FigureDescription;
}

/**
 * A figure from its description, to `show`: interactive Plotly, static SVG and a plain table.
 *
 * @throws RangeError for what cannot be drawn (see `resolveFigure`).
 *
 * @example
 * ```ts
 * import { figure, intervalPoint, show } from "genac";
 *
 * await show(figure({
 *   title: "The generative critic's error falls with size",
 *   x: { title: "parameters", scale: "log" },
 *   y: { title: "RMSE against exact value", min: 0 },
 *   series: [{
 *     kind: "line",
 *     critic: "cot",
 *     points: [
 *       { x: 6e3, y: 0.08 },
 *       intervalPoint(25e3, { estimate: 0.03, low: 0.02, high: 0.04 }),
 *     ],
 *   }],
 * }));
 * ```
 */
export function figure(description: FigureDescription): Figure {
  const resolved = resolveFigure(description);
  return {
    description,
    [DISPLAY]: () => ({
      "application/vnd.plotly.v1+json": renderPlotly(resolved),
      "image/svg+xml": renderSvg(resolved),
      "text/plain": renderText(resolved),
    }),
  };
}

/** The figure's numbers: one line per point. */
function renderText(figure: ResolvedFigure): string {
  const panels = figure.panels.length > 1;
  const intervals = figure.series.some(({ runs }) => runs.flat().some(({ low }) => low !== null));
  const rows = figure.series.flatMap(({ name, panel, runs }) =>
    runs.flat().map(({ x, y, low, high, label }) => [
      name,
      ...(panels ? [figure.panels[panel]!] : []),
      figure.categories.length > 0 ? label : formatNumber(x),
      formatNumber(figure.horizontal ? x : y),
      ...(intervals ? [low === null ? "" : `[${formatNumber(low)}, ${formatNumber(high)}]`] : []),
    ])
  );
  const head = [
    "series",
    ...(panels ? ["panel"] : []),
    ...(figure.horizontal ? [figure.y.title, figure.x.title] : [figure.x.title, figure.y.title]),
    ...(intervals ? ["interval"] : []),
  ];
  const numbers = head.map((_, i) => i >= head.length - (intervals ? 3 : 2));
  if (figure.categories.length > 0) numbers[panels ? 2 : 1] = false;
  return [figure.title, ...(figure.subtitle === null ? [] : [figure.subtitle]), ""]
    .concat(plainTable(head, rows, numbers)).join("\n");
}
