/** From the test reports of several seeds to scores with intervals. */
import type { CriticSize } from "../../lib/critic/neural_critic.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import { type SeedInterval, seedInterval } from "../../lib/eval/student.ts";
import type { FinishedCell } from "../../lib/run/experiment.ts";
import { sizeName } from "./config.ts";
import type { SupervisedMetrics } from "./supervised_cell.ts";
import type { TestReport } from "./test_report.ts";

/** A critic of one kind and size, whatever the seed. */
export interface CriticRow {
  readonly critic: string;
  /** Of the critic. */
  readonly title: string;
  readonly size: string;
  readonly parameters: number;
  readonly trainingFlops: number;
}

/** What is the same in the cells of one critic's seeds. */
export function criticRow(
  { cell: { config: { critic, size } }, result: { metrics } }: FinishedCell<
    { readonly critic: string; readonly size: CriticSize },
    Pick<SupervisedMetrics, "parameters" | "trainingFlops">
  >,
): CriticRow {
  const { parameters, trainingFlops } = metrics;
  const { title } = criticDefinition(critic);
  return { critic, title, size: sizeName(size), parameters, trainingFlops };
}

/** The cells of one role, e.g. those that are reported. */
export function inRole<Role, CellConfig extends { readonly role: Role }, Metrics>(
  role: Role,
  cells: readonly FinishedCell<CellConfig, Metrics>[],
): FinishedCell<CellConfig, Metrics>[] {
  return cells.filter(({ cell }) => cell.config.role === role);
}

/** The cells in groups, in the order of their first cells; `name` is one for runs that differ in their seed alone. */
export function groupsOf<CellConfig, Metrics>(
  cells: readonly FinishedCell<CellConfig, Metrics>[],
  name: (config: CellConfig) => string,
): FinishedCell<CellConfig, Metrics>[][] {
  return [...Map.groupBy(cells, ({ cell }) => name(cell.config)).values()];
}

/** A metric over the seeds of one configuration. */
export interface Scores {
  /** One score per seed, in the order of the config's seeds. */
  readonly scores: readonly number[];
  readonly mean: SeedInterval;
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
export function scoresOf(scores: readonly number[]): Scores {
  return { scores, mean: seedInterval(scores) };
}

/** Scores of one test set, `reports` one per seed. */
export function testScores(
  reports: readonly Omit<TestReport, "calibration">[],
): TestScores {
  const all = (values: (number | null)[]) =>
    values.includes(null) ? null : scoresOf(values as number[]);
  return {
    rmse: scoresOf(reports.map((r) => Math.sqrt(r.penalizedMse))),
    r2: scoresOf(reports.map((r) => 1 - r.penalizedMse / r.varianceExact)),
    rankingAccuracy: scoresOf(reports.map((r) => r.rankingAccuracy ?? 0.5)),
    parseRate: scoresOf(reports.map((r) => r.parseRate)),
    expectationRmse: all(reports.map((r) => r.expectation?.rmse ?? null)),
    traceAccuracy: all(reports.map((r) => r.traceAccuracy)),
    meanPredictorRmse: reports.reduce((sum, r) => sum + Math.sqrt(r.varianceExact), 0) /
      reports.length,
  };
}
