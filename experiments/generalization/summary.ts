import { maximum, minimum } from "../../lib/numeric/extrema.ts";
import { mean } from "../../lib/numeric/sums.ts";
import type { FinishedCell, TableRow } from "../../lib/run/experiment.ts";
import { type ChainErrors, type ChainReport, stillRight } from "../shared/chains.ts";
import { sizeName } from "../shared/config.ts";
import { pairsOfKinds } from "../shared/kinds.ts";
import {
  type CriticRow,
  criticRow,
  groupsOf,
  type Scores,
  scoresOf,
  type TestScores,
  testScores,
} from "../shared/scores.ts";
import type { GeneralizationCell, GeneralizationMetrics, GeneralizationReport } from "./cell.ts";
import type { GeneralizationConfig, TestSet } from "./config.ts";
import { lostLength } from "./lost_length.ts";

/** The CoT critic's MSE over the discriminative one's below which it is "lower by more than 50%". */
export const HALF = 0.5;

/** One test set, and what critics that know nothing of the shift would have. */
export interface TestSummary extends Pick<TestSet, "name" | "shift"> {
  /** The longest word over the longest of training. */
  readonly length: number;
  /** RMSE of always predicting the mean value in distribution. */
  readonly trainedMeanRmse: number;
  /** RMSE of the exact value for the actor of training: 0 unless the actor's skill differs. */
  readonly trainedActorRmse: number;
}

/** What became of the chains of thought on one test set, over seeds. */
export interface ChainScores {
  /** Probability that a chain is right up to each token, first to last: mean, lowest and highest seed. */
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

/** A test set's scores. */
export interface GeneralizationScores extends TestScores {
  /** MSE against the exact value, with 1 charged for a response that cannot be parsed. */
  readonly mse: Scores;
}

/** One critic at one size. */
export interface GeneralizationRow extends CriticRow {
  /** By test set. */
  readonly tests: Readonly<Record<string, GeneralizationScores>>;
  /** By test set; null for critics that write no chain of thought. */
  readonly chains: Readonly<Record<string, ChainScores>> | null;
}

/** The CoT critic beside the discriminative one at one size on one test set. */
export interface PairedErrors {
  readonly size: string;
  /** Of the CoT critic. */
  readonly parameters: number;
  readonly test: string;
  /** MSE of either critic, as in `GeneralizationScores`; seeds with the same place are paired. */
  readonly generative: Scores;
  readonly discriminative: Scores;
  /** MSE of the CoT critic over the discriminative one's, seed by seed. */
  readonly ratio: Scores;
}

/** The length, over the longest of training, from which the MSE ratio is above `HALF`; null = not within the tested ones. */
export interface LostLength {
  readonly size: string;
  /** Of the mean ratio. */
  readonly ofMean: number | null;
  /** By seed. */
  readonly bySeed: readonly (number | null)[];
}

/** Scores over seeds, errors of the two critics side by side, and what became of the chains: all that figures and claims read. */
export interface GeneralizationSummary {
  /** The first is in distribution. */
  readonly tests: readonly TestSummary[];
  readonly headline: string;
  readonly seeds: number;
  readonly rows: readonly GeneralizationRow[];
  /** By size, smallest first, then by test set; sizes at which both critics were trained. */
  readonly pairs: readonly PairedErrors[];
  /** By size as in `pairs`. */
  readonly lost: readonly LostLength[];
}

/** Summarizes finished cells. */
export function summarizeGeneralization(
  config: GeneralizationConfig,
  cells: readonly FinishedCell<GeneralizationCell, GeneralizationMetrics>[],
): GeneralizationSummary {
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
      tests: Object.fromEntries(byTest((reports) => ({
        ...testScores(reports),
        mse: scoresOf(reports.map(({ penalizedMse }) => penalizedMse)),
      }))),
      chains: chains.some(([, scores]) => scores === null)
        ? null
        : Object.fromEntries(chains as [string, ChainScores][]),
    };
  });

  const reports = cells[0]!.result.metrics.tests;
  const meanInDistribution = reports[names[0]!]!.meanExact;
  const tests = config.tests.map(({ name, shift, max }): TestSummary => {
    const { meanExact, varianceExact, trainedActorRmse } = reports[name]!;
    const bias = meanExact - meanInDistribution;
    return {
      name,
      shift,
      length: max / config.environment.maxLength,
      trainedMeanRmse: Math.sqrt(varianceExact + bias * bias),
      trainedActorRmse,
    };
  });

  const bySize = pairsOfKinds(rows, (a, b) => a.size === b.size)
    .toSorted((a, b) => a.generative.parameters - b.generative.parameters)
    .map(({ generative, discriminative }) =>
      names.map((test) => pairedErrors(generative, discriminative, test))
    );
  return {
    tests,
    headline: config.headline,
    seeds: config.seeds.length,
    rows,
    pairs: bySize.flat(),
    lost: bySize.map((pairs) => lostLengthOf(tests, pairs)),
  };
}

function pairedErrors(
  ours: GeneralizationRow,
  theirs: GeneralizationRow,
  test: string,
): PairedErrors {
  const { size, parameters } = ours;
  const generative = ours.tests[test]!.mse, discriminative = theirs.tests[test]!.mse;
  const ratio = scoresOf(generative.scores.map((mse, i) => mse / discriminative.scores[i]!));
  return { size, parameters, test, generative, discriminative, ratio };
}

/** From one size's pairs, which are in the order of `tests`. */
function lostLengthOf(tests: readonly TestSummary[], pairs: readonly PairedErrors[]): LostLength {
  const points = tests.map(({ shift, length }, i) => ({ shift, length, ratio: pairs[i]!.ratio }))
    .filter(({ shift }) => shift === "none" || shift === "length")
    .toSorted((a, b) => a.length - b.length);
  const lost = (ratioOf: (ratio: Scores) => number) =>
    lostLength(points.map(({ length, ratio }) => ({ length, ratio: ratioOf(ratio) })), HALF);
  return {
    size: pairs[0]!.size,
    ofMean: lost(({ mean }) => mean.estimate),
    bySeed: pairs[0]!.ratio.scores.map((_, i) => lost(({ scores }) => scores[i]!)),
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
      return { y: mean(seeds), low: minimum(seeds), high: maximum(seeds) };
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

/** One line a critic, size and test set, for the terminal. */
export function generalizationTable({ rows, tests }: GeneralizationSummary): TableRow[] {
  return tests.flatMap(({ name }) =>
    rows.map((row) => {
      const t = row.tests[name]!;
      return {
        test: name,
        critic: row.title,
        size: row.size,
        RMSE: t.rmse.mean.estimate,
        "95% low": t.rmse.mean.low,
        "95% high": t.rmse.mean.high,
        r2: t.r2.mean.estimate,
        "ranking accuracy": t.rankingAccuracy.mean.estimate,
        "right chains": t.traceAccuracy?.mean.estimate ?? null,
      };
    })
  );
}
