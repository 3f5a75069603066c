/** The figures and tables of the report; each a function of the summary alone. */
import { calibrationFigure } from "../../lib/report/calibration_figure.ts";
import { type Figure, figure, intervalPoint, type Series } from "../../lib/report/figure.ts";
import type { Displayable } from "../../lib/report/mime.ts";
import { table } from "../../lib/report/table.ts";
import {
  BASELINE_STYLE,
  criticLabel,
  criticStyle,
  plainStyle,
  variant,
} from "../../lib/report/theme.ts";
import type { Run } from "../../lib/run/run.ts";
import { maximum, minimum } from "../../lib/numeric/extrema.ts";
import { DISCRIMINATIVE, GENERATIVE } from "../shared/kinds.ts";
import type { Readout } from "../shared/test_report.ts";
import type { Labels, ScalingCell, ScalingMetrics } from "./cell.ts";
import {
  ERROR_SETTING,
  searchSetting,
  supervisedSettings,
  tableOfSettings,
} from "../shared/settings.ts";
import {
  criticsOf,
  linesOverSizes,
  overSeeds,
  PARAMETERS,
  rankingOverSizes,
} from "../shared/size_figures.ts";
import { sizeName } from "../shared/config.ts";
import {
  CRITIC_COLUMNS,
  rawScoresTable as rawTable,
  scoreColumns,
  searchTable as ratesTable,
} from "../shared/tables.ts";
import type { ScalingConfig } from "./config.ts";
import { meanPredictorRmse, type ScalingRow, type ScalingSummary, scoresRead } from "./summary.ts";

/** A finished run of this experiment. */
export type ScalingRun = Run<ScalingConfig, ScalingCell, ScalingMetrics, ScalingSummary>;

const LABELS: Record<Labels, string> = { exact: "exact values", outcomes: "0/1 outcomes" };
const READ_BY: Record<Readout, string> = { value: "answer", expectation: "expectation" };

type SizeAxis = "parameters" | "trainingFlops";

const AXES: Record<SizeAxis, { title: string; unit?: string }> = {
  parameters: { title: "parameters" },
  trainingFlops: { title: "training compute", unit: "FLOPs" },
};

/** RMSE on held-out words of the training lengths, against parameters or training FLOPs. */
export function errorFigure(summary: ScalingSummary, size: SizeAxis): Figure {
  const test = summary.difficulties[0]!;
  const mean = maximum(summary.rows.map((row) => row.tests[test]!.meanPredictorRmse));
  return figure({
    title: `Error against ${AXES[size].title}, ${test}`,
    subtitle: overSeeds(summary),
    x: { ...AXES[size], scale: "log" },
    y: { title: "RMSE against the exact value", min: 0 },
    series: linesOverSizes(summary.rows, [test], "rmse", size)
      .map(({ panel: _, ...line }) => line),
    references: [{ axis: "y", value: mean, label: "always predicting the mean" }],
  });
}

/** RMSE on every test set. */
export function generalizationFigure(summary: ScalingSummary): Figure {
  return figure({
    title: "Error against parameters, by length of the scramble word",
    subtitle: overSeeds(summary),
    x: PARAMETERS,
    y: { title: "RMSE against the exact value", min: 0 },
    series: linesOverSizes(summary.rows, summary.difficulties, "rmse"),
    columns: 3,
    width: 960,
  });
}

/** Ranking accuracy on every test set. */
export function rankingFigure(summary: ScalingSummary): Figure {
  return rankingOverSizes(summary, summary.difficulties, 0.4);
}

/**
 * RMSE by what the critics learned from, at the sizes that learned outcomes, on every test set; a generative critic taught
 * outcomes is read by the expectation and by the emitted integer.
 */
export function outcomesFigure(summary: ScalingSummary): Figure {
  const { difficulties, outcomes } = summary;
  const sizes = new Set(outcomes.map(({ size }) => size));
  const exact = summary.rows.filter(({ size }) => sizes.has(size));
  const line = (
    panel: string,
    rows: readonly ScalingRow[],
    critic: string,
    readout: Readout,
    name: string,
    look: number | null,
  ): Series => ({
    kind: "line",
    critic,
    name: `${criticLabel(critic)}: ${name}`,
    panel,
    ...look === null ? {} : { style: { ...variant(criticStyle(critic), look), open: true } },
    points: rows.filter((row) => row.critic === critic).map((row) =>
      intervalPoint(row.parameters, scoresRead(row, readout, panel).rmse.mean, row.size)
    ),
  });
  return figure({
    title: "Error of critics taught exact values and 0/1 outcomes",
    subtitle: overSeeds(summary),
    x: PARAMETERS,
    y: { title: "RMSE against the exact value", min: 0 },
    series: difficulties.flatMap((panel) => [
      line(panel, exact, DISCRIMINATIVE, "value", "exact values", null),
      line(panel, outcomes, DISCRIMINATIVE, "value", "outcomes", 1),
      line(panel, exact, GENERATIVE, "value", "exact values", null),
      line(panel, outcomes, GENERATIVE, "expectation", "outcomes, expectation", 1),
      line(panel, outcomes, GENERATIVE, "value", "outcomes, integer", 2),
      meanPredictor(summary, panel, outcomes.map(({ parameters }) => parameters)),
    ]),
    columns: 3,
    width: 960,
  });
}

