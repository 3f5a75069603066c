import { relative } from "node:path";
import { UsageError } from "../errors.ts";
import { ROOT } from "../root.ts";
import type { FailedCheck } from "./compare.ts";
import { configHash } from "./config.ts";
import { checkPins, updatePins } from "./pin_check.ts";
import { hasPin, type Pins } from "./pins.ts";
import type { RunPlan } from "./plan.ts";
import { runCells } from "./pool.ts";
import { type ProgressListener, ProgressTracker } from "./progress.ts";
import { evaluateClaims } from "./evaluate_claims.ts";
import type { Cell } from "./experiment.ts";
import { claimCell, type OwnHeartbeat } from "./heartbeats.ts";
import { gatherProvenance } from "./provenance.ts";
import { type PartialRun, reproduceCommand, type Run, type StoredCell } from "./run.ts";
import { type Adopted, isOneAndTheSame, openStore, type RunStore } from "./store.ts";

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
  /** What became of cells that were computed elsewhere, where they were to be taken over. */
  readonly adopted?: Adopted;
  /** How many stored cells were removed, where that was asked for. */
  readonly pruned?: number;
}

/**
 * Reproduces one experiment: runs its cells, or what is left of them, summarizes, evaluates the claims, compares
 * everything with the pins, and stores the run. Where cells are left out, only what each cell says for itself is compared
 * and stored; a later call takes them up.
 *
 * @throws UsageError for what the user can mend: a full disk, too little memory; with `fresh` and `prune` another process that
 *   computes there. Without, several processes share the work.
 */
