import { slopePerDecade } from "../../lib/eval/statistics.ts";
import type { FinishedCell, TableRow } from "../../lib/run/experiment.ts";
import { sizeName } from "../shared/config.ts";
import {
  type CriticRow,
  criticRow,
  groupsOf,
  inRole,
  type Scores,
  scoresOf,
  type TestScores,
  testScores,
} from "../shared/scores.ts";
import { searchRows } from "../shared/search.ts";
import type { Readout, TestReport } from "../shared/test_report.ts";
import type { Labels, ScalingCell, ScalingMetrics } from "./cell.ts";
import type { ScalingConfig } from "./config.ts";
import type { AnswerReport } from "./samples.ts";

/** One critic at one size; everything by difficulty. */
export interface ScalingRow extends CriticRow {
  readonly labels: Labels;
  readonly tests: Readonly<Record<string, TestScores>>;
  /** Of the mean over value tokens in place of the emitted one; null for critics with a value head. */
  readonly expectations: Readonly<Record<string, TestScores>> | null;
  /** Null where no chain was sampled. */
  readonly samples: Readonly<Record<string, SampleScores>> | null;
}

/** Scores of answers over seeds. */
export interface AnswerScores {
  readonly rmse: Scores;
  readonly rankingAccuracy: Scores;
  readonly parseRate: Scores;
}

/** What a critic at one size gains from sampling. */
export interface SampleScores {
  readonly greedy: AnswerScores;
  /** By number of chains whose values are averaged, rising. */
  readonly sampled: readonly (AnswerScores & { readonly count: number })[];
}

/** How one critic's scores move with size on one test set. */
export interface Trend {
  readonly critic: string;
  readonly labels: Labels;
  readonly readout: Readout;
  readonly difficulty: string;
  /** Change of RMSE per tenfold parameters, by seed: the least-squares slope over the sizes. */
  readonly rmse: Scores;
  /** The same of ranking accuracy. */
  readonly ranking: Scores;
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

/** Scores over seeds and their trends with size: everything that figures and claims read. */
export interface ScalingSummary {
  readonly difficulties: readonly string[];
  readonly seeds: number;
  /** Critics that learned exact values. */
  readonly rows: readonly ScalingRow[];
  /** Critics that learned outcomes. */
  readonly outcomes: readonly ScalingRow[];
  /** Of critics at two sizes or more. */
  readonly trends: readonly Trend[];
  readonly search: readonly SearchRow[];
}

/** A row's scores on one test set, its answers read in one way; a critic with a value head has one. */
export function scoresRead(row: ScalingRow, readout: Readout, difficulty: string): TestScores {
  const read = readout === "expectation" ? row.expectations ?? row.tests : row.tests;
  return read[difficulty]!;
}

/** RMSE of always predicting the mean value of a test set, whose states are the same for all critics. */
export function meanPredictorRmse({ rows }: ScalingSummary, difficulty: string): number {
  return rows[0]!.tests[difficulty]!.meanPredictorRmse;
}

/** Summarizes finished cells. */
export function summarizeScaling(
  config: ScalingConfig,
  cells: readonly FinishedCell<ScalingCell, ScalingMetrics>[],
): ScalingSummary {
  const difficulties = config.difficulties.map(({ name }) => name);
  const groups = groupsOf(
    inRole("report", cells),
    ({ critic, labels, size }) => `${critic}/${labels}/${sizeName(size)}`,
  );
  const all = groups.map((group) => scalingRow(group, difficulties));
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
  return {
    difficulties,
    seeds: config.seeds.length,
    rows: all.filter(({ labels }) => labels === "exact"),
    outcomes: all.filter(({ labels }) => labels === "outcomes"),
    trends: [...Map.groupBy(all, ({ critic, labels }) => `${critic}/${labels}`).values()]
      .filter((rows) => rows.length > 1)
      .flatMap((rows) => trendsOf(rows, difficulties)),
    search,
  };
}

/** The row of one critic's cells, one a seed. */
function scalingRow(
  group: readonly FinishedCell<ScalingCell, ScalingMetrics>[],
  difficulties: readonly string[],
): ScalingRow {
  const first = group[0]!;
  const metrics = group.map(({ result }) => result.metrics);
  const scores = (
    reports: (m: ScalingMetrics) => Record<string, Omit<TestReport, "calibration">>,
  ) =>
    Object.fromEntries(
      difficulties.map((name) => [name, testScores(metrics.map((m) => reports(m)[name]!))]),
    );
  return {
    ...criticRow(first),
    labels: first.cell.config.labels,
    tests: scores(({ tests }) => tests),
    expectations: metrics[0]!.expectations ? scores(({ expectations }) => expectations!) : null,
    samples: metrics[0]!.samples
      ? Object.fromEntries(difficulties.map((name) => [name, sampleScores(metrics, name)]))
      : null,
  };
}

function sampleScores(metrics: readonly ScalingMetrics[], difficulty: string): SampleScores {
  const reports = metrics.map(({ samples }) => samples![difficulty]!);
  return {
    greedy: answerScores(reports.map(({ greedy }) => greedy)),
    sampled: reports[0]!.sampled.map(({ count }, i) => ({
      count,
      ...answerScores(reports.map(({ sampled }) => sampled[i]!)),
    })),
  };
}

function answerScores(reports: readonly AnswerReport[]): AnswerScores {
  return {
    rmse: scoresOf(reports.map(({ rmse }) => rmse)),
    rankingAccuracy: scoresOf(reports.map(({ rankingAccuracy }) => rankingAccuracy)),
    parseRate: scoresOf(reports.map(({ parseRate }) => parseRate)),
  };
}

/** The trends of one critic's rows, one a size. */
function trendsOf(rows: readonly ScalingRow[], difficulties: readonly string[]): Trend[] {
  const { critic, expectations, labels } = rows[0]!;
  const readouts: Readout[] = expectations ? ["value", "expectation"] : ["value"];
  const sizes = rows.map(({ parameters }) => parameters);
  return readouts.flatMap((readout) =>
    difficulties.map((difficulty): Trend => {
      const tests = rows.map((row) => scoresRead(row, readout, difficulty));
      const slopes = (metric: "rmse" | "rankingAccuracy") =>
        scoresOf(
          tests[0]![metric].scores.map((_, seed) =>
            slopePerDecade(sizes, tests.map((test) => test[metric].scores[seed]!))
          ),
        );
      return {
        critic,
        labels,
        readout,
        difficulty,
        rmse: slopes("rmse"),
        ranking: slopes("rankingAccuracy"),
      };
    })
  );
}

/** One line a critic, size and test set, for the terminal. */
export function scalingTable({ difficulties, outcomes, rows }: ScalingSummary): TableRow[] {
  return [...rows, ...outcomes].flatMap((row) =>
    difficulties.map((difficulty) => {
      const t = row.tests[difficulty]!;
      return {
        critic: row.title,
        labels: row.labels,
        size: row.size,
        parameters: row.parameters,
        "training FLOPs": row.trainingFlops,
        test: difficulty,
        RMSE: t.rmse.mean.estimate,
        "95% low": t.rmse.mean.low,
        "95% high": t.rmse.mean.high,
        r2: t.r2.mean.estimate,
        "RMSE of expectation": row.expectations?.[difficulty]?.rmse.mean.estimate ?? null,
        "ranking accuracy": t.rankingAccuracy.mean.estimate,
        "parse rate": t.parseRate.mean.estimate,
      };
    })
  );
}
