/** Scores over seeds, trends with size, and comparisons between critics: everything that figures and claims read. */
import type { Interval } from "../../lib/eval/bootstrap.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import { probabilityOfImprovementInterval, sizeTrend } from "../../lib/eval/statistics.ts";
import type { CellResult, TableRow } from "../../lib/run/experiment.ts";
import { scalingCells } from "./cells.ts";
import { sizeName } from "../shared/config.ts";
import type { TestReport } from "../shared/test_report.ts";
import { type TestScores, testScores } from "../shared/scores.ts";
import type { ScalingConfig } from "./config.ts";

/** One critic at one size. */
export interface ScalingRow {
  readonly critic: string;
  readonly title: string;
  readonly size: string;
  readonly parameters: number;
  readonly trainingFlops: number;
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

/** One line of the learning-rate sweep. */
export interface SweepRow {
  readonly critic: string;
  readonly size: string;
  readonly learningRate: number;
  /** In-distribution RMSE, mean over tuning seeds. */
  readonly rmse: number;
  readonly chosen: boolean;
}

/** See the file's header. */
export interface ScalingSummary {
  readonly difficulties: readonly string[];
  readonly seeds: number;
  readonly rows: readonly ScalingRow[];
  readonly trends: readonly Trend[];
  readonly comparisons: readonly Comparison[];
  readonly sweep: readonly SweepRow[];
}

/** The two critics that the paper's claims compare. */
export const DISCRIMINATIVE = "discriminative-mse";
export const GENERATIVE = "cot";

/** Summarizes finished cells. */
export function summarizeScaling(
  config: ScalingConfig,
  results: ReadonlyMap<string, CellResult>,
): ScalingSummary {
  const bootstrap = { seed: config.bootstrapSeed, replicates: config.bootstrapReplicates };
  const difficulties = config.difficulties.map(({ name }) => name);
  const cells = scalingCells(config);
  const testsOf = (id: string) =>
    results.get(id)!.metrics.tests as unknown as Record<string, TestReport>;

  const groups = Map.groupBy(
    cells.filter((cell) => cell.config.role === "report"),
    ({ config: { critic, size } }) => `${critic}/${sizeName(size)}`,
  );
  const rows = [...groups.values()].map((group): ScalingRow => {
    const { critic, size } = group[0]!.config;
    const { parameters, trainingFlops } = results.get(group[0]!.id)!.metrics;
    const tests = difficulties.map((name) => {
      const reports = group.map(({ id }) => testsOf(id)[name]!);
      return [name, testScores(reports, bootstrap)] as const;
    });
    return {
      critic,
      title: criticDefinition(critic).title,
      size: sizeName(size),
      parameters: parameters as number,
      trainingFlops: trainingFlops as number,
      tests: Object.fromEntries(tests),
    };
  });

  const of = (critic: string) => rows.filter((row) => row.critic === critic);
  const trends = [...new Set(rows.map((row) => row.critic))]
    .filter((critic) => of(critic).length > 1)
    .flatMap((critic) =>
      difficulties.map((difficulty): Trend => {
        const slope = (metric: "rmse" | "rankingAccuracy") =>
          sizeTrend(
            of(critic).map((row) => ({
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

  const comparisons = of(GENERATIVE).flatMap((generative) => {
    const rival = of(DISCRIMINATIVE).find((row) => row.size === generative.size);
    if (!rival) return [];
    return difficulties.map((difficulty): Comparison => {
      const ours = generative.tests[difficulty]!, theirs = rival.tests[difficulty]!;
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
    });
  });

  const sweep = [
    ...Map.groupBy(
      cells.filter((cell) => cell.config.role === "sweep"),
      ({ config: c }) => `${c.critic}/${sizeName(c.size)}/${c.learningRate}`,
    ).values(),
  ].map((group): SweepRow => {
    const { critic, size, learningRate, factor } = group[0]!.config;
    const errors = group.map(({ id }) => Math.sqrt(testsOf(id)[difficulties[0]!]!.penalizedMse));
    return {
      critic,
      size: sizeName(size),
      learningRate,
      rmse: errors.reduce((sum, x) => sum + x, 0) / errors.length,
      chosen: factor === 1,
    };
  });

  return { difficulties, seeds: config.seeds.length, rows, trends, comparisons, sweep };
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
