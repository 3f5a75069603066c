/** The figures and tables of the report; each a function of the summary alone. */
import type { CalibrationBin } from "../../lib/eval/calibration.ts";
import { calibrationFigure } from "../../lib/report/calibration_figure.ts";
import { type Figure, figure, intervalPoint, type Series } from "../../lib/report/figure.ts";
import type { Displayable } from "../../lib/report/mime.ts";
import { table } from "../../lib/report/table.ts";
import { criticLabel } from "../../lib/report/theme.ts";
import type { Run } from "../../lib/run/run.ts";
import type { ScalingCell } from "./cell.ts";
import type { ScalingConfig } from "./config.ts";
import type { ScalingRow, ScalingSummary, TestScores } from "./summary.ts";

/** A finished run of this experiment. */
export type ScalingRun = Run<ScalingConfig, ScalingCell, ScalingSummary>;

type Metric = "rmse" | "r2" | "rankingAccuracy" | "traceAccuracy";
type SizeAxis = "parameters" | "trainingFlops";

const AXES: Record<SizeAxis, { title: string; unit?: string }> = {
  parameters: { title: "parameters" },
  trainingFlops: { title: "training compute", unit: "FLOPs" },
};

function critics(rows: readonly ScalingRow[]): string[] {
  return [...new Set(rows.map((row) => row.critic))];
}

/** One line per critic over sizes, one panel per test set. */
function lines(
  { rows, difficulties }: ScalingSummary,
  metric: Metric,
  size: SizeAxis,
  tests = difficulties,
): Series[] {
  return tests.flatMap((panel) =>
    critics(rows).flatMap((critic) => {
      const points = rows.filter((row) => row.critic === critic).flatMap((row) => {
        const scores = (row.tests[panel] as TestScores)[metric];
        return scores ? [intervalPoint(row[size], scores.iqm, row.size)] : [];
      });
      return points.length === 0
        ? []
        : [{ kind: "line" as const, critic, points, ...(tests.length > 1 ? { panel } : {}) }];
    })
  );
}

function overSeeds({ seeds }: ScalingSummary): string {
  return `Interquartile mean over ${seeds} seeds; bands are bootstrap 95% intervals.`;
}

/** RMSE on held-out words of the training lengths, against parameters or training FLOPs. */
export function errorFigure(summary: ScalingSummary, size: SizeAxis): Figure {
  const test = summary.difficulties[0]!;
  const mean = Math.max(...summary.rows.map((row) => row.tests[test]!.meanPredictorRmse));
  return figure({
    title: `Error against ${AXES[size].title}, ${test}`,
    subtitle: overSeeds(summary),
    x: { ...AXES[size], scale: "log" },
    y: { title: "RMSE against the exact value", min: 0 },
    series: lines(summary, "rmse", size, [test]),
    references: [{ axis: "y", value: mean, label: "always predicting the mean" }],
  });
}

/** RMSE on every test set. */
export function generalizationFigure(summary: ScalingSummary): Figure {
  return figure({
    title: "Error against parameters, by length of the scramble word",
    subtitle: overSeeds(summary),
    x: { ...AXES.parameters, scale: "log" },
    y: { title: "RMSE against the exact value", min: 0 },
    series: lines(summary, "rmse", "parameters"),
    columns: 3,
    width: 960,
  });
}

/** Ranking accuracy on every test set. */
export function rankingFigure(summary: ScalingSummary): Figure {
  return figure({
    title: "Ranking accuracy against parameters",
    subtitle: `${
      overSeeds(summary)
    } Fraction of pairs of states in the right order; 0.5 is chance.`,
    x: { ...AXES.parameters, scale: "log" },
    y: { title: "ranking accuracy", min: 0.4, max: 1 },
    series: lines(summary, "rankingAccuracy", "parameters"),
    references: [{ axis: "y", value: 0.5, label: "chance" }],
    columns: 3,
    width: 960,
  });
}

/** Predicted against exact value in distribution, for each critic at its largest size; first seed. */
export function calibrationBySize(run: ScalingRun): Figure {
  const { summary, config } = run;
  const seed = config.seeds[0]!;
  const test = summary.difficulties[0]!;
  const series = critics(summary.rows).map((critic) => {
    const largest = summary.rows.filter((row) => row.critic === critic)
      .toSorted((a, b) => b.parameters - a.parameters)[0]!;
    const cell = run.cells.find(({ id }) => id === `${critic}/${largest.size}/seed${seed}`)!;
    const tests = cell.metrics.tests as unknown as Record<
      string,
      { calibration: CalibrationBin[] }
    >;
    return { critic, bins: tests[test]!.calibration };
  });
  return calibrationFigure({
    title: "Calibration of the largest critics",
    subtitle: `Held-out states in distribution, seed ${seed}.`,
    series,
  });
}

/** Every critic, size and test set with intervals. */
export function scoresTable({ rows, difficulties, seeds }: ScalingSummary): Displayable {
  const flat = rows.flatMap((row) =>
    difficulties.map((test) => ({ row, test, scores: row.tests[test]! }))
  );
  return table({
    caption: `Interquartile mean over ${seeds} seeds with bootstrap 95% interval`,
    rows: flat,
    columns: [
      { title: "critic", cell: ({ row }) => row.title },
      { title: "size", cell: ({ row }) => row.size },
      { title: "parameters", cell: ({ row }) => row.parameters },
      { title: "training", unit: "FLOPs", cell: ({ row }) => row.trainingFlops },
      { title: "test set", cell: ({ test }) => test },
      { title: "RMSE", cell: ({ scores }) => scores.rmse.iqm, decimals: 3 },
      {
        title: "RMSE of expectation",
        cell: ({ scores }) => scores.expectationRmse?.iqm.estimate,
        decimals: 3,
      },
      { title: "r2", cell: ({ scores }) => scores.r2.iqm.estimate, decimals: 2 },
      {
        title: "ranking accuracy",
        cell: ({ scores }) => scores.rankingAccuracy.iqm,
        decimals: 2,
      },
      { title: "parse rate", cell: ({ scores }) => scores.parseRate.iqm.estimate, decimals: 2 },
      {
        title: "right traces",
        cell: ({ scores }) => scores.traceAccuracy?.iqm.estimate,
        decimals: 2,
      },
    ],
  });
}

/** Every run's raw score: in-distribution RMSE by seed. */
export function rawScoresTable(
  { rows, difficulties }: ScalingSummary,
  config: ScalingConfig,
): Displayable {
  const test = difficulties[0]!;
  return table({
    caption: `RMSE ${test}, every seed`,
    rows,
    columns: [
      { title: "critic", cell: (row) => row.title },
      { title: "size", cell: (row) => row.size },
      ...config.seeds.map((seed, i) => ({
        title: `seed ${seed}`,
        decimals: 4,
        cell: (row: ScalingRow) => row.tests[test]!.rmse.scores[i],
      })),
    ],
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

/** The learning-rate sweep; the chosen rate of each critic and size in bold. */
export function sweepTable({ sweep }: ScalingSummary): Displayable {
  return table({
    caption: "Learning-rate sweep on tuning seeds: RMSE in distribution, the chosen rate in bold",
    rows: sweep,
    emphasize: (row) => row.chosen,
    columns: [
      { title: "critic", cell: (row) => criticLabel(row.critic) },
      { title: "size", cell: (row) => row.size },
      { title: "learning rate", cell: (row) => row.learningRate },
      { title: "RMSE", cell: (row) => row.rmse, decimals: 4 },
    ],
  });
}
