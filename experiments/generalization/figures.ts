/** The figures and tables of the report; each a function of the summary alone. */
import { type Figure, figure, type Series } from "../../lib/report/figure.ts";
import type { Displayable } from "../../lib/report/mime.ts";
import { table, type TableCell } from "../../lib/report/table.ts";
import { BASELINE_STYLE, criticStyle, type SeriesStyle } from "../../lib/report/theme.ts";
import { maximum, minimum } from "../../lib/numeric/extrema.ts";
import { GENERATIVE } from "../shared/kinds.ts";
import type { Scores } from "../shared/scores.ts";
import { ERROR_SETTING, supervisedSettings, tableOfSettings } from "../shared/settings.ts";
import { linesOverSizes, overSeeds, PARAMETERS, rankingOverSizes } from "../shared/size_figures.ts";
import { CRITIC_COLUMNS, rawScoresTable as rawTable, scoreColumns } from "../shared/tables.ts";
import type { GeneralizationConfig, TestSet } from "./config.ts";
import {
  type GeneralizationRow,
  type GeneralizationSummary,
  HALF,
  type LostLength,
  type TestSummary,
} from "./summary.ts";

/** What differs between training and a test set. */
export type Shift = Exclude<TestSet["shift"], "none">;

/** The axis of lengths. */
const LENGTH = { title: "longest word over the longest of training" } as const;

const SHIFTS: Record<Shift, string> = {
  length: "longer words",
  skill: "actors of other skill",
  start: "other start states",
};

/** The sets of one shift; longer words start with those of training. */
function setsOf({ tests }: GeneralizationSummary, shift: Shift): readonly TestSummary[] {
  return tests.filter((t) => t.shift === shift || (shift === "length" && t.shift === "none"));
}

/** RMSE under one shift against parameters, a panel per test set. */
export function errorFigure(summary: GeneralizationSummary, shift: Shift): Figure {
  const sets = setsOf(summary, shift);
  const sizes = summary.rows.map((row) => row.parameters);
  const level = (name: string, style: SeriesStyle, y: (set: TestSummary) => number) =>
    sets.filter((set) => y(set) > 0).map((set): Series => ({
      kind: "line",
      name,
      style,
      panel: set.name,
      points: [minimum(sizes), maximum(sizes)].map((x) => ({ x, y: y(set) })),
    }));
  return figure({
    title: `Error against parameters: ${SHIFTS[shift]}`,
    subtitle: overSeeds(summary),
    x: PARAMETERS,
    y: { title: "RMSE against the exact value", min: 0 },
    series: [
      ...linesOverSizes(summary.rows, sets.map(({ name }) => name), "rmse"),
      ...level("Always the mean value of training", BASELINE_STYLE, (set) => set.trainedMeanRmse),
      ...level(
        "Exact value for the actor of training",
        criticStyle("oracle"),
        (set) => set.trainedActorRmse,
      ),
    ],
    columns: 3,
    width: 960,
  });
}

/** Ranking accuracy against parameters, a panel per test set. */
export function rankingFigure(summary: GeneralizationSummary): Figure {
  return rankingOverSizes(summary, summary.tests.map(({ name }) => name));
}

/** Bars of one hue, the CoT critic's, darker for larger sizes; hatches for grey print. */
const SIZE_STYLES: readonly Partial<SeriesStyle>[] = [
  { color: "#fdae6b", hatch: "" },
  { color: "#e6550d", hatch: "/" },
  { color: "#a63603", hatch: "" },
  { color: "#4a1a04", hatch: "x" },
];

/** The CoT critic's rows, smallest first, each with its look. */
function generativeSizes({ rows }: GeneralizationSummary) {
  return rows.filter((row) => row.critic === GENERATIVE)
    .toSorted((a, b) => a.parameters - b.parameters)
    .map((row, i) => ({ row, style: SIZE_STYLES[i % SIZE_STYLES.length]! }));
}

/** The CoT critic's MSE over the discriminative one's against the length of words, a panel per size. */
export function ratioFigure(summary: GeneralizationSummary): Figure {
  return figure({
    title: "MSE of the generative critic over that of the discriminative one",
    subtitle: `${overLengths(summary)} Dashed: no difference (1), and lower by 50% (${HALF}).`,
    x: LENGTH,
    y: { title: "ratio of MSE", scale: "log" },
    series: summary.lost.flatMap(({ size }) =>
      linesOverLengths(
        summary,
        size,
        (set) => summary.pairs.find((pair) => pair.size === size && pair.test === set)!.ratio,
      )
    ),
    references: [
      { axis: "y", value: 1, label: "" },
      { axis: "y", value: HALF, label: "" },
    ],
    width: 960,
  });
}

