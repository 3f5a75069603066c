/** A report's way to its numbers: the finished run where there is one, else computed now. */
import { type BackendName, identifyBackend } from "../backend/create.ts";
import type { AnyExperiment, Experiment, ProfileName } from "./experiment.ts";
import { reproduceExperiment } from "./reproduce.ts";
import type { ProgressListener } from "./progress.ts";
import { hasRun, type LoadedRun, loadRun } from "./run.ts";

/** How to compute a run that is missing. */
export interface OpenRunOptions {
  /** Threads for all cells together; default: the machine's cores. */
  readonly threads?: number;
  /** What computes; default: WASM. */
  readonly backend?: BackendName;
  readonly progress?: ProgressListener;
}

/**
 * The run of `experiment` at `profile`. Throws a UsageError where a cell failed; differences to the pins are in the
 * run's `pins`, for the report to show.
 */
export async function openRun<Config, CellConfig, Summary>(
  experiment: Experiment<Config, CellConfig, Summary>,
  profile: ProfileName,
  { threads = navigator.hardwareConcurrency, backend = "wasm", progress }: OpenRunOptions = {},
): Promise<LoadedRun<Config, CellConfig, Summary>> {
  if (!hasRun(experiment, profile, { backend })) {
    const { kernels, adapter } = await identifyBackend(backend);
    await reproduceExperiment(experiment as AnyExperiment, {
      profile,
      threads,
      backend,
      adapter,
      kernels,
      ...(progress ? { progress } : {}),
    });
  }
  return loadRun(experiment, profile, { backend });
}
