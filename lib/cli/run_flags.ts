/** What the commands that compute runs and those that look at them are told alike: which run, which cells. */
import { z } from "zod";
import { registry } from "../../experiments/registry.ts";
import {
  type BackendIdentity,
  type BackendName,
  BACKENDS,
  identifyBackend,
} from "../backend/create.ts";
import { UsageError } from "../errors.ts";
import { type AnyExperiment, PROFILES, type Registry } from "../run/experiment.ts";
import { type ResolvedRun, resolveRuns } from "../run/plan.ts";
import { type RunStatus, runStatus } from "../run/run_status.ts";
import { suggest } from "../suggest.ts";

/** The folder that notebooks and the page of reports look in. */
export const RUNS = "runs";

/** What a test of these commands replaces. */
export interface RunParts {
  readonly registry: Registry;
  /** Kernels and adapter of a backend. */
  identify(backend: BackendName): Promise<Omit<BackendIdentity, "name">>;
}

/** The kit's own experiments and backends. */
export const RUN_PARTS: RunParts = { registry, identify: identifyBackend };

/** Flags that name runs and their cells. */
export const runFlags = {
  experiment: z.array(z.string()).default([]).describe("only these experiments"),
  profile: z.enum(PROFILES).default("quick").describe("how much is computed"),
  backend: z.enum(BACKENDS).default("wasm")
    .describe("what computes: pins are equal on wasm, met within a tolerance on webgpu"),
  seeds: z.array(z.int().min(0).max(2 ** 32 - 1)).optional()
    .describe("these seeds in place of the profile's; others than those are not pinned"),
  cells: z.array(z.string()).optional().describe(
    "only cells with this in their ids; with a *, for any characters, it stands for the whole id: " +
      "'cot/*/seed1'; =ID is that very cell",
  ),
  out: z.string().default(RUNS).describe("folder for the runs, from the checkout or from /"),
};

/** The experiments of these names, all where none is named. A UsageError for an unknown one, before anything is computed. */
export function loadExperiments(
  given: readonly string[],
  known: Registry,
): Promise<AnyExperiment[]> {
  const choices = Object.keys(known), names = given.length > 0 ? given : choices;
  return Promise.all(names.map(async (name) => {
    const load = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!load) {
      throw new UsageError(
        "--experiment",
        name,
        suggest(name, choices) || `choose from ${choices.join(", ") || "none: there is none yet"}`,
      );
    }
    return (await load()).default;
  }));
}

/** How far each of the chosen runs is. */
export async function chosenStatuses(
  chosen: z.output<z.ZodObject<typeof runFlags>>,
  { registry, identify }: RunParts,
): Promise<{ readonly run: ResolvedRun; readonly status: RunStatus }[]> {
  const experiments = await loadExperiments(chosen.experiment, registry);
  const engine = await identify(chosen.backend);
  // Nothing is computed: the number of threads does not matter.
  return resolveRuns(experiments, { ...chosen, threads: 1 })
    .map((run) => ({ run, status: runStatus(run, engine) }));
}