/** The CoT critic's chains that are right in every token against the length of words, a panel per size. */
export function rightChainsFigure(summary: GeneralizationSummary): Figure {
  return figure({
    title: "Right chains of thought against length",
    subtitle: `${overLengths(summary)} A chain is right if every token of it is.`,
    x: LENGTH,
    y: { title: "right chains", min: 0, max: 1 },
    series: generativeSizes(summary).flatMap(({ row }) =>
      linesOverLengths(summary, row.size, (set) => row.tests[set]!.traceAccuracy)
    ),
    width: 960,
  });
}

function overLengths({ seeds }: GeneralizationSummary): string {
  return `Lines are means over ${seeds} seeds, hollow points single seeds.`;
}

/** The CoT critic's mean over seeds and every seed, over the sets of longer words; none where there is no such score. */
function linesOverLengths(
  summary: GeneralizationSummary,
  panel: string,
  scoresOf: (set: string) => Scores | null,
): Series[] {
  const sets = setsOf(summary, "length").flatMap(({ name, length: x }) => {
    const scores = scoresOf(name);
    return scores ? [{ x, ...scores }] : [];
  });
  const mean = sets.map(({ x, mean }) => ({ x, y: mean.estimate }));
  const seeds = sets.flatMap(({ x, scores }) => scores.map((y) => ({ x, y })));
  const shared = { critic: GENERATIVE, panel };
  return [
    { ...shared, kind: "line", name: "mean", points: mean },
    {
      ...shared,
      kind: "scatter",
      name: "one seed",
      style: { open: true, marker: "circle" },
      points: seeds,
    },
  ];
}

/** How long the CoT critic's chains stay right on longer words: a row of panels per size, a column per test set. */
export function chainFigure(summary: GeneralizationSummary): Figure {
  const sets = setsOf(summary, "length");
  return figure({
    title: "How long the chain of thought stays right",
    subtitle: `Probability that every token up to a place is right (Kaplan-Meier estimate, for ` +
      `chains differ in length). Mean over ${summary.seeds} seeds; bands reach from ` +
      `the lowest to the highest seed.`,
    x: { title: "place in the chain", unit: "tokens", min: 0 },
    y: { title: "chains still right", min: 0, max: 1 },
    series: generativeSizes(summary).flatMap(({ row }) =>
      sets.flatMap(({ name }): Series[] => {
        const scores = row.chains?.[name];
        if (!scores) return [];
        const points = scores.stillRight.map((point, k) => ({ x: k + 1, ...point }));
        return [{ kind: "line", critic: row.critic, panel: `${row.size}, ${name}`, points }];
      })
    ),
    columns: sets.length,
    width: 960,
  });
}

/** Where in the chain its first wrong token lies, by tenths of its length. */
export function firstWrongFigure(summary: GeneralizationSummary): Figure {
  return figure({
    title: "Where the chain of thought first goes wrong",
    subtitle:
      `Of the chains with a wrong token, the fraction whose first one lies in each tenth of the chain; ${summary.seeds} seeds together.`,
    x: { title: "first wrong token within this tenth of the chain", unit: "up to % of its length" },
    y: { title: "fraction of wrong chains", min: 0 },
    series: setsOf(summary, "length").flatMap(({ name: panel }) =>
      generativeSizes(summary).map(({ row, style }): Series => ({
        kind: "bars",
        name: row.size,
        style,
        panel,
        bars: Array.from({ length: 10 }, (_, i) => ({
          category: `${10 * (i + 1)}`,
          y: row.chains?.[panel]?.firstWrongByTenth?.[i] ?? null,
        })),
      }))
    ),
    columns: 2,
  });
}

/** What was run, in words and numbers, from the configuration. */
export function settingsTable(config: GeneralizationConfig): Displayable {
  const sets = config.tests.map((set) => `${set.name} (${described(set, config)})`).join("; ");
  return tableOfSettings([
    ...supervisedSettings(config),
    [
      "test sets",
      `${config.testStates} states each, the same for all runs, with words held out by hash: ${sets}`,
    ],
    ERROR_SETTING,
  ]);
}

/** What is not as in training. */
function described(set: TestSet, { actor }: GeneralizationConfig): string {
  const { min, max, bias, epsilon, shift } = set;
  const range = (low: number, high: number) => low === high ? `${low}` : `${low} to ${high}`;
  return [
    shift === "none" || shift === "length" ? `words of ${range(min, max)}` : [],
    epsilon === undefined ? [] : `${epsilon} in place of ${actor.epsilon}`,
    bias
      ? `each symbol is ${bias.generator} with probability ${bias.probability}, else uniform`
      : [],
  ].flat().join(", ");
}

/** A row of a table of test sets and critics. */
interface Line {
  readonly row: GeneralizationRow;
  readonly name: string;
}

