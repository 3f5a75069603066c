/** From the test reports of several seeds to scores with intervals. */
import type { BootstrapOptions, Interval } from "../../lib/eval/bootstrap.ts";
import { interquartileMeanInterval } from "../../lib/eval/statistics.ts";
import type { TestReport } from "./test_report.ts";

/** A metric over the seeds of one configuration. */
export interface Scores {
  /** One score per seed, in the order of the config's seeds. */
  readonly scores: readonly number[];
  /** Interquartile mean with its stratified-bootstrap 95% interval. */
  readonly iqm: Interval;
}

/** What a test set says of one configuration. */
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

/** Scores of one metric. */
export function scoresOf(scores: readonly number[], bootstrap: BootstrapOptions): Scores {
  return { scores, iqm: interquartileMeanInterval([scores], bootstrap) };
}

/** Scores of one test set, `reports` one per seed. */
export function testScores(
  reports: readonly Omit<TestReport, "calibration">[],
  bootstrap: BootstrapOptions,
): TestScores {
  const scores = (values: number[]) => scoresOf(values, bootstrap);
  const all = (values: (number | null)[]) =>
    values.includes(null) ? null : scores(values as number[]);
  return {
    rmse: scores(reports.map((r) => Math.sqrt(r.penalizedMse))),
    r2: scores(reports.map((r) => 1 - r.penalizedMse / r.varianceExact)),
    rankingAccuracy: scores(reports.map((r) => r.rankingAccuracy ?? 0.5)),
    parseRate: scores(reports.map((r) => r.parseRate)),
    expectationRmse: all(reports.map((r) => r.expectation?.rmse ?? null)),
    traceAccuracy: all(reports.map((r) => r.traceAccuracy)),
    meanPredictorRmse: reports.reduce((sum, r) => sum + Math.sqrt(r.varianceExact), 0) /
      reports.length,
  };
}
