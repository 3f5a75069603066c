/**
 * Clustered bootstrap: how far statistics would move with other problems. States of one problem resemble one another, so
 * that resampling states would make intervals far too narrow; whole problems are resampled.
 *
 * Few problems make the intervals too narrow: the nominal 95% one of a mean covers the truth in 90% of cases with 10
 * problems and in 93% with 20, for normal means of problems. It speaks of these rollouts' critic and actor, not of others.
 */
import { RandomStream } from "../numeric/random.ts";
import { type BootstrapOptions, type Interval, quantile } from "./bootstrap.ts";

/**
 * Several statistics of one resample; null = undefined for it.
 *
 * @param drawn The numbers of the clusters drawn, 0..clusters - 1, as many as there are, some more than once. Must not be
 *   kept.
 */
export type ClusterStatistics = (drawn: Uint32Array) => readonly (number | null)[];

/**
 * Percentile intervals of several statistics at once, all over the same resamples: a difference of two critics is so taken
 * on the same problems.
 *
 * Replicate r reads the random stream (seed, purpose, row r); the default purpose is "eval/clustered-bootstrap".
 *
 * @param clusters How many there are, at least 1. A single one has no spread: the ends are null.
 * @returns One interval for each statistic; the estimates are those of every cluster once.
 * @throws RangeError for clusters, replicates or a level that are none, naming them.
 *
 * @example A ratio of sums over problems, each with the sums of its own states
 * ```ts
 * import assert from "node:assert/strict";
 * import { clusteredBootstrap } from "genac";
 *
 * const right = [3, 8, 5, 9], asked = [10, 10, 6, 12];
 * const total = (sums: number[], drawn: Uint32Array) => drawn.reduce((all, k) => all + sums[k]!, 0);
 * const [accuracy] = clusteredBootstrap(
 *   4,
 *   (drawn) => [total(right, drawn) / total(asked, drawn)],
 *   { seed: 1, replicates: 1000 },
 * );
 * assert.equal(accuracy!.estimate, 25 / 38);
 * assert.ok(accuracy!.low! < accuracy!.high!);
 * ```
 */
export function clusteredBootstrap(
  clusters: number,
  statistics: ClusterStatistics,
  options: BootstrapOptions,
): Interval[] {
  const { seed, purpose = "eval/clustered-bootstrap", replicates = 10_000, level = 0.95 } = options;
  for (const [name, value] of Object.entries({ clusters, replicates })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`${name}: ${value}: give a positive integer`);
    }
  }
  if (!(level > 0 && level < 1)) {
    throw new RangeError(`level: ${level}: give a number between 0 and 1, e.g. 0.95`);
  }
  const estimates = [...statistics(Uint32Array.from({ length: clusters }, (_, k) => k))];
  const values: number[][] = estimates.map(() => []);
  const drawn = new Uint32Array(clusters);
  for (let row = 0; clusters > 1 && row < replicates; row++) {
    const random = new RandomStream({ seed, purpose, row });
    for (let k = 0; k < clusters; k++) drawn[k] = random.integer(clusters);
    statistics(drawn).forEach((value, s) => value === null || values[s]!.push(value));
  }
  return estimates.map((estimate, s) => {
    const sorted = Float64Array.from(values[s]!).sort();
    const end = (q: number) => sorted.length > 0 ? quantile(sorted, q) : null;
    return {
      estimate,
      low: end((1 - level) / 2),
      high: end((1 + level) / 2),
      level,
      replicates: sorted.length,
    };
  });
}