/** What always predicting the mean gives on a test set, from the smallest x to the largest. */
function meanPredictor(summary: ScalingSummary, panel: string, xs: readonly number[]): Series {
  const y = meanPredictorRmse(summary, panel);
  return {
    kind: "line",
    name: "Always predicting the mean",
    style: BASELINE_STYLE,
    panel,
    points: [minimum(xs), maximum(xs)].map((x) => ({ x, y })),
  };
}

/** RMSE of the mean of sampled chains against their number, a line per size; greedy decoding dashed. */
export function samplesFigure(summary: ScalingSummary): Figure {
  const sampled = sampledRows(summary);
  const sizes = [...new Set(sampled.map(({ size }) => size))];
  return figure({
    title: "Error of the mean of sampled chains of thought, against their number",
    subtitle: `Generative critic, temperature 1. ${overSeeds(summary)} Dashed: greedy decoding.`,
    x: { title: "sampled chains", scale: "log" },
    y: { title: "RMSE against the exact value", min: 0 },
    series: sampled.flatMap(({ difficulty, greedy, labels, sampled, size }): Series[] => {
      const style = { ...plainStyle(sizes.indexOf(size)), dash: [] };
      const panel = `${LABELS[labels]}, ${difficulty}`;
      return [
        {
          kind: "line",
          name: size,
          style,
          panel,
          points: sampled.map(({ count, rmse }) => intervalPoint(count, rmse.mean)),
        },
        {
          kind: "line",
          name: `${size}, greedy`,
          style: { ...style, dash: BASELINE_STYLE.dash, marker: BASELINE_STYLE.marker },
          panel,
          points: [sampled[0]!, sampled.at(-1)!].map(({ count }) => ({
            x: count,
            y: greedy.rmse.mean.estimate,
          })),
        },
      ];
    }),
    columns: 3,
    width: 960,
  });
}

/** The sampled rows, once a test set: those taught exact values first. */
function sampledRows({ difficulties, outcomes, rows }: ScalingSummary) {
  return [rows, outcomes].flatMap((group) =>
    difficulties.flatMap((difficulty) =>
      group.flatMap(({ labels, samples, size }) =>
        samples ? [{ labels, size, difficulty, ...samples[difficulty]! }] : []
      )
    )
  );
}

/** Predicted against exact value in distribution, for each critic at its largest size; first seed. */
export function calibrationBySize(run: ScalingRun): Figure {
  const { summary, config } = run;
  const seed = config.seeds[0]!;
  const test = summary.difficulties[0]!;
  const series = criticsOf(summary.rows).map((critic) => {
    const largest = summary.rows.filter((row) => row.critic === critic)
      .toSorted((a, b) => b.parameters - a.parameters)[0]!;
    const cell = run.cells.find(({ id }) => id === `${critic}/${largest.size}/seed${seed}`)!;
    return { critic, bins: cell.metrics.tests[test]!.calibration };
  });
  return calibrationFigure({
    title: "Calibration of the largest critics",
    subtitle: `Held-out states in distribution, seed ${seed}.`,
    series,
  });
}

/** What was run, in words and numbers, from the configuration. */
export function settingsTable(config: ScalingConfig): Displayable {
  const { difficulties, outcomes, samples, sweep, testStates } = config;
  const words = (min: number, max: number) => min === max ? `${min}` : `${min} to ${max}`;
  return tableOfSettings([
    ...supervisedSettings(config),
    searchSetting(sweep),
    [
      "outcomes",
      outcomes
        ? `${outcomes.map(namesOfRun).join("; ")}: each training state labelled with the ` +
          "outcome, 0 or 1, of one rollout in place of its exact value"
        : "not in this profile",
    ],
    [
      "sampled chains",
      samples
        ? `generative critic at ${samples.sizes.join(", ")}, temperature 1, the first ` +
          `${samples.states} states of each test set; mean over the first ` +
          `${samples.counts.join(", ")} chains`
        : "not in this profile",
    ],
    [
      "test sets",
      `${testStates} states each, the same for all runs, with words held out by hash: ` +
      difficulties.map((d) => `${d.name} (words of ${words(d.min, d.max)})`).join("; "),
    ],
    ERROR_SETTING,
  ]);
}

function namesOfRun({ critic, sizes }: ScalingConfig["runs"][number]): string {
  return `${criticLabel(critic)} (${sizes.map(sizeName).join(", ")})`;
}

