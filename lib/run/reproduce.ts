import { relative } from "node:path";
import type { FailedCheck } from "./compare.ts";
import { configHash } from "./config.ts";
import { engineVersion } from "./engine_version.ts";
import { checkPins, updatePins } from "./pin_check.ts";
import type { Pins } from "./pins.ts";
import type { RunPlan } from "./plan.ts";
import { runCells } from "./pool.ts";
import { type ProgressListener, ProgressTracker } from "./progress.ts";
import { evaluateClaims } from "./evaluate_claims.ts";
import { gatherProvenance } from "./provenance.ts";
import { type PartialRun, reproduceCommand, type Run, type StoredCell } from "./run.ts";
import { RunStore } from "./store.ts";

/** What computes a run, and the listener of its progress. */
export interface ReproduceOptions {
  /** SHA-256 of the kernel bundle. */
  readonly kernels: string;
  /** The graphics adapter, on any other backend than WASM. */
  readonly adapter?: string | null;
  readonly progress?: ProgressListener;
}

/** What became of an experiment. */
export interface ExperimentOutcome {
  readonly experiment: string;
  readonly directory: string;
  /** Absent where cells were left out or failed. */
  readonly run?: Run;
  /** What stands of the run, where cells were left out. */
  readonly partial?: PartialRun;
  /** Everything that is not as it should be; empty means reproduced. */
  readonly failures: readonly FailedCheck[];
  /** What `updatePins` changed: the old values as expected, the new ones as got. */
  readonly pinChanges: readonly FailedCheck[];
  /** Stored content that was found damaged, and what is computed again for it. No failure: what stands now is sound. */
  readonly damaged: readonly FailedCheck[];
}

/**
 * Reproduces one experiment: runs its cells, or what is left of them, summarizes, evaluates the claims, compares
 * everything with the pins, and stores the run. Where cells are left out, only what each cell says for itself is compared
 * and stored; a later call takes them up.
 *
 * @throws UsageError for what the user can mend: a full disk, too little memory, another process that computes there.
 */
export async function reproduce(
  plan: RunPlan,
  { kernels, adapter, progress = () => {} }: ReproduceOptions,
): Promise<ExperimentOutcome> {
  const began = performance.now();
  const { experiment, options, config, cells, directory } = plan;
  const code = {
    experiment: experiment.name,
    kernels,
    // Of now, not of when it was planned: other runs may have taken hours since.
    engine: engineVersion(plan.cellModule),
    ...(adapter ? { adapter } : {}),
  };
  using store = new RunStore(directory, code, options.fresh);
  const { stored, cellsTakenUp, failures } = await computeCells(plan, store, progress);
  const outcome = {
    experiment: experiment.name,
    directory,
    failures,
    pinChanges: [],
    damaged: store.damaged.map(({ where, expected, got }) => ({ where, expected, got })),
  };
  if (failures.length > 0) return outcome;

  const missing = cells.filter(({ id }) => !stored.has(id)).map(({ id }) => id);
  const isWhole = missing.length === 0;
  const found = cells.flatMap(({ id }) => stored.get(id) ?? []);
  const results = {
    experiment: experiment.name,
    title: experiment.title,
    profile: options.profile,
    config,
    configHash: plan.configHash,
    seeds: [...new Set(found.map(({ seed }) => seed))],
    kernels,
    cells: found,
  };
  const provenance = await gatherProvenance({
    backend: options.backend,
    ...(adapter ? { adapter } : {}),
    kernels,
    threads: options.threads,
    wallSeconds: (performance.now() - began) / 1000,
    cellsTakenUp,
    // A whole run is what the whole command gives, whatever its last part was.
    command: reproduceCommand(experiment.name, options.profile, {
      ...options,
      cells: isWhole ? undefined : options.cells,
    }),
  });
  if (!isWhole) {
    const pins = checkPins(plan, pinsOf({ ...results, summary: null, claims: [] }), true);
    const partial = { ...results, missing, pins, provenance };
    store.finishPart(partial);
    return { ...outcome, partial, failures: pins.failures };
  }
  const finished = cells.map((cell, i) => {
    const { metrics, digests } = found[i]!;
    return { cell, result: { metrics, digests } };
  });
  const summary = asStored(experiment.summarize(config, finished));
  const claims = evaluateClaims(experiment.claims, summary, config);
  const conclusions = { ...results, summary, claims };
  const got = pinsOf(conclusions);
  const { pins, pinChanges } = options.updatePins
    ? updatePins(plan, got)
    : { pins: checkPins(plan, got), pinChanges: [] };
  const run: Run = { ...conclusions, pins, provenance };
  store.finish(run);
  return { ...outcome, run, failures: pins.failures, pinChanges };
}

