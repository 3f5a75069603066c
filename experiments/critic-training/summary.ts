import { mean } from "../../lib/numeric/sums.ts";
import { type SeedInterval, seedInterval } from "../../lib/eval/student.ts";
import type { FinishedCell, TableRow } from "../../lib/run/experiment.ts";
import { maximum, minimum } from "../../lib/numeric/extrema.ts";
import { inRole } from "../shared/scores.ts";
import type { CriticTrainingMetrics } from "./cell.ts";
import { type CriticTrainingCell, searchRuns, type TrainingRun, trainingRuns } from "./cells.ts";
import type { CriticTrainingConfig, Start } from "./config.ts";
import { type Collapse, collapses, type Metric, METRICS, type Snapshot } from "./snapshot.ts";
import { isReinforce, judgedError, type RecipeName, RECIPES } from "./recipes.ts";

/** A metric at one step: mean and range over seeds. */
export interface CurvePoint {
  readonly step: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Each metric by seed, in the order of the config's seeds. */
export type SeedScores = Readonly<Record<Metric, readonly number[]>>;

/** Means of the two errors over seeds, with Student's 95% intervals. */
export type Errors = Readonly<Record<"rmse" | "expectationRmse", SeedInterval>>;

/** A critic before training. */
export interface StartRow {
  readonly start: Start;
  /** Steps of SFT, by seed. */
  readonly sftSteps: readonly number[];
  readonly scores: SeedScores;
  readonly errors: Errors;
}

/** One recipe from one start. */
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
  /** By how much the error (`judgedError`) fell over the last fifth of training: about 0 at a plateau. */
  readonly lastFall: SeedInterval;
  /** By seed: the first evaluation at which it had collapsed, and in what; null where it never had. */
  readonly collapse: readonly ({ readonly step: number; readonly kinds: Collapse[] } | null)[];
}

/** A recipe over all starts. */
export interface RankedRecipe {
  readonly recipe: RecipeName;
  readonly title: string;
  readonly learningRate: number;
  /** RMSE of the expectation at the end, mean over starts. */
  readonly error: SeedInterval;
  /** The same from the start where it is largest. */
  readonly worst: number;
  readonly worstStart: Start;
}

/** One recipe at one learning rate of the search; means over tuning seeds. */
export interface SearchRow {
  readonly recipe: RecipeName;
  readonly title: string;
  readonly learningRate: number;
  /** Whether the reported runs have this rate. */
  readonly chosen: boolean;
  /** `judgedError` at the end, mean over starts: what decides. */
  readonly error: number;
  readonly starts: readonly SearchedStart[];
}

/** `judgedError` from one start. */
export interface SearchedStart {
  readonly start: Start;
  readonly before: number;
  readonly after: number;
}

/** Scores over seeds, training curves, collapses, and the recipes in order: everything that figures and claims read. */
export interface CriticTrainingSummary {
  readonly seeds: number;
  readonly steps: number;
  /** That a recipe of REINFORCE sees in training. */
  readonly responses: number;
  /** Standard deviation of the exact values: the RMSE of always predicting their mean. */
  readonly exactSpread: number;
  readonly starts: readonly StartRow[];
  readonly rows: readonly RunRow[];
  /** Best first; the critics as they start are in `untrained`. */
  readonly ranking: readonly RankedRecipe[];
  /** RMSE of the expectation without any training, mean over starts. */
  readonly untrained: SeedInterval;
  /** Empty without a search. */
  readonly search: readonly SearchRow[];
}

type Finished = FinishedCell<CriticTrainingCell, CriticTrainingMetrics>;