/** Error on every test set, a line per critic and size. */
export function errorsTable({ rows, difficulties, seeds }: ScalingSummary): Displayable {
  return table({
    caption: `RMSE: mean over ${seeds} seeds with 95% interval`,
    rows,
    columns: [
      ...CRITIC_COLUMNS,
      { title: "parameters", cell: (row) => row.parameters },
      ...difficulties.map((test) => ({
        title: test,
        cell: (row: ScalingRow) => row.tests[test]!.rmse.mean,
        decimals: 3,
      })),
    ],
  });
}

/** Everything else in distribution, a line per critic and size. */
export function scoresTable({ rows, difficulties, seeds }: ScalingSummary): Displayable {
  const first = difficulties[0]!;
  const column = scoreColumns((row: ScalingRow) => row.tests[first]!);
  return table({
    caption: `Other scores ${first}: mean over ${seeds} seeds`,
    rows,
    columns: [
      ...CRITIC_COLUMNS,
      column("r2", "r2", 2),
      column("RMSE of expectation", "expectationRmse", 3),
      column("ranking accuracy", "rankingAccuracy", 2, "interval"),
      column("parse rate", "parseRate", 2),
      column("right traces", "traceAccuracy", 2),
    ],
  });
}

/** Critics taught outcomes, in distribution, by both readings of a generative one's answers. */
export function outcomesTable({ difficulties, outcomes, seeds }: ScalingSummary): Displayable {
  const test = difficulties[0]!;
  return table({
    caption: `Taught 0/1 outcomes, ${test}: mean over ${seeds} seeds with 95% interval`,
    rows: outcomes,
    columns: [
      ...CRITIC_COLUMNS,
      { title: "RMSE of answer", cell: (row) => row.tests[test]!.rmse.mean, decimals: 3 },
      {
        title: "RMSE of expectation",
        cell: (row) => row.expectations?.[test]?.rmse.mean,
        decimals: 3,
      },
      {
        title: "ranking accuracy of answer",
        cell: (row) => row.tests[test]!.rankingAccuracy.mean,
        decimals: 2,
      },
      {
        title: "ranking accuracy of expectation",
        cell: (row) => row.expectations?.[test]?.rankingAccuracy.mean,
        decimals: 2,
      },
      {
        title: "right traces",
        cell: (row) => row.tests[test]!.traceAccuracy?.mean.estimate,
        decimals: 2,
      },
    ],
  });
}

/** RMSE of greedy decoding and of the mean of sampled chains, by their number. */
export function samplesTable(summary: ScalingSummary): Displayable {
  const rows = sampledRows(summary);
  const counts = rows[0]?.sampled.map(({ count }) => count) ?? [];
  return table({
    caption: "RMSE of greedy decoding and of the mean of sampled chains: " +
      `mean over ${summary.seeds} seeds with 95% interval`,
    rows,
    columns: [
      { title: "labels", cell: (row) => LABELS[row.labels] },
      { title: "test set", cell: (row) => row.difficulty },
      { title: "size", cell: (row) => row.size },
      { title: "greedy", cell: (row) => row.greedy.rmse.mean, decimals: 3 },
      ...counts.map((count, i) => ({
        title: count === 1 ? "1 chain" : `${count} chains`,
        cell: (row: typeof rows[number]) => row.sampled[i]!.rmse.mean,
        decimals: 3,
      })),
    ],
  });
}

/** Every run's raw score: in-distribution RMSE by seed. */
export function rawScoresTable(
  { rows, difficulties }: ScalingSummary,
  { seeds }: ScalingConfig,
): Displayable {
  const test = difficulties[0]!;
  return rawTable({
    caption: `RMSE ${test}, every seed`,
    rows,
    columns: CRITIC_COLUMNS,
    seeds,
    scores: (row) => row.tests[test]!.rmse.scores,
  });
}

/** Change of RMSE per tenfold parameters, by critic, labels, reading and test set. */
export function trendsTable({ trends }: ScalingSummary): Displayable {
  return table({
    caption: "Change per tenfold parameters: mean over seeds with 95% interval",
    rows: trends,
    columns: [
      { title: "critic", cell: (t) => criticLabel(t.critic) },
      { title: "labels", cell: (t) => LABELS[t.labels] },
      { title: "read by", cell: (t) => READ_BY[t.readout] },
      { title: "test set", cell: (t) => t.difficulty },
      { title: "RMSE", cell: (t) => t.rmse.mean, decimals: 3 },
      { title: "ranking accuracy", cell: (t) => t.ranking.mean, decimals: 3 },
    ],
  });
}

/** The search for learning rates; the chosen rate of each critic and size in bold. */
export function searchTable({ search }: ScalingSummary): Displayable {
  return ratesTable(
    {
      caption:
        "Learning-rate search on tuning seeds: RMSE in distribution, the chosen rate in bold",
      rows: search,
      columns: [
        { title: "critic", cell: (row) => criticLabel(row.critic) },
        { title: "size", cell: (row) => row.size },
      ],
    },
    "RMSE",
    (row) => row.rmse,
  );
}