export async function reproduce(
  plan: RunPlan,
  { kernels, adapter, progress = () => {} }: ReproduceOptions,
): Promise<ExperimentOutcome> {
  const began = performance.now();
  const { experiment, options, config, cells, directory } = plan;
  if (options.fromPins) checkPinnedKernels(plan, kernels);
  const store = openStore(plan, { kernels, ...adapter && { adapter } });
  if (options.fresh) store.clear();
  const adopted = options.adopt === undefined ? undefined : store.adopt(cells, options.adopt);
  const { stored, cellsTakenUp, failures } = await computeCells(plan, store, progress);
  const outcome = {
    experiment: experiment.name,
    directory,
    failures,
    pinChanges: [],
    damaged: store.damaged.map(({ where, expected, got }) => ({ where, expected, got })),
    ...(adopted ? { adopted } : {}),
  };
  if (failures.length > 0) return outcome;

  const missing = cells.filter(({ id }) => !stored.has(id)).map(({ id }) => id);
  const isWhole = missing.length === 0 && !options.cellsOnly;
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
  const cellsFromPins = found.filter(({ computedBy }) => computedBy === null).length;
  const provenance = await gatherProvenance({
    backend: options.backend,
    ...(adapter ? { adapter } : {}),
    kernels,
    threads: options.threads,
    wallSeconds: (performance.now() - began) / 1000,
    cellsTakenUp,
    ...(cellsFromPins > 0 ? { cellsFromPins } : {}),
    // A whole run is what the whole command gives, whatever its last part was.
    command: reproduceCommand(experiment.name, options.profile, {
      ...options,
      cells: isWhole ? undefined : options.cells,
    }),
  });
  if (!isWhole) {
    const pins = checkPins(plan, pinsOf({ ...results, summary: null, claims: [] }), {
      part: true,
    });
    const partial = { ...results, missing, pins, provenance };
    if (!options.cellsOnly) store.finishPart(partial);
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
    : { pins: checkPins(plan, got, { fromPins: cellsFromPins > 0 }), pinChanges: [] };
  const run: Run = { ...conclusions, pins, provenance };
  store.finish(run);
  const pruned = options.prune ? { pruned: store.prune(run) } : {};
  return { ...outcome, ...pruned, run, failures: pins.failures, pinChanges };
}

/**
 * Runs the selected cells of which there is no sound result yet; `stored` has all others, too. A finished run is computed
 * again, cell by cell; where a cell is damaged, or the code of some has changed since, those alone.
 */
async function computeCells(plan: RunPlan, store: RunStore, progress: ProgressListener) {
  const { experiment, cells, selected, options } = plan;
  const { cellsOnly = false, fromPins = false } = options;
  const last = cellsOnly || fromPins ? undefined : store.finished();
  const finished = new Map(last?.cells.map((cell) => [cell.key, cell]));
  const found = (cellsOnly ? selected : cells).map((cell) => ({ cell, result: store.load(cell) }));
  const isWhole = found.every(({ result }) => result && finished.has(result.key));
  /** Whether a result is one of the finished run, which is to be computed again. */
  const isOld = (result: StoredCell) => {
    const old = isWhole ? finished.get(result.key) : undefined;
    return old !== undefined && isOneAndTheSame(old, result);
  };

  const stored = new Map<string, StoredCell>();
  for (const { cell, result } of found) {
    if (result && !isOld(result)) stored.set(cell.id, result);
  }
  const cellsTakenUp = stored.size;
  if (fromPins) {
    for (const cell of cells) {
      if (!stored.has(cell.id) && hasPin(plan.pins!, cell)) {
        stored.set(cell.id, pinnedCell(plan.pins!, cell, store));
      }
    }
  }
  const takenUp = selected.filter(({ id }) => stored.has(id));
  const missing = selected.filter(({ id }) => !stored.has(id));
  missing.forEach((cell) => store.checkCheckpoint(cell));
  const title = `${experiment.name} ${options.profile}`;
  const note = noteOf(store, takenUp.length, store.countOthers(cells));
  const tracker = new ProgressTracker(title, selected, takenUp, progress, note);
  const running = new Map<Cell, OwnHeartbeat>();
  const stop = (cell: Cell) => {
    running.get(cell)?.stop();
    running.delete(cell);
  };
  try {
    const failed = await runCells(missing, {
      cellModule: plan.cellModule,
      threads: options.threads,
      backend: options.backend,
      checkpointDirectory: (cell) => store.checkpointDirectory(cell),
      take(cell, threads) {
        const result = store.load(cell);
        if (result && !isOld(result)) {
          stored.set(cell.id, result);
          tracker.finished(cell);
          return "done";
        }
        const heartbeat = claimCell(store.directory, cell.id, store.nameOf(cell), threads);
        if (!heartbeat) return "later";
        running.set(cell, heartbeat);
        return "now";
      },
      onProgress(cell, done, total, info) {
        running.get(cell)?.report(total > 0 ? done / total : 0, info);
        tracker.progressed(cell, done, total, info);
      },
      onFinish(cell, result, spent) {
        stored.set(cell.id, store.save(cell, result, spent));
        stop(cell);
        tracker.finished(cell);
      },
      onFailure(cell, message) {
        store.noteFailure(cell, message);
        stop(cell);
      },
    });
    const failures: FailedCheck[] = failed.map(({ cell, message }) => ({
      where: `${experiment.name}: cell ${cell.id}`,
      expected: "a result",
      got: message,
    }));
    return { stored, cellsTakenUp, failures };
  } finally {
    [...running.keys()].forEach(stop);
  }
}

/** Throws a UsageError where the pins are of other kernels: their results need not be this code's. */
function checkPinnedKernels({ pins, pinsFile }: RunPlan, kernels: string): void {
  if (pins!.kernels === kernels) return;
  const remedy = "other kernels computed these pins: compute the run without --from-pins";
  throw new UsageError("--from-pins", relative(ROOT, pinsFile), remedy);
}

/** A cell's pinned result in the form of a stored one. */
function pinnedCell({ cells }: Pins, cell: Cell, store: RunStore): StoredCell {
  const { id, seed, config, cost } = cell, { metrics, digests } = cells[id]!;
  return {
    ...{ id, seed, config, cost, metrics, digests },
    ...{ key: store.keyOf(cell), code: store.codeOf(cell) },
    ...{ unpinned: {}, files: {}, threads: 0, seconds: 0, computedBy: null, folder: "" },
  };
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
    ...(others > 0
      ? [`${others} cells left aside: other code or kernels computed them (--prune removes them)`]
      : []),
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
