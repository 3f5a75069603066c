import { createEnvironment } from "../../lib/env/registry.ts";
import { pairedDifferences } from "../../lib/eval/student.ts";
import type { FinishedCell, TableRow } from "../../lib/run/experiment.ts";
import { sizeName } from "../shared/config.ts";
import { pairsOfKinds } from "../shared/kinds.ts";
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
import type { Baselines, LadderCell, LadderMetrics } from "./cell.ts";
import type { LadderConfig } from "./config.ts";
import { type ComplexityClass, environmentOf, type Rung } from "./rungs.ts";

/** So few states say little of an r2. */
const FEWEST_CHAINS = 50;

/** One rung: its problems and the exact values of its test states. */
export interface RungSummary extends Baselines {
  readonly name: string;
  readonly complexity: ComplexityClass;
  /** Elements of the group; null for rungs that are no group's. */
  readonly order: number | null;
  /** Generators of the group, or letters of the alphabet; null where problems are not words. */
  readonly symbols: number | null;
  /** Steps of an episode at most. */
  readonly steps: number;
  /** Tokens at most. */
  readonly promptLength: number;
  readonly traceLength: number;
  readonly meanValue: number;
  readonly varianceValue: number;
}

/** One critic at one size on one rung. */
export interface LadderRow extends CriticRow {
  readonly rung: string;
  readonly complexity: ComplexityClass;
  /** States seen in training. */
  readonly examples: number;
  readonly scores: TestScores;
  /** Where the chain of thought is right in every token; null if that is so in fewer than 50 states for some seed. */
  readonly r2AfterRightChains: Scores | null;
}

/** Score of the CoT critic less that of the discriminative one of the same size after as many examples, on one rung. */
export interface Advantage
  extends Pick<LadderRow, "rung" | "complexity" | "size" | "parameters" | "examples"> {
  readonly r2: Scores;
  readonly rankingAccuracy: Scores;
}

/** One line of the search for learning rates. */
export interface SearchRow {
  readonly rung: string;
  readonly critic: string;
  readonly size: string;
  readonly learningRate: number;
  /** Mean over tuning seeds. */
  readonly r2: number;
  readonly chosen: boolean;
}

/** Scores by rung, what is known of each rung, and the CoT critic's advantage: everything that figures and claims read. */
export interface LadderSummary {
  readonly rungs: readonly RungSummary[];
  readonly seeds: number;
  readonly rows: readonly LadderRow[];
  /** Some of them with more data. */
  readonly moreData: readonly LadderRow[];
  readonly advantages: readonly Advantage[];
  readonly search: readonly SearchRow[];
}

/** Summarizes finished cells. */
export function summarizeLadder(
  config: LadderConfig,
  cells: readonly FinishedCell<LadderCell, LadderMetrics>[],
): LadderSummary {
  const rungOf = (name: string) => config.rungs.find((rung) => rung.name === name)!;

  const rowsOf = (role: LadderCell["role"]) =>
    groupsOf(
      inRole(role, cells),
      ({ rung, critic, size }) => `${rung}/${critic}/${sizeName(size)}`,
    ).map((group): LadderRow => {
      const { batchSize, rung, steps } = group[0]!.cell.config;
      const metrics = group.map(({ result }) => result.metrics);
      return {
        rung,
        complexity: rungOf(rung).complexity,
        ...criticRow(group[0]!),
        examples: steps * batchSize,
        scores: testScores(metrics.map(({ test }) => test)),
        r2AfterRightChains: r2AfterRightChains(metrics),
      };
    });
  const rows = rowsOf("report"), moreData = rowsOf("more data");

  const reported = inRole("report", cells);
  const rungs = config.rungs.map((rung): RungSummary => {
    const { baselines, test } = reported.find(({ cell }) => cell.config.rung === rung.name)!
      .result.metrics;
    return {
      name: rung.name,
      complexity: rung.complexity,
      ...problemOf(rung),
      meanValue: test.meanExact,
      varianceValue: test.varianceExact,
      ...baselines,
    };
  });

  const pairs = pairsOfKinds(
    [...rows, ...moreData],
    (a, b) => a.rung === b.rung && a.size === b.size && a.examples === b.examples,
  );
  const advantages = pairs.map(({ discriminative, generative }): Advantage => {
    const gap = (metric: "r2" | "rankingAccuracy") =>
      scoresOf(
        pairedDifferences(
          generative.scores[metric].scores,
          discriminative.scores[metric].scores,
        ),
      );
    const { complexity, examples, parameters, rung, size } = generative;
    return {
      rung,
      complexity,
      size,
      parameters,
      examples,
      r2: gap("r2"),
      rankingAccuracy: gap("rankingAccuracy"),
    };
  });

  const search = searchRows(
    inRole("search", cells),
    ({ rung, critic, learningRate }) => `${rung}/${critic}/${learningRate}`,
    ({ test }) => 1 - test.penalizedMse / test.varianceExact,
    ({ critic, learningRate, rung, size }, r2): SearchRow => ({
      rung,
      critic,
      size: sizeName(size),
      learningRate,
      r2,
      chosen: learningRate === rungOf(rung).learningRates[critic],
    }),
  );
  return { rungs, seeds: config.seeds.length, rows, moreData, advantages, search };
}

/** Null if right chains are too few for some seed. */
function r2AfterRightChains(metrics: readonly LadderMetrics[]): Scores | null {
  const scores = metrics.flatMap(({ afterRightChains: { n, r2 } }) =>
    n >= FEWEST_CHAINS && r2 !== null ? [r2] : []
  );
  return scores.length < metrics.length ? null : scoresOf(scores);
}

/** What can be said of a rung's problems without drawing one. */
function problemOf(
  { environment }: Rung,
): Pick<RungSummary, "order" | "symbols" | "steps" | "promptLength" | "traceLength"> {
  const { name, config } = environment;
  const { prompt, trace } = environmentOf(environment).maxLengths();
  const lengths = { promptLength: prompt, traceLength: trace };
  switch (name) {
    case "permutation": {
      const { group } = createEnvironment(name, config);
      const symbols = group.generators.length;
      return { order: group.order, symbols, steps: config.maxMoves, ...lengths };
    }
    case "local-check":
      return { order: null, symbols: config.symbols, steps: config.maxMoves, ...lengths };
    case "circuit":
      return { order: null, symbols: null, steps: config.maxGates, ...lengths };
    case "sat":
      return { order: null, symbols: null, steps: config.maxVariables, ...lengths };
  }
}

/** One line a rung, critic and size, for the terminal. */
export function ladderTable({ rows, moreData }: LadderSummary): TableRow[] {
  return [...rows, ...moreData].map(({ rung, complexity, title, size, examples, scores }) => ({
    rung,
    class: complexity,
    critic: title,
    size,
    examples,
    r2: scores.r2.mean.estimate,
    "95% low": scores.r2.mean.low,
    "95% high": scores.r2.mean.high,
    "ranking accuracy": scores.rankingAccuracy.mean.estimate,
    "parse rate": scores.parseRate.mean.estimate,
    "right chains": scores.traceAccuracy?.mean.estimate ?? null,
  }));
}
