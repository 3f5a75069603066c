import type { Interval } from "../../lib/eval/bootstrap.ts";
import { probabilityOfImprovementInterval, sizeTrend } from "../../lib/eval/statistics.ts";
import type { FinishedCell, TableRow } from "../../lib/run/experiment.ts";
import { sizeName } from "../shared/config.ts";
import { pairsOfKinds } from "../shared/kinds.ts";
import {
  type CriticRow,
  criticRow,
  groupsOf,
  inRole,
  type TestScores,
  testScores,
} from "../shared/scores.ts";
import { searchRows } from "../shared/search.ts";
import type { ScalingCell, ScalingMetrics } from "./cell.ts";
import type { ScalingConfig } from "./config.ts";

/** One critic at one size. */
export interface ScalingRow extends CriticRow {
  /** By difficulty. */
  readonly tests: Readonly<Record<string, TestScores>>;
}

/** How RMSE moves with size for one critic on one test set. */
export interface Trend {
  readonly critic: string;
  readonly difficulty: string;
  /** Change of RMSE per tenfold parameters; reliable only if the whole interval is below 0. */
  readonly rmseSlope: Interval;
  readonly rankingSlope: Interval;
}

/** P(the CoT critic is better than the discriminative one) at one size, over pairs of seeds. */
export interface Comparison {
  readonly size: string;
  readonly difficulty: string;
  readonly rmse: Interval;
  readonly ranking: Interval;
}

/** One line of the search for learning rates. */
export interface SearchRow {
  readonly critic: string;
  readonly size: string;
  readonly learningRate: number;
  /** In-distribution RMSE, mean over tuning seeds. */
  readonly rmse: number;
  readonly chosen: boolean;
}

/** Scores over seeds, trends with size, and comparisons between critics: everything that figures and claims read. */
export interface ScalingSummary {
  readonly difficulties: readonly string[];
  readonly seeds: number;
  readonly rows: readonly ScalingRow[];
  readonly trends: readonly Trend[];
  readonly comparisons: readonly Comparison[];
  readonly search: readonly SearchRow[];
}

/** Summarizes finished cells. */
export function summarizeScaling(
  config: ScalingConfig,
  cells: readonly FinishedCell<ScalingCell, ScalingMetrics>[],
): ScalingSummary {
  const bootstrap = { seed: config.bootstrapSeed, replicates: config.bootstrapReplicates };
  const difficulties = config.difficulties.map(({ name }) => name);

  const groups = groupsOf(
    inRole("report", cells),
    ({ critic, size }) => `${critic}/${sizeName(size)}`,
  );
  const rows = groups.map((group): ScalingRow => ({
    ...criticRow(group[0]!),
    tests: Object.fromEntries(
      difficulties.map((name) => {
        const reports = group.map(({ result }) => result.metrics.tests[name]!);
        return [name, testScores(reports, bootstrap)];
      }),
    ),
  }));

  const trends = [...Map.groupBy(rows, ({ critic }) => critic)]
    .filter(([, own]) => own.length > 1)
    .flatMap(([critic, own]) =>
      difficulties.map((difficulty): Trend => {
        const slope = (metric: "rmse" | "rankingAccuracy") =>
          sizeTrend(
            own.map((row) => ({
              size: row.parameters,
              scores: row.tests[difficulty]![metric].scores,
            })),
            bootstrap,
          ).slope;
        return {
          critic,
          difficulty,
          rmseSlope: slope("rmse"),
          rankingSlope: slope("rankingAccuracy"),
        };
      })
    );

  const pairs = pairsOfKinds(rows, (a, b) => a.size === b.size);
  const comparisons = pairs.flatMap(({ discriminative, generative }) =>
    difficulties.map((difficulty): Comparison => {
      const ours = generative.tests[difficulty]!, theirs = discriminative.tests[difficulty]!;
      return {
        size: generative.size,
        difficulty,
        // A lower error is better, so that the rival's error comes first.
        rmse: probabilityOfImprovementInterval([theirs.rmse.scores], [ours.rmse.scores], bootstrap),
        ranking: probabilityOfImprovementInterval(
          [ours.rankingAccuracy.scores],
          [theirs.rankingAccuracy.scores],
          bootstrap,
        ),
      };
    })
  );

  const search = searchRows(
    inRole("sweep", cells),
    ({ critic, size, learningRate }) => `${critic}/${sizeName(size)}/${learningRate}`,
    ({ tests }) => Math.sqrt(tests[difficulties[0]!]!.penalizedMse),
    ({ critic, size, learningRate, factor }, rmse): SearchRow => ({
      critic,
      size: sizeName(size),
      learningRate,
      rmse,
      chosen: factor === 1,
    }),
  );
  return { difficulties, seeds: config.seeds.length, rows, trends, comparisons, search };
}

/** One line a critic, size and test set, for the terminal. */
export function scalingTable({ rows, difficulties }: ScalingSummary): TableRow[] {
  return rows.flatMap((row) =>
    difficulties.map((difficulty) => {
      const t = row.tests[difficulty]!;
      return {
        critic: row.title,
        size: row.size,
        parameters: row.parameters,
        "training FLOPs": row.trainingFlops,
        test: difficulty,
        RMSE: t.rmse.iqm.estimate,
        "95% low": t.rmse.iqm.low,
        "95% high": t.rmse.iqm.high,
        r2: t.r2.iqm.estimate,
        "ranking accuracy": t.rankingAccuracy.iqm.estimate,
        "parse rate": t.parseRate.iqm.estimate,
      };
    })
  );
}
