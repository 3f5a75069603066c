/** Scores by rung, what is known of each rung, and the CoT critic's advantage: everything that figures and claims read. */
import { criticDefinition } from "../../lib/critic/registry.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { BootstrapOptions, Interval } from "../../lib/eval/bootstrap.ts";
import type { CellResult, TableRow } from "../../lib/run/experiment.ts";
import { sizeName } from "../shared/config.ts";
import type { TestReport } from "../shared/test_report.ts";
import { type Scores, scoresOf, type TestScores, testScores } from "../shared/scores.ts";
import { difference } from "../shared/verdicts.ts";
import type { AfterRightChains, Baselines, LadderCell } from "./cell.ts";
import { ladderCells } from "./cells.ts";
import type { LadderConfig } from "./config.ts";
import { type ComplexityClass, environmentOf, type Rung } from "./rungs.ts";

/** The two critics that the claims compare. */
export const DISCRIMINATIVE = "discriminative-mse";
export const GENERATIVE = "cot";

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
export interface LadderRow {
  readonly rung: string;
  readonly complexity: ComplexityClass;
  readonly critic: string;
  readonly title: string;
  readonly size: string;
  readonly parameters: number;
  readonly trainingFlops: number;
  /** States seen in training. */
  readonly examples: number;
  readonly scores: TestScores;
  /** Where the chain of thought is right in every token; null if that is so in fewer than 50 states for some seed. */
  readonly r2AfterRightChains: Scores | null;
}

/** Score of the CoT critic less that of the discriminative one, at one size on one rung. */
export interface Advantage {
  readonly rung: string;
  readonly size: string;
  readonly r2: Interval;
  readonly rankingAccuracy: Interval;
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

/** See the file's header. */
export interface LadderSummary {
  readonly rungs: readonly RungSummary[];
  readonly seeds: number;
  readonly rows: readonly LadderRow[];
  /** Some of them with more data. */
  readonly moreData: readonly LadderRow[];
  readonly advantages: readonly Advantage[];
  readonly search: readonly SearchRow[];
  readonly bootstrap: { readonly seed: number; readonly replicates: number };
}

/** Summarizes finished cells. */
export function summarizeLadder(
  config: LadderConfig,
  results: ReadonlyMap<string, CellResult>,
): LadderSummary {
  const bootstrap = { seed: config.bootstrapSeed, replicates: config.bootstrapReplicates };
  const cells = ladderCells(config);
  const reportOf = (id: string) => results.get(id)!.metrics.test as unknown as TestReport;
  const rungOf = (name: string) => config.rungs.find((rung) => rung.name === name)!;

  const rowsOf = (role: LadderCell["role"]) => {
    const groups = Map.groupBy(
      cells.filter((cell) => cell.config.role === role),
      ({ config: { rung, critic, size } }) => `${rung}/${critic}/${sizeName(size)}`,
    );
    return [...groups.values()].map((group): LadderRow => {
      const { batchSize, critic, rung, size, steps } = group[0]!.config;
      const { parameters, trainingFlops } = results.get(group[0]!.id)!.metrics;
      return {
        rung,
        complexity: rungOf(rung).complexity,
        critic,
        title: criticDefinition(critic).title,
        size: sizeName(size),
        parameters: parameters as number,
        trainingFlops: trainingFlops as number,
        examples: steps * batchSize,
        scores: testScores(group.map(({ id }) => reportOf(id)), bootstrap),
        r2AfterRightChains: afterRight(group.map(({ id }) => results.get(id)!), bootstrap),
      };
    });
  };
  const rows = rowsOf("report");

  const rungs = config.rungs.map((rung): RungSummary => {
    const { id } = cells.find(({ config: c }) => c.rung === rung.name && c.role === "report")!;
    const { meanExact, varianceExact } = reportOf(id);
    return {
      name: rung.name,
      complexity: rung.complexity,
      ...problemOf(rung),
      meanValue: meanExact,
      varianceValue: varianceExact,
      ...results.get(id)!.metrics.baselines as unknown as Baselines,
    };
  });

  const of = (critic: string) => rows.filter((row) => row.critic === critic);
  const advantages = of(GENERATIVE).flatMap((ours): Advantage[] => {
    const theirs = of(DISCRIMINATIVE).find((r) => r.rung === ours.rung && r.size === ours.size);
    if (!theirs) return [];
    const gap = (metric: "r2" | "rankingAccuracy") =>
      difference(ours.scores[metric].scores, theirs.scores[metric].scores, bootstrap);
    return [{
      rung: ours.rung,
      size: ours.size,
      r2: gap("r2"),
      rankingAccuracy: gap("rankingAccuracy"),
    }];
  });

  const searched = Map.groupBy(
    cells.filter((cell) => cell.config.role === "search"),
    ({ config: c }) => `${c.rung}/${c.critic}/${c.learningRate}`,
  );
  const search = [...searched.values()].map((group): SearchRow => {
    const { critic, learningRate, rung, size } = group[0]!.config;
    const scores = group.map(({ id }) => reportOf(id))
      .map(({ penalizedMse, varianceExact }) => 1 - penalizedMse / varianceExact);
    return {
      rung,
      critic,
      size: sizeName(size),
      learningRate,
      r2: scores.reduce((sum, x) => sum + x, 0) / scores.length,
      chosen: learningRate === rungOf(rung).learningRates[critic],
    };
  });

  return {
    rungs,
    seeds: config.seeds.length,
    rows,
    moreData: rowsOf("more data"),
    advantages,
    search,
    bootstrap,
  };
}

function afterRight(
  results: readonly CellResult[],
  bootstrap: BootstrapOptions,
): Scores | null {
  const chains = results.map(({ metrics }) =>
    metrics.afterRightChains as unknown as AfterRightChains
  );
  const scores = chains.flatMap(({ n, r2 }) => n >= FEWEST_CHAINS && r2 !== null ? [r2] : []);
  return scores.length < chains.length ? null : scoresOf(scores, bootstrap);
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
    r2: scores.r2.iqm.estimate,
    "95% low": scores.r2.iqm.low,
    "95% high": scores.r2.iqm.high,
    "ranking accuracy": scores.rankingAccuracy.iqm.estimate,
    "parse rate": scores.parseRate.iqm.estimate,
    "right chains": scores.traceAccuracy?.iqm.estimate ?? null,
  }));
}
