/** The figures and tables of the report; each a function of the summary alone. */
import { calibrationFigure } from "../../lib/report/calibration_figure.ts";
import { type Figure, figure } from "../../lib/report/figure.ts";
import type { Displayable } from "../../lib/report/mime.ts";
import { table } from "../../lib/report/table.ts";
import { criticLabel } from "../../lib/report/theme.ts";
import type { Run } from "../../lib/run/run.ts";
import { maximum } from "../../lib/numeric/extrema.ts";
import type { ScalingCell, ScalingMetrics } from "./cell.ts";
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
import {
  CRITIC_COLUMNS,
  rawScoresTable as rawTable,
  scoreColumns,
  searchTable as ratesTable,
} from "../shared/tables.ts";
import type { ScalingConfig } from "./config.ts";
import type { ScalingRow, ScalingSummary } from "./summary.ts";

/** A finished run of this experiment. */
export type ScalingRun = Run<ScalingConfig, ScalingCell, ScalingMetrics, ScalingSummary>;

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
  const { difficulties, sweep, testStates } = config;
  const words = (min: number, max: number) => min === max ? `${min}` : `${min} to ${max}`;
  return tableOfSettings([
    ...supervisedSettings(config),
    searchSetting(sweep),
    [
      "test sets",
      `${testStates} states each, the same for all runs, with words held out by hash: ` +
      difficulties.map((d) => `${d.name} (words of ${words(d.min, d.max)})`).join("; "),
    ],
    ERROR_SETTING,
  ]);
}

/** Error on every test set, a line per critic and size. */
export function errorsTable({ rows, difficulties, seeds }: ScalingSummary): Displayable {
  return table({
    caption: `RMSE: interquartile mean over ${seeds} seeds with bootstrap 95% interval`,
    rows,
    columns: [
      ...CRITIC_COLUMNS,
      { title: "parameters", cell: (row) => row.parameters },
      ...difficulties.map((test) => ({
        title: test,
        cell: (row: ScalingRow) => row.tests[test]!.rmse.iqm,
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
    caption: `Other scores ${first}: interquartile mean over ${seeds} seeds`,
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

/** Change of RMSE per tenfold parameters, by critic and test set. */
export function trendsTable({ trends }: ScalingSummary): Displayable {
  return table({
    caption:
      "Change per tenfold parameters (95% interval); reliable where the interval leaves out 0",
    rows: trends,
    columns: [
      { title: "critic", cell: (t) => criticLabel(t.critic) },
      { title: "test set", cell: (t) => t.difficulty },
      { title: "RMSE", cell: (t) => t.rmseSlope, decimals: 3 },
      { title: "ranking accuracy", cell: (t) => t.rankingSlope, decimals: 3 },
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
