/**
 * The search for learning rates: runs on tuning seeds, which are not reported, from which the rates of the reported runs
 * come. Configurations whose hash is pinned call it "sweep" or "tuning".
 */
import * as z from "zod";
import { UsageError } from "../../lib/errors.ts";
import { mean } from "../../lib/numeric/sums.ts";
import type { FinishedCell } from "../../lib/run/experiment.ts";
import { count } from "./config.ts";
import { groupsOf } from "./scores.ts";

/** Seeds of a search. */
export const tuningSeeds = z.array(count).min(1).describe("Tuning seeds, none of them reported.");

/** Learning rates of a search, relative to what is chosen. */
export const rateFactors = z.array(z.number().positive()).min(2)
  .describe("Learning rates tried, as multiples of the chosen one.");

/** The search around the chosen rates of some `runs`, in the form of an experiment's own. */
export function searchAround<Runs extends z.ZodType>(runs: Runs) {
  return z.strictObject({
    seeds: tuningSeeds,
    runs: runs.describe("Which critics are trained, and how."),
    factors: rateFactors,
  }).optional().describe("Learning-rate search around the chosen rates.");
}

/** Throws a UsageError that names `field` if a tuning seed is among the reported ones. */
export function separateSeeds(
  field: string,
  tuning: readonly number[],
  reported: readonly number[],
): void {
  const overlap = tuning.find((seed) => reported.includes(seed));
  if (overlap === undefined) return;
  throw new UsageError(field, overlap, "a tuning seed must not be among the reported seeds");
}

/**
 * The rows of a search: runs that are alike but for their seed are one, with the mean of their scores.
 *
 * @param cells The search's.
 * @param alike A name that such runs share.
 * @param row The row of a run's configuration and mean score.
 */
export function searchRows<CellConfig, Metrics, Row>(
  cells: readonly FinishedCell<CellConfig, Metrics>[],
  alike: (config: CellConfig) => string,
  score: (metrics: Metrics) => number,
  row: (config: CellConfig, score: number) => Row,
): Row[] {
  return groupsOf(cells, alike).map((group) =>
    row(group[0]!.cell.config, mean(group.map(({ result }) => score(result.metrics))))
  );
}
