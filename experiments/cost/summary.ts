import { mean } from "../../lib/numeric/sums.ts";
import { meanParts, type Parts, totalParts } from "../../lib/rl/work.ts";
import type { FinishedCell, Json, TableRow } from "../../lib/run/experiment.ts";
import { type Scores, scoresOf } from "../shared/scores.ts";
import type { CostMetrics } from "./cell.ts";
import type { CostCell } from "./cells.ts";
import type { CostConfig } from "./config.ts";
import { type Crossover, crossovers } from "./crossover.ts";
import { type CostMethod, costMethods } from "./methods.ts";

/** A method at one response length; means over seeds, ratios by seed. */
export interface CostRow extends CostMethod {
  /** Tokens of a response. */
  readonly length: number;
  readonly tokens: Parts;
  readonly flops: Parts;
  readonly questions: number;
  /** FLOPs of an iteration over those of PPO whose critic judges a response in one pass. */
  readonly timesPpo: Scores;
  /** The same with a critic that is not trained during RL. */
  readonly frozenTimesPpo: Scores;
  readonly timesGrpo: Scores;
  readonly timesVinePpo: Scores;
  /** Tokens that the critic writes to answer, for each token that the actor writes. */
  readonly criticTokens: number;
}

/** Work of an iteration by response length and method. */
export interface CostSummary {
  readonly seeds: number;
  /** Responses in an iteration. */
  readonly episodes: number;
  readonly rows: readonly CostRow[];
  readonly crossovers: readonly Crossover[];
}

/** Summarizes finished cells. */
export function summarizeCost(
  config: CostConfig,
  cells: readonly FinishedCell<CostCell, CostMetrics>[],
): CostSummary {
  const rows = config.gates.flatMap((length) => {
    const own = cells.filter(({ cell }) => cell.config.gates === length)
      .map(({ result }) => result.metrics.work);
    const times = (flops: readonly Parts[], other: string) =>
      scoresOf(flops.map((parts, i) => totalParts(parts) / totalParts(own[i]![other]!.flops)));
    return costMethods(config.segments, length).map((method): CostRow => {
      const runs = own.map((work) => work[method.id]!);
      const all = runs.map(({ flops }) => flops);
      const frozen = all.map((parts) => ({ ...parts, criticTraining: 0 }));
      const tokens = meanParts(runs.map(({ tokens }) => tokens));
      return {
        ...method,
        length,
        tokens,
        flops: meanParts(all),
        questions: mean(runs.map(({ questions }) => questions)),
        timesPpo: times(all, "ppo-one-pass"),
        frozenTimesPpo: times(frozen, "ppo-one-pass"),
        timesGrpo: times(all, "grpo"),
        timesVinePpo: times(all, "vineppo"),
        criticTokens: tokens.criticInference / tokens.rollout,
      };
    });
  });
  const { problems, responses } = config.training, seeds = config.seeds.length;
  return { seeds, episodes: problems * responses, rows, crossovers: crossovers(rows) };
}

/** A title for legends and tables. */
export function methodTitle({ method, segments }: CostMethod): string {
  const titles = {
    grpo: "GRPO",
    ppo: "PPO, a pass per token",
    "ppo-one-pass": "PPO, one pass",
    vineppo: "VinePPO",
    genac: "GenAC",
  };
  return segments === null ? titles[method] : `${titles[method]}, ${segmentsText(segments)}`;
}

/** "1 segment", "2 segments". */
export function segmentsText(count: number): string {
  return `${count} ${count === 1 ? "segment" : "segments"}`;
}

/** Wall time of an iteration by part, of the run at hand: neither pinned nor part of the summary. */
export function secondsOf(
  cells: readonly { config: { gates: number }; unpinned: Readonly<Record<string, Json>> }[],
  { id, length }: CostRow,
): Parts {
  const own = cells.filter(({ config }) => config.gates === length)
    .map(({ unpinned }) => (unpinned.seconds as Record<string, Parts>)[id]!);
  return meanParts(own);
}

/** One line a response length and method, for the terminal. */
export function costTable({ rows }: CostSummary): TableRow[] {
  return rows.map((row) => ({
    tokens: row.length,
    method: methodTitle(row),
    GFLOP: totalParts(row.flops) / 1e9,
    "times PPO": row.timesPpo.mean.estimate,
    "times GRPO": row.timesGrpo.mean.estimate,
    "critic's tokens per token": row.criticTokens,
  }));
}
