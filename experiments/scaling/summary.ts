/** Scores over seeds, trends with size, and comparisons between critics: everything that figures and claims read. */
import type { Interval } from "../../lib/eval/bootstrap.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import {
  interquartileMeanInterval,
  probabilityOfImprovementInterval,
  sizeTrend,
} from "../../lib/eval/statistics.ts";
import type { ValueReport } from "../../lib/eval/value_report.ts";
import type { CellResult, TableRow } from "../../lib/run/experiment.ts";
import { scalingCells } from "./cells.ts";
import { type ScalingConfig, sizeName } from "./config.ts";

/** A metric over the seeds of one critic at one size. */
export interface Scores {
  /** One score per seed, in the order of the config's seeds. */
  readonly scores: readonly number[];
  /** Interquartile mean with its stratified-bootstrap 95% interval. */
  readonly iqm: Interval;
}

/** What a test set says of one critic at one size. */
export interface TestScores {
  /** RMSE against the exact value, with 1 charged for a response that cannot be parsed. */
  readonly rmse: Scores;
  /** 1 - MSE / Var(V), parse failures charged likewise; 0 = always predicting the mean. */
  readonly r2: Scores;
  /** Fraction of pairs in the right order; 0.5 where nothing could be ranked. */
  readonly rankingAccuracy: Scores;
  readonly parseRate: Scores;
  /**
   * RMSE of the mean over value tokens or bins in place of the emitted integer, over parsed responses; null for scalar
   * heads, and where nothing could be parsed.
   */
  readonly expectationRmse: Scores | null;
  /** Chains of thought that are right in every token; null for critics that write none. */
  readonly traceAccuracy: Scores | null;
  /** RMSE of always predicting the mean value, averaged over seeds. */
  readonly meanPredictorRmse: number;
}

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

type Test = ValueReport & {
  expectation: { rmse: number | null } | null;
  traceAccuracy: number | null;
};

/** Summarizes finished cells. */
export function summarizeScaling(
  config: ScalingConfig,
  results: ReadonlyMap<string, CellResult>,
): ScalingSummary {
  const bootstrap = { seed: config.bootstrapSeed, replicates: config.bootstrapReplicates };
  const difficulties = config.difficulties.map(({ name }) => name);
  const cells = scalingCells(config);
  const testsOf = (id: string) => results.get(id)!.metrics.tests as unknown as Record<string, Test>;
  const scores = (values: number[]): Scores => ({
    scores: values,
    iqm: interquartileMeanInterval([values], bootstrap),
  });

  const groups = Map.groupBy(
    cells.filter((cell) => cell.config.role === "report"),
    ({ config: { critic, size } }) => `${critic}/${sizeName(size)}`,
  );
  const rows = [...groups.values()].map((group): ScalingRow => {
    const { critic, size } = group[0]!.config;
    const { parameters, trainingFlops } = results.get(group[0]!.id)!.metrics;
    const tests = difficulties.map((name) => {
      const reports = group.map(({ id }) => testsOf(id)[name]!);
      const all = (values: (number | null)[]) =>
        values.includes(null) ? null : scores(values as number[]);
      const count = reports.length;
      return [name, {
        rmse: scores(reports.map((r) => Math.sqrt(r.penalizedMse))),
        r2: scores(reports.map((r) => 1 - r.penalizedMse / r.varianceExact)),
        rankingAccuracy: scores(reports.map((r) => r.rankingAccuracy ?? 0.5)),
        parseRate: scores(reports.map((r) => r.parseRate)),
        expectationRmse: all(reports.map((r) => r.expectation?.rmse ?? null)),
        traceAccuracy: all(reports.map((r) => r.traceAccuracy)),
        meanPredictorRmse: reports.reduce((sum, r) => sum + Math.sqrt(r.varianceExact), 0) / count,
      }] as const;
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