/** Runs the selected cells of which no interrupted or damaged run left a sound result; `stored` has all others, too. */
async function computeCells(plan: RunPlan, store: RunStore, progress: ProgressListener) {
  const { experiment, cells, selected, options } = plan;
  const stored = new Map<string, StoredCell>();
  for (const cell of cells) {
    const found = store.load(cell);
    if (found) stored.set(cell.id, found);
  }
  const cellsTakenUp = stored.size;
  const takenUp = selected.filter(({ id }) => stored.has(id));
  const missing = selected.filter(({ id }) => !stored.has(id));
  missing.forEach((cell) => store.checkCheckpoint(cell));
  const title = `${experiment.name} ${options.profile}`;
  const note = noteOf(store, takenUp.length, store.countOthers(cells));
  const tracker = new ProgressTracker(title, selected, takenUp, progress, note);
  const failed = await runCells(missing, {
    cellModule: plan.cellModule,
    threads: options.threads,
    backend: options.backend,
    checkpointDirectory: (cell) => store.checkpointDirectory(cell),
    onProgress: (...report) => tracker.progressed(...report),
    onFinish(cell, result, spent) {
      stored.set(cell.id, store.save(cell, result, spent));
      tracker.finished(cell);
    },
  });
  const failures: FailedCheck[] = failed.map(({ cell, message }) => ({
    where: `${experiment.name}: cell ${cell.id}`,
    expected: "a result",
    got: message,
  }));
  return { stored, cellsTakenUp, failures };
}

/** What to say of an interrupted or damaged run. */
function noteOf(
  { damaged, directory }: RunStore,
  takenUp: number,
  others: number,
): string | undefined {
  const names = damaged.slice(0, 3).map(({ where }) => relative(directory, where));
  const more = damaged.length - names.length;
  const list = names.join(", ") + (more > 0 ? ` and ${more} more` : "");
  const left = damaged.length > 0 ? "a damaged or interrupted" : "an interrupted";
  const parts = [
    ...(damaged.length > 0 ? [`DAMAGED: ${list}: only that is computed again`] : []),
    ...(takenUp > 0 ? [`${takenUp} cells taken up from ${left} run`] : []),
    ...(others > 0 ? [`${others} cells left aside: other code or kernels computed them`] : []),
  ];
  return parts.length > 0 ? parts.join(", ") : undefined;
}

/** As it will be read back, so that a fresh and a stored summary are one and the same. */
function asStored<T>(value: T): T {
  configHash(value); // throws where JSON would drop something
  return JSON.parse(JSON.stringify(value));
}

/** A run's results as they are pinned. */
function pinsOf(run: Omit<Run, "pins" | "provenance">): Pins {
  return {
    experiment: run.experiment,
    profile: run.profile,
    configHash: run.configHash,
    kernels: run.kernels,
    cells: Object.fromEntries(run.cells.map((cell) => [cell.id, {
      seed: cell.seed,
      configHash: configHash(cell.config),
      metrics: cell.metrics as Pins["cells"][string]["metrics"],
      digests: { ...cell.digests },
    }])),
    summary: run.summary as Pins["summary"],
    verdicts: Object.fromEntries(run.claims.map(({ id, verdict }) => [id, verdict])),
  };
}