/** Summarizes finished cells. */
export function summarizeCriticTraining(
  config: CriticTrainingConfig,
  cells: readonly Finished[],
): CriticTrainingSummary {
  const byStart = metricsByStart(inRole("report", cells));
  const starts = byStart.map(({ start, metrics }): StartRow => ({
    start,
    sftSteps: metrics.map((m) => m.sftSteps),
    ...judged(metrics.map((m) => m.start)),
  }));
  const rows = byStart.flatMap(({ start, metrics }) =>
    trainingRuns(config).map((run) => runRow(run, start, metrics))
  );
  const ranking = config.recipes.map(({ name: recipe, learningRate }): RankedRecipe => {
    const own = rows.filter((row) => row.recipe === recipe);
    const errorOf = (row: RunRow) => row.errors.expectationRmse.estimate;
    const worst = own.reduce((a, b) => errorOf(b) > errorOf(a) ? b : a);
    return {
      recipe,
      title: RECIPES[recipe].title,
      learningRate,
      error: seedInterval(overStarts(own, "expectationRmse")),
      worst: errorOf(worst),
      worstStart: worst.start,
    };
  }).toSorted((a, b) => a.error.estimate - b.error.estimate);
  return {
    seeds: config.seeds.length,
    steps: config.steps,
    responses: config.steps * config.prompts * config.responses,
    exactSpread: byStart[0]!.metrics[0]!.exactSpread,
    starts,
    rows,
    ranking,
    untrained: seedInterval(overStarts(starts, "expectationRmse")),
    search: searchRows(config, inRole("search", cells)),
  };
}

/** A metric by seed, averaged over the starts. */
export function overStarts(
  rows: readonly { readonly scores: SeedScores }[],
  metric: Metric,
): number[] {
  const [first] = rows;
  return first!.scores[metric].map((_, seed) => mean(rows.map((row) => row.scores[metric][seed]!)));
}

/** The metrics of each start, one for each seed. */
function metricsByStart(
  cells: readonly Finished[],
): { readonly start: Start; readonly metrics: readonly CriticTrainingMetrics[] }[] {
  return [...Map.groupBy(cells, ({ cell }) => cell.config.start)]
    .map(([start, own]) => ({ start, metrics: own.map(({ result }) => result.metrics) }));
}

function judged(points: readonly Snapshot[]): { scores: SeedScores; errors: Errors } {
  const scores = Object.fromEntries(
    METRICS.map((metric) => [metric, points.map((p) => p[metric])]),
  ) as Record<Metric, number[]>;
  const { rmse, expectationRmse } = scores;
  return {
    scores,
    errors: { rmse: seedInterval(rmse), expectationRmse: seedInterval(expectationRmse) },
  };
}

function runRow(
  { id, recipe, learningRate }: TrainingRun,
  start: Start,
  metrics: readonly CriticTrainingMetrics[],
): RunRow {
  const paths = metrics.map((m) => [m.start, ...m.runs[id]!.points]);
  const curve = (metric: Metric) =>
    paths[0]!.map(({ step }, i): CurvePoint => {
      const values = paths.map((path) => path[i]![metric]);
      return { step, mean: mean(values), low: minimum(values), high: maximum(values) };
    });
  const error = judgedError(recipe);
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
    lastFall: seedInterval(paths.map((path) => {
      const end = path.at(-1)!;
      return path.findLast(({ step }) => 5 * step <= 4 * end.step)![error] - end[error];
    })),
    collapse: paths.map((path, s) => {
      const { start, exactSpread } = metrics[s]!;
      for (const point of path.slice(1)) {
        const kinds = collapses(point, start, exactSpread);
        if (kinds.length > 0) return { step: point.step, kinds };
      }
      return null;
    }),
  };
}

function searchRows(config: CriticTrainingConfig, cells: readonly Finished[]): SearchRow[] {
  const byStart = metricsByStart(cells);
  return searchRuns(config).map(({ id, recipe, learningRate }): SearchRow => {
    const error = judgedError(recipe);
    const starts = byStart.map(({ start, metrics }) => ({
      start,
      before: mean(metrics.map((m) => m.start[error])),
      after: mean(metrics.map((m) => m.runs[id]!.points.at(-1)![error])),
    }));
    return {
      recipe,
      title: RECIPES[recipe].title,
      learningRate,
      chosen: config.recipes.some((r) => r.name === recipe && r.learningRate === learningRate),
      error: mean(starts.map(({ after }) => after)),
      starts,
    };
  });
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

/** One line a start and recipe, for the terminal: means over seeds. */
export function criticTrainingTable({ starts, rows }: CriticTrainingSummary): TableRow[] {
  const numbers = (scores: SeedScores) => ({
    "RMSE integer": mean(scores.rmse),
    "RMSE expectation": mean(scores.expectationRmse),
    ranking: mean(scores.rankingAccuracy),
    "right chains": mean(scores.traceAccuracy),
    reward: mean(scores.reward),
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
