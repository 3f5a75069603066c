import { type BackendName, identifyBackend } from "../backend/create.ts";
import type { AnyExperiment, Experiment, JsonObject, ProfileName } from "./experiment.ts";
import { planRun } from "./plan.ts";
import type { ProgressListener } from "./progress.ts";
import { reproduce } from "./reproduce.ts";
import { hasRun, type LoadedRun, loadRun } from "./run.ts";
import { DamagedError } from "./sealed.ts";

/** How to compute a run that is missing. */
export interface OpenRunOptions {
  /** Threads for all cells together; default: the machine's cores. */
  readonly threads?: number;
  /** What computes; default: WASM. */
  readonly backend?: BackendName;
  /** The folder of all runs; default: `runs` in the checkout. */
  readonly out?: string;
  /** Take pinned results in place of computing them, where the run is missing: seconds for a profile of hours; no models. */
  readonly fromPins?: boolean;
  readonly progress?: ProgressListener;
}

/**
 * A report's way to its numbers: the finished run of `experiment` at `profile` where there is a sound one, else computed
 * now. Differences to the pins are in the run's `pins`, for the report to show.
 *
 * @throws UsageError where a cell failed or the run cannot be computed.
 *
 * @example Verdicts of a run, which is computed first where there is none (seconds, for this one)
 * ```ts
 * import assert from "node:assert/strict";
 * import { openRun } from "genac";
 * import cost from "genac/experiments/cost/mod.ts";
 *
 * const { claims, summary } = await openRun(cost, "smoke");
 * assert.ok(summary.rows.length > 0);
 * // Two seeds carry no verdict.
 * assert.equal(claims[0]!.verdict, "see standard");
 * ```
 */
export async function openRun<Config, CellConfig, Metrics extends JsonObject<Metrics>, Summary>(
  experiment: Experiment<Config, CellConfig, Metrics, Summary>,
  profile: ProfileName,
  options: OpenRunOptions = {},
): Promise<LoadedRun<Config, CellConfig, Metrics, Summary>> {
  const { backend = "wasm", fromPins, out = "runs", progress } = options;
  const { threads = navigator.hardwareConcurrency } = options;
  const load = () => loadRun(experiment, profile, { backend, out });
  if (hasRun(experiment, profile, { backend, out })) {
    try {
      return load();
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
    }
  }
  const plan = planRun(experiment as AnyExperiment, { profile, threads, backend, out, fromPins });
  await reproduce(plan, { ...await identifyBackend(backend), ...(progress ? { progress } : {}) });
  return load();
}
