import assert from "node:assert/strict";
import { calibrationFigure } from "./calibration_figure.ts";
import { figure, type FigureDescription, intervalPoint, type Series } from "./figure.ts";
import { linearTicks, logTicks, resolveFigure } from "./figure_description.ts";
import type { PlotlyFigure } from "./figure_plotly.ts";
import { DISPLAY } from "./mime.ts";
import { readPage } from "./testing.ts";
import { critics } from "../critic/registry.ts";

const CRITICS = [...Object.keys(critics), "oracle"];
const SIZES = [3200, 25344, 98304, 786432];

const LINES: FigureDescription = {
  title: "Error <falls> & stays",
  subtitle: "5 seeds",
  x: { title: "compute", unit: "FLOPs", scale: "log" },
  y: { title: "RMSE", scale: "log" },
  series: CRITICS.map((critic, k): Series => ({
    kind: "line",
    critic,
    points: SIZES.map((x, i) => ({
      x: x * 1e7,
      y: 0.3 / (1 + k + i),
      low: 0.2 / (1 + k + i),
      high: 0.4 / (1 + k + i),
    })),
  })),
  references: [{ axis: "y", value: 0.026, label: "floor" }, {
    axis: "x",
    value: 1e12,
    label: "one teraflop",
  }],
};

const BARS: FigureDescription = {
  title: "Bars",
  x: { title: "slice" },
  y: { title: "RMSE" },
  series: ["cot", "filler"].map((critic, k): Series => ({
    kind: "bars",
    critic,
    bars: ["early", "a rather long name of a slice", "late"].map((category, i) => ({
      category,
      y: 0.1 * (1 + k + i),
      low: 0.05,
      high: 0.4,
    })),
  })),
};

const PANELS: FigureDescription = {
  title: "Panels",
  x: { title: "parameters", scale: "log" },
  y: { title: "ranking accuracy", max: 1 },
  series: ["S3", "S4", "A5", "S5"].map((panel): Series => ({
    kind: "scatter",
    name: "all",
    panel,
    points: SIZES.map((x, i) => ({ x, y: 0.5 + 0.1 * i })),
  })),
};

const ROWS: FigureDescription = {
  title: "Rows",
  x: { title: "r2" },
  y: { title: "" },
  series: [{
    kind: "rows",
    name: "all",
    rows: [
      { category: "It is only more compute:", x: null },
      { category: "filler tokens in the place of a chain of thought, as many as it has", x: -0.2 },
      { category: "none", x: 0.9, low: 0.8, high: 0.95 },
    ],
  }],
  references: [{ axis: "x", value: 0.5, label: "half" }],
};

const CALIBRATION = calibrationFigure({
  title: "Calibration",
  series: [{
    critic: "cot",
    bins: [
      { count: 3, meanPrediction: 0.1, meanTarget: 0.2 },
      { count: 0, meanPrediction: null, meanTarget: null },
      { count: 5, meanPrediction: 0.9, meanTarget: 0.8, low: 0.7, high: 0.9 },
    ],
  }],
}).description;

const ALL = { LINES, BARS, PANELS, ROWS, CALIBRATION };

function bundle(description: FigureDescription) {
  return figure(description)[DISPLAY]();
}

function plotly(description: FigureDescription) {
  return bundle(description)["application/vnd.plotly.v1+json"] as PlotlyFigure;
}