function linesOf(rows: readonly GeneralizationRow[], tests: readonly TestSummary[]): Line[] {
  return tests.flatMap(({ name }) => rows.map((row) => ({ row, name })));
}

const LINE_COLUMNS = [
  { title: "test set", cell: ({ name }: Line) => name },
  { title: "critic", cell: ({ row }: Line) => row.title },
  { title: "size", cell: ({ row }: Line) => row.size },
];

/** Error on the test sets of one shift, a line per critic and size. */
export function errorsTable(summary: GeneralizationSummary, shift: Shift): Displayable {
  return table({
    caption: `RMSE, ${SHIFTS[shift]}: mean over ${summary.seeds} seeds with ` +
      `95% interval`,
    rows: summary.rows,
    columns: [
      ...CRITIC_COLUMNS,
      ...setsOf(summary, shift).map(({ name }) => ({
        title: name,
        cell: (row: GeneralizationRow) => row.tests[name]!.rmse.mean,
        decimals: 3,
      })),
    ],
  });
}

/** What else was measured, a line per test set, critic and size. */
export function scoresTable({ rows, seeds, tests }: GeneralizationSummary): Displayable {
  const column = scoreColumns(({ row, name }: Line) => row.tests[name]!);
  return table({
    caption: `Other scores: mean over ${seeds} seeds with 95% interval; ` +
      `r2 against the set's own mean`,
    rows: linesOf(rows, tests),
    columns: [
      ...LINE_COLUMNS,
      column("r2", "r2", 2, "interval"),
      column("ranking accuracy", "rankingAccuracy", 2, "interval"),
      column("parse rate", "parseRate", 2, "interval"),
    ],
  });
}

/** Right chains, and the error of values after right and after wrong ones. */
export function chainsTable({ rows, tests, seeds }: GeneralizationSummary): Displayable {
  const chains = ({ row, name }: Line) => row.chains![name]!;
  return table({
    caption: `Chains of thought that are right in every token (mean over ${seeds} ` +
      `seeds with 95% interval), and RMSE of the values after right and wrong ones (seeds together)`,
    rows: linesOf(rows.filter((row) => row.chains), tests),
    columns: [
      ...LINE_COLUMNS,
      {
        title: "right chains",
        cell: ({ row, name }) => row.tests[name]!.traceAccuracy?.mean,
        decimals: 2,
      },
      {
        title: "parsed",
        cell: ({ row, name }) => row.tests[name]!.parseRate.mean.estimate,
        decimals: 2,
      },
      { title: "RMSE after right", cell: (line) => chains(line).rmseAfterRight, decimals: 3 },
      { title: "RMSE after wrong", cell: (line) => chains(line).rmseAfterWrong, decimals: 3 },
    ],
  });
}

/** The CoT critic's MSE over the discriminative one's, a line per test set, and the length at which it reaches one half. */
export function ratiosTable({ lost, pairs, seeds, tests }: GeneralizationSummary): Displayable {
  const longest = maximum(tests.map(({ length }) => length));
  const times = (length: number | null) => length === null ? `> ${longest}` : length.toFixed(2);
  const atSize = (of: (at: LostLength) => TableCell) => (size: string) =>
    of(lost.find((at) => at.size === size)!);
  const lines: { name: string; cell: (size: string) => TableCell }[] = [
    ...tests.map(({ name }) => ({
      name,
      cell: (size: string) =>
        pairs.find((pair) => pair.size === size && pair.test === name)!.ratio.mean,
    })),
    {
      name: `length at which the mean ratio reaches ${HALF}`,
      cell: atSize(({ ofMean }) => times(ofMean)),
    },
    {
      name: "the same, every seed",
      cell: atSize(({ bySeed }) => bySeed.map(times).join(", ")),
    },
  ];
  return table({
    caption: `MSE of the CoT critic over the discriminative one's, by seed: mean over ${seeds} ` +
      `seeds with 95% interval. Lengths are in units of the longest word of training, from the ` +
      `ratio's logarithm by linear interpolation`,
    rows: lines,
    columns: [
      { title: "test set", cell: ({ name }) => name },
      ...lost.map(({ size }) => ({
        title: size,
        cell: ({ cell }: typeof lines[number]) => cell(size),
        decimals: 2,
        align: "right" as const,
      })),
    ],
  });
}

/** Every run's raw score: RMSE by seed. */
export function rawScoresTable(
  { rows, tests }: GeneralizationSummary,
  { seeds }: GeneralizationConfig,
): Displayable {
  return rawTable({
    caption: "RMSE, every seed",
    rows: linesOf(rows, tests),
    columns: LINE_COLUMNS,
    seeds,
    scores: ({ row, name }) => row.tests[name]!.rmse.scores,
  });
}
