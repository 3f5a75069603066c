import {
  type BootstrapOptions,
  type Interval,
  stratifiedBootstrap,
} from "../../lib/eval/bootstrap.ts";
import { interquartileMean } from "../../lib/eval/statistics.ts";
import { maximum, minimum } from "../../lib/numeric/extrema.ts";
import { log } from "../../lib/numeric/math.ts";
import type { FinishedCell, TableRow } from "../../lib/run/experiment.ts";
import { type ChainErrors, type ChainReport, stillRight } from "../shared/chains.ts";
import { sizeName } from "../shared/config.ts";
import { pairsOfKinds } from "../shared/kinds.ts";
import {
  type CriticRow,
  criticRow,
  groupsOf,
  type TestScores,
  testScores,
} from "../shared/scores.ts";
import { ratio } from "../shared/verdicts.ts";
import type { GeneralizationCell, GeneralizationMetrics, GeneralizationReport } from "./cell.ts";
import type { GeneralizationConfig, TestSet } from "./config.ts";

/** One test set, and what critics that know nothing of the shift would have. */
export interface TestSummary extends Pick<TestSet, "name" | "shift"> {
  /** RMSE of always predicting the mean value in distribution. */
  readonly trainedMeanRmse: number;
  /** RMSE of the exact value for the actor of training: 0 unless the actor's skill differs. */
  readonly trainedActorRmse: number;
}

/** What became of the chains of thought on one test set, over seeds. */
export interface ChainScores {
  /** Probability that a chain is right up to each token, first to last: interquartile mean, lowest and highest seed. */
  readonly stillRight: readonly {
    readonly y: number;
    readonly low: number;
    readonly high: number;
  }[];
  /** Of the chains with a wrong token, the fraction whose first one lies in each tenth of the chain; null if none is wrong. */
  readonly firstWrongByTenth: readonly number[] | null;
  /** RMSE of values after right chains, and after wrong ones, seeds pooled; null if there are none. */
  readonly rmseAfterRight: number | null;
  readonly rmseAfterWrong: number | null;
}

/** One critic at one size. */
export interface GeneralizationRow extends CriticRow {
  /** By test set. */
  readonly tests: Readonly<Record<string, TestScores>>;
  /** By test set; null for critics that write no chain of thought. */
  readonly chains: Readonly<Record<string, ChainScores>> | null;
}

/** RMSE of the CoT critic over that of the discriminative one at one size. */
export interface ErrorRatio {
  readonly size: string;
  /** Of the CoT critic. */
  readonly parameters: number;
  readonly test: string;
  readonly ratio: Interval;
}

/** How the error ratio moves with size on one test set: its change per tenfold parameters. */
export interface RatioTrend {
  readonly test: string;
  readonly slope: Interval;
}

/** Scores over seeds, error ratios between critics, and what became of the chains: all that figures and claims read. */
export interface GeneralizationSummary {
  /** The first is in distribution. */
  readonly tests: readonly TestSummary[];
  readonly headline: string;
  readonly seeds: number;
  readonly rows: readonly GeneralizationRow[];
  /** By size, smallest first, then by test set; sizes at which both critics were trained. */
  readonly ratios: readonly ErrorRatio[];
  readonly trends: readonly RatioTrend[];
}

