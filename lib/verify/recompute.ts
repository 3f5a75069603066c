import { kernelBundle } from "../backend/wasm/bundle.ts";
import { jsonSha256 } from "../numeric/digest.ts";
import { evaluateClaims } from "../run/evaluate_claims.ts";
import type { AnyExperiment, AnyMetrics, Cell, ProfileName } from "../run/experiment.ts";
import type { Conclusions, RecomputedCell } from "./messages.ts";

/** The configuration of a profile and its cells. */
export function profileCells(
  experiment: AnyExperiment,
  profile: ProfileName,
): { config: unknown; cells: readonly Cell[] } {
  const config = experiment.schema.parse(experiment.profiles[profile]);
  return { config, cells: experiment.cells(config) };
}

/** Trains a cell as the pins had it trained, on one thread. Throws a RangeError for a cell that the profile does not have. */
export async function recomputeCell(
  experiment: AnyExperiment,
  profile: ProfileName,
  id: string,
  progress: (done: number, total: number) => void,
): Promise<RecomputedCell> {
  const cell = profileCells(experiment, profile).cells.find((cell) => cell.id === id);
  if (!cell) throw new RangeError(`${experiment.name} has no cell ${id} in ${profile}`);
  const { metrics, digests } = await experiment.runCell(cell, {
    threads: 1,
    progress,
    checkpoint: { load: () => undefined, save: () => {} },
  });
  const { sha256: kernels } = await kernelBundle();
  return {
    configHash: jsonSha256(cell.config),
    kernels,
    // JSON by the type of its experiment.
    metrics: metrics as AnyMetrics,
    metricsHash: jsonSha256(metrics),
    digests,
  };
}

/** Summary and verdicts of a profile whose cells, by id, are all there. */
export function recomputeConclusions(
  experiment: AnyExperiment,
  profile: ProfileName,
  cells: Readonly<Record<string, Pick<RecomputedCell, "metrics" | "digests">>>,
): Conclusions {
  const { config, cells: planned } = profileCells(experiment, profile);
  const finished = planned.map((cell) => ({ cell, result: cells[cell.id]! }));
  const summary = JSON.parse(JSON.stringify(experiment.summarize(config, finished)));
  const claims = evaluateClaims(experiment.claims, summary, config);
  return {
    configHash: jsonSha256(config),
    summary: jsonSha256(summary),
    verdicts: Object.fromEntries(claims.map(({ id, verdict }) => [id, verdict])),
  };
}
