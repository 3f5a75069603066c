import { type Interval, stratifiedBootstrap } from "../../lib/eval/bootstrap.ts";
import { interquartileMean } from "../../lib/eval/statistics.ts";
import { mean } from "../../lib/numeric/sums.ts";
import type { FinishedCell, TableRow } from "../../lib/run/experiment.ts";
import { maximum, minimum } from "../../lib/numeric/extrema.ts";
import { scoresOf } from "../shared/scores.ts";
import type { CriticTrainingMetrics } from "./cell.ts";
import { type CriticTrainingCell, trainingRuns } from "./cells.ts";
import type { CriticTrainingConfig, Start } from "./config.ts";
import { type Collapse, collapses, type Metric, METRICS, type Snapshot } from "./snapshot.ts";
import { isReinforce, type RecipeName, RECIPES } from "./recipes.ts";

/** A metric at one step: mean and range over seeds. */
export interface CurvePoint {
  readonly step: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Each metric by seed, in the order of the config's seeds. */
export type SeedScores = Readonly<Record<Metric, readonly number[]>>;

/** Interquartile means of the two errors over seeds, with 95% intervals. */
export type Errors = Readonly<Record<"rmse" | "expectationRmse", Interval>>;

/** A critic before training. */
export interface StartRow {
  readonly start: Start;
  /** Steps of SFT, by seed. */
  readonly sftSteps: readonly number[];
  readonly scores: SeedScores;
  readonly errors: Errors;
}

/** One recipe at one learning rate from one start. */
export interface RunRow {
  readonly start: Start;
  readonly recipe: RecipeName;
  readonly title: string;
  readonly learningRate: number;
  /** At the end. */
  readonly scores: SeedScores;
  readonly errors: Errors;
  /** From step 0. */
  readonly curves: Readonly<Record<Metric, readonly CurvePoint[]>>;
  /** By seed: the first evaluation at which it had collapsed, and in what; null where it never had. */
  readonly collapse: readonly ({ readonly step: number; readonly kinds: Collapse[] } | null)[];
}

/** A recipe at its better learning rate, over all starts. */
export interface RankedRecipe {
  readonly recipe: RecipeName;
  readonly title: string;
  readonly learningRate: number;
  /** RMSE of the expectation at the end, mean over starts. */
  readonly error: Interval;
  /** The same from the start where it is largest. */
  readonly worst: number;
  readonly worstStart: Start;
}

/** Scores over seeds, training curves, collapses, and the recipes in order: everything that figures and claims read. */
export interface CriticTrainingSummary {
  readonly seeds: number;
  readonly steps: number;
  readonly learningRates: readonly number[];
  /** Standard deviation of the exact values: the RMSE of always predicting their mean. */
  readonly exactSpread: number;
  readonly starts: readonly StartRow[];
  readonly rows: readonly RunRow[];
  /** Best first; the critics as they start are in `untrained`. */
  readonly ranking: readonly RankedRecipe[];
  /** RMSE of the expectation without any training, mean over starts. */
  readonly untrained: Interval;
  /** Resampling behind the intervals, for claims. */
  readonly bootstrap: { readonly seed: number; readonly replicates: number };
}

/** Summarizes finished cells. */
export function summarizeCriticTraining(
  config: CriticTrainingConfig,
  cells: readonly FinishedCell<CriticTrainingCell, CriticTrainingMetrics>[],
): CriticTrainingSummary {
  const bootstrap = { seed: config.bootstrapSeed, replicates: config.bootstrapReplicates };
  const runs = trainingRuns(config);
  const judged = (points: readonly Snapshot[]) => {
    const scores = Object.fromEntries(
      METRICS.map((metric) => [metric, points.map((p) => p[metric])]),
    ) as Record<Metric, number[]>;
    const interval = (metric: keyof Errors) => scoresOf(scores[metric], bootstrap).iqm;
    const errors = { rmse: interval("rmse"), expectationRmse: interval("expectationRmse") };
    return { scores, errors };
  };

  const byStart = [...Map.groupBy(cells, ({ cell }) => cell.config.start)]
    // One for each seed.
    .map(([start, own]) => ({ start, metrics: own.map(({ result }) => result.metrics) }));
  const starts = byStart.map(({ start, metrics }): StartRow => ({
    start,
    sftSteps: metrics.map((m) => m.sftSteps),
    ...judged(metrics.map((m) => m.start)),
  }));
  const rows = byStart.flatMap(({ start, metrics }) =>
    runs.map(({ id, recipe, learningRate }): RunRow => {
      const paths = metrics.map((m) => [m.start, ...m.runs[id]!.points]);
      const curve = (metric: Metric) =>
        paths[0]!.map(({ step }, i): CurvePoint => {
          const values = paths.map((path) => path[i]![metric]);
          return {
            step,
            mean: mean(values),
            low: minimum(values),
            high: maximum(values),
          };
        });
      return {
        start,
        recipe,
        title: RECIPES[recipe].title,
        learningRate,
        ...judged(paths.map((path) => path.at(-1)!)),
        curves: Object.fromEntries(METRICS.map((metric) => [metric, curve(metric)])) as Record<
          Metric,
          CurvePoint[]
        >,
        collapse: paths.map((path, s) => {
          const { start, exactSpread } = metrics[s]!;
          for (const point of path.slice(1)) {
            const kinds = collapses(point, start, exactSpread);
            if (kinds.length > 0) return { step: point.step, kinds };
          }
          return null;
        }),
      };
    })
  );

  const overStarts = (strata: readonly (readonly number[])[]) =>
    stratifiedBootstrap(strata, (drawn) => mean(drawn.map(interquartileMean)), bootstrap);
  const ranked = runs.map(({ recipe, learningRate }): RankedRecipe => {
    const own = rows.filter((r) => r.recipe === recipe && r.learningRate === learningRate);
    const errorOf = (r: RunRow) => r.errors.expectationRmse.estimate!;
    const worst = own.reduce((a, b) => errorOf(b) > errorOf(a) ? b : a);
    return {
      recipe,
      title: RECIPES[recipe].title,
      learningRate,
      error: overStarts(own.map((r) => r.scores.expectationRmse)),
      worst: errorOf(worst),
      worstStart: worst.start,
    };
  }).toSorted((a, b) => a.error.estimate! - b.error.estimate!);
  return {
    seeds: config.seeds.length,
    steps: config.steps,
    learningRates: [...new Set(runs.map((run) => run.learningRate))].toSorted((a, b) => a - b),
    exactSpread: byStart[0]!.metrics[0]!.exactSpread,
    starts,
    rows,
    ranking: ranked.filter((r, i) => ranked.findIndex((q) => q.recipe === r.recipe) === i),
    untrained: overStarts(starts.map((s) => s.scores.expectationRmse)),
    bootstrap,
  };
}

/** The best recipe, or the best of one kind; undefined where none was run. */
export function bestRecipe(
  { ranking }: CriticTrainingSummary,
  kind: "any" | "reinforce" = "any",
): RankedRecipe | undefined {
  return ranking.find(({ recipe }) => kind === "any" || isReinforce(recipe));
}

/** How many seeds have collapsed, and in what: "3 of 5 (chain of thought)". */
export function collapseText({ collapse }: RunRow): string {
  const seen = collapse.filter((c) => c !== null);
  if (seen.length === 0) return "none";
  const kinds = [...new Set(seen.flatMap(({ kinds }) => kinds))];
  return `${seen.length} of ${collapse.length} (${kinds.join(", ")})`;
}

/** One line a start, recipe and learning rate, for the terminal. */
export function criticTrainingTable({ starts, rows }: CriticTrainingSummary): TableRow[] {
  const numbers = (scores: SeedScores) => ({
    "RMSE integer": interquartileMean(scores.rmse),
    "RMSE expectation": interquartileMean(scores.expectationRmse),
    ranking: interquartileMean(scores.rankingAccuracy),
    "right chains": interquartileMean(scores.traceAccuracy),
    reward: interquartileMean(scores.reward),
  });
  return starts.flatMap(({ start, scores }) => [
    { start, recipe: "SFT only", rate: null, ...numbers(scores), collapsed: "" },
    ...rows.filter((row) => row.start === start).map((row) => ({
      start,
      recipe: row.title,
      rate: row.learningRate,
      ...numbers(row.scores),
      collapsed: collapseText(row),
    })),
  ]);
}