/** Summarizes finished cells. */
export function summarizeGeneralization(
  config: GeneralizationConfig,
  cells: readonly FinishedCell<GeneralizationCell, GeneralizationMetrics>[],
): GeneralizationSummary {
  const bootstrap = { seed: config.bootstrapSeed, replicates: config.bootstrapReplicates };
  const names = config.tests.map(({ name }) => name);

  const groups = groupsOf(cells, ({ critic, size }) => `${critic}/${sizeName(size)}`);
  const rows = groups.map((group): GeneralizationRow => {
    const byTest = <T>(of: (reports: GeneralizationReport[]) => T) =>
      names.map((name) =>
        [name, of(group.map(({ result }) => result.metrics.tests[name]!))] as const
      );
    const chains = byTest((reports) => chainScores(reports.map((r) => r.chains)));
    return {
      ...criticRow(group[0]!),
      tests: Object.fromEntries(byTest((reports) => testScores(reports, bootstrap))),
      chains: chains.some(([, scores]) => scores === null)
        ? null
        : Object.fromEntries(chains as [string, ChainScores][]),
    };
  });

  const reports = cells[0]!.result.metrics.tests;
  const meanInDistribution = reports[names[0]!]!.meanExact;
  const tests = config.tests.map(({ name, shift }): TestSummary => {
    const { meanExact, varianceExact, trainedActorRmse } = reports[name]!;
    const bias = meanExact - meanInDistribution;
    return {
      name,
      shift,
      trainedMeanRmse: Math.sqrt(varianceExact + bias * bias),
      trainedActorRmse,
    };
  });

  const pairs = pairsOfKinds(rows, (a, b) => a.size === b.size)
    .toSorted((a, b) => a.generative.parameters - b.generative.parameters);
  const scores = (test: string) =>
    pairs.map(({ generative, discriminative }) => ({
      parameters: generative.parameters,
      ours: generative.tests[test]!.rmse.scores,
      theirs: discriminative.tests[test]!.rmse.scores,
    }));
  return {
    tests,
    headline: config.headline,
    seeds: config.seeds.length,
    rows,
    ratios: pairs.flatMap(({ generative: { size, parameters } }, i) =>
      names.map((test): ErrorRatio => {
        const { ours, theirs } = scores(test)[i]!;
        return { size, parameters, test, ratio: ratio(ours, theirs, bootstrap) };
      })
    ),
    trends: pairs.length < 2
      ? []
      : names.map((test) => ({ test, slope: ratioSlope(scores(test), bootstrap) })),
  };
}

/** Chains of one test set, one report per seed. */
function chainScores(reports: readonly (ChainReport | null)[]): ChainScores | null {
  if (reports.includes(null)) return null;
  const chains = reports as readonly ChainReport[];
  const curves = chains.map(stillRight);
  const tenths = chains[0]!.firstWrongByTenth.map((_, i) =>
    chains.reduce((sum, c) => sum + c.firstWrongByTenth[i]!, 0)
  );
  const wrong = tenths.reduce((sum, n) => sum + n, 0);
  return {
    stillRight: curves[0]!.map((_, k) => {
      const seeds = curves.map((curve) => curve[k]!);
      return { y: interquartileMean(seeds), low: minimum(seeds), high: maximum(seeds) };
    }),
    firstWrongByTenth: wrong === 0 ? null : tenths.map((n) => n / wrong),
    rmseAfterRight: pooledRmse(chains.map((c) => c.afterRight)),
    rmseAfterWrong: pooledRmse(chains.map((c) => c.afterWrong)),
  };
}

function pooledRmse(errors: readonly ChainErrors[]): number | null {
  const count = errors.reduce((sum, e) => sum + e.count, 0);
  return count === 0 ? null : Math.sqrt(errors.reduce((sum, e) => sum + e.squares, 0) / count);
}

/**
 * Least-squares slope of the error ratio against log10 of the parameters; seeds are drawn anew within each size and
 * critic. Null in a replicate where a divisor is 0.
 */
function ratioSlope(
  points: readonly { parameters: number; ours: readonly number[]; theirs: readonly number[] }[],
  bootstrap: BootstrapOptions,
): Interval {
  const decades = points.map(({ parameters }) => log(parameters) / log(10));
  const centre = decades.reduce((sum, x) => sum + x, 0) / points.length;
  const offsets = decades.map((x) => x - centre);
  const spread = offsets.reduce((sum, x) => sum + x * x, 0);
  return stratifiedBootstrap(
    points.flatMap(({ ours, theirs }) => [ours, theirs]),
    (drawn) => {
      let slope = 0;
      for (let i = 0; i < points.length; i++) {
        const divisor = interquartileMean(drawn[2 * i + 1]!);
        if (divisor === 0) return null;
        slope += offsets[i]! * interquartileMean(drawn[2 * i]!) / divisor / spread;
      }
      return slope;
    },
    bootstrap,
  );
}

/** One line a critic, size and test set, for the terminal. */
export function generalizationTable({ rows, tests }: GeneralizationSummary): TableRow[] {
  return tests.flatMap(({ name }) =>
    rows.map((row) => {
      const t = row.tests[name]!;
      return {
        test: name,
        critic: row.title,
        size: row.size,
        RMSE: t.rmse.iqm.estimate,
        "95% low": t.rmse.iqm.low,
        "95% high": t.rmse.iqm.high,
        r2: t.r2.iqm.estimate,
        "ranking accuracy": t.rankingAccuracy.iqm.estimate,
        "right chains": t.traceAccuracy?.iqm.estimate ?? null,
      };
    })
  );
}