for (const [name, description] of Object.entries(ALL)) {
  Deno.test(`${name}: SVG and Plotly JSON are the same bytes every time`, () => {
    const [one, two] = [bundle(description), bundle(structuredClone(description))];
    assert.equal(one["image/svg+xml"], two["image/svg+xml"]);
    assert.equal(JSON.stringify(one), JSON.stringify(two));
  });

  Deno.test(`${name}: the SVG stands alone`, () => {
    const svg = bundle(description)["image/svg+xml"]!;
    assert.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 \d+ [\d.]+"/);
    assert.match(svg, /<rect width="100%" height="100%" fill="#ffffff"\/>/);
    assert.doesNotMatch(svg, /<style|<script|class=|NaN|undefined|Infinity|clip-path/);
    const drawn = svg.replace(/ aria-label="[^"]*"/, "");
    assert.doesNotMatch(drawn, /\d\.\d{3,}[,)" ]/, "coordinates are rounded");
    const defined = [...svg.matchAll(/id="([^"]+)"/g)].map((match) => match[1]);
    const used = [...svg.matchAll(/url\(#([^)]+)\)/g)].map((match) => match[1]);
    assert.ok(used.every((id) => defined.includes(id)));
  });

  Deno.test(`${name}: Plotly's JSON survives JSON`, () => {
    const one = plotly(description);
    assert.deepEqual(JSON.parse(JSON.stringify(one)), one);
  });
}

Deno.test("text is escaped in every medium", () => {
  const { "image/svg+xml": svg } = bundle(LINES);
  assert.match(svg!, /Error &lt;falls&gt; &amp; stays/);
  assert.doesNotMatch(svg!, /<falls>/);
  assert.doesNotMatch(JSON.stringify(plotly(LINES)), /<falls>/);
});

Deno.test("axis titles carry units; the plain text is a table of all points", () => {
  const { "text/plain": text } = bundle(LINES);
  assert.match(text, /compute \(FLOPs\)/);
  assert.equal(text.split("\n").length, 5 + CRITICS.length * SIZES.length);
  assert.match(text, /Discriminative \(MSE\) +3\.20e10 +0\.300 +\[0\.200, 0\.400\]/);
});

Deno.test("a series has the same colour in both renderings and one legend entry over panels", () => {
  const { "image/svg+xml": svg } = bundle(LINES);
  const traces = plotly(LINES).data as { name: string; line: { color: string }; mode: string }[];
  for (const trace of traces.filter(({ mode }) => mode === "lines+markers")) {
    assert.ok(svg!.includes(trace.line.color));
  }
  const legend = plotly(PANELS).data.filter((trace) => trace.showlegend);
  assert.equal(legend.length, 1);
});

Deno.test("a null y is a gap, and intervals may be missing", () => {
  const description: FigureDescription = {
    title: "Gap",
    x: { title: "x" },
    y: { title: "y" },
    series: [{
      kind: "line",
      name: "a",
      points: [{ x: 3, y: 1 }, { x: 1, y: 1 }, { x: 2, y: null }, { x: 4, y: 2, low: 1, high: 3 }],
    }],
  };
  const [series] = resolveFigure(description).series;
  assert.deepEqual(series!.runs.map((run) => run.map(({ x }) => x)), [[1], [3, 4]]);
  assert.equal(plotly(description).data.length, 3, "two runs, one of them with a band");
  bundle(description);
});

Deno.test("an interval that reaches below 0 is cut off on a log axis", () => {
  const series: Series = {
    kind: "line",
    name: "a",
    points: [{ x: 1, y: 0.1, low: -0.1, high: 0.3 }, { x: 2, y: 0.2, low: 0.1, high: 0.3 }],
  };
  const description: FigureDescription = {
    title: "t",
    x: { title: "x" },
    y: { title: "y", scale: "log" },
    series: [series],
  };
  assert.doesNotMatch(bundle(description)["image/svg+xml"]!, /NaN/);
  assert.ok(resolveFigure(description).y.domain[0] > 0);
});

Deno.test("every tick of a narrow log axis has its label", () => {
  const description: FigureDescription = {
    title: "t",
    x: { title: "x", scale: "log" },
    y: { title: "y" },
    series: ["a", "b", "c"].map((panel): Series => ({
      kind: "line",
      name: "line",
      panel,
      points: [{ x: 8.9e3, y: 0 }, { x: 35e3, y: 1 }],
    })),
  };
  const { panels, x } = resolveFigure(description);
  const svg = bundle(description)["image/svg+xml"]!;
  for (const { label } of x.ticks) {
    assert.equal(svg.split(`>${label}</text>`).length - 1, panels.length, label);
  }
});

Deno.test("a reference line without a label has no annotation", () => {
  const lines = (label: string) =>
    plotly({ ...PANELS, references: [{ axis: "y", value: 0.6, label }] }).layout.annotations as {
      text: string;
    }[];
  const texts = (label: string) => lines(label).map(({ text }) => text);
  assert.deepEqual(texts("chance").filter((text) => !texts("").includes(text)), ["chance"]);
  assert.ok(!texts("").includes(""));
});

Deno.test("rows lie below one another, their intervals along x; a heading has no point", () => {
  const { categories, headings, series, x, y } = resolveFigure(ROWS);
  assert.deepEqual(headings, [0]);
  assert.deepEqual(series[0]!.runs.flat().map((p) => [p.x, p.y, p.low]), [[-0.2, 1, null], [
    0.9,
    2,
    0.8,
  ]]);
  assert.deepEqual(y.domain, [2.5, -0.5]);
  assert.deepEqual(y.ticks.map(({ label }) => label), categories);
  assert.ok(x.domain[0] < -0.2 && x.domain[1] > 0.95);
  const { "image/svg+xml": svg, "text/plain": text } = bundle(ROWS);
  assert.match(svg!, /It is only more compute:/);
  assert.match(text!, /none +0\.900 +\[0\.800, 0\.950\]/);
  const [trace] = plotly(ROWS).data as { x: number[]; error_x: { array: number[] } }[];
  assert.deepEqual(trace!.x, [-0.2, 0.9]);
  assert.ok(Math.abs(trace!.error_x.array[1]! - 0.05) < 1e-12);
});

Deno.test("one point makes a figure", () => {
  const points = [intervalPoint(25344, { estimate: 0.03, low: null, high: null })];
  const { x, y } = resolveFigure({
    title: "t",
    x: { title: "x", scale: "log" },
    y: { title: "y" },
    series: [{ kind: "line", critic: "cot", points }],
  });
  assert.ok(x.domain[0] < 25344 && 25344 < x.domain[1]);
  assert.ok(y.domain[0] < 0.03 && 0.03 < y.domain[1]);
});

Deno.test("what cannot be drawn is refused, with its name", () => {
  const base = { title: "t", x: { title: "x" }, y: { title: "y", scale: "log" } } as const;
  const line = (y: number | null): Series => ({
    kind: "line",
    name: "mine",
    points: [{ x: 1, y }],
  });
  const refused = (series: Series[], message: RegExp) =>
    assert.throws(() => figure({ ...base, series }), message);
  refused([], /series: none/);
  refused([line(null)], /nothing to draw/);
  refused([line(0)], /series mine: y = 0: a log axis needs numbers > 0/);
  refused([line(NaN)], /series mine: y = NaN: use null/);
  refused([line(1), { kind: "bars", name: "b", bars: [] }], /bars and points/);
  refused([line(1), { kind: "rows", name: "r", rows: [] }], /rows and points/);
  refused([{ kind: "line", points: [{ x: 1, y: 1 }] }], /no name/);
  assert.throws(
    () => figure({ ...base, y: { title: "y", min: 2, max: 1 }, series: [line(1)] }),
    /axis y: \[2, 1\]/,
  );
});

Deno.test("ticks are round, inside the axis, and few", () => {
  assert.deepEqual(linearTicks(0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(linearTicks(-0.05, 0.31), [0, 0.1, 0.2, 0.3]);
  assert.deepEqual(logTicks(2500, 1.1e6), [3e3, 1e4, 3e4, 1e5, 3e5, 1e6]);
  assert.deepEqual(logTicks(2500, 1.1e6, 4), [1e4, 1e5, 1e6]);
  assert.deepEqual(logTicks(0.2, 0.26), [0.2, 0.21, 0.22, 0.23, 0.24, 0.25, 0.26]);
  for (const [min, max] of [[1e-8, 1e12], [0.9, 11], [3, 9.5], [1, 1e4]] as const) {
    const ticks = logTicks(min, max);
    assert.ok(ticks.length >= 3 && ticks.length <= 7, `${min}..${max}: ${ticks}`);
    assert.ok(ticks.every((tick) => tick >= min && tick <= max));
  }
});

Deno.test("a figure may have any number of points", () => {
  const points = Array.from({ length: 130_000 }, (_, x) => ({ x, y: x % 7 }));
  const { "text/plain": text } = bundle({
    title: "Many",
    x: { title: "step" },
    y: { title: "loss" },
    series: [{ kind: "scatter", name: "all", points }],
  });
  assert.ok(text!.split("\n").length > points.length);
});

Deno.test("the alternative text says what the figure shows", () => {
  const alt = (description: FigureDescription) =>
    readPage(bundle(description)["image/svg+xml"]!).attributes("svg[role=img]", "aria-label")[0]!;
  const two = { ...LINES, series: LINES.series.slice(0, 2), references: [] };
  assert.equal(
    alt(two),
    "Error <falls> & stays. 5 seeds. " +
      "Shown: RMSE, on a logarithmic scale, against compute (FLOPs), on a logarithmic scale. " +
      "Discriminative (MSE): from 0.300 at 3.20e10 to 0.0750 at 7.86e12. " +
      "Discriminative (HL-Gauss): from 0.150 at 3.20e10 to 0.0600 at 7.86e12.",
  );
  assert.match(
    alt(BARS),
    /^Bars\. Shown: RMSE\. .*: early 0\.100; a rather long name of a slice 0\.200; late 0\.300\./,
  );
  assert.match(alt(PANELS), /S4, all: 4 points, 0\.500 to 0\.800 at 3,200 to 786,432\./);
  assert.match(alt(ROWS), /Shown: r2\. all: filler tokens .* has −0\.200; none 0\.900\.$/);
  const many = Array.from({ length: 14 }, (_, i) => ({ ...PANELS.series[0]!, name: `s${i}` }));
  assert.match(alt({ ...PANELS, series: many }), /s11: [^.]*.*\. 2 more series\.$/);
  const categories = Array.from({ length: 7 }, (_, i) => ({ category: `c${i}`, y: (i * 3) % 7 }));
  const seven: Series = { kind: "bars", name: "all", bars: categories };
  assert.match(alt({ ...BARS, series: [seven] }), /all: 7 values, from c0 0 to c2 6\.$/);
});
