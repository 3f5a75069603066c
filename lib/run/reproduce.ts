/**
 * Reproduces one experiment: runs its cells, or what is left of them, summarizes, evaluates the
 * claims, compares everything with the pins, and stores the run. Where cells are left out, only what
 * each cell says for itself is compared and stored; a later call takes them up.
 */
import { relative } from "node:path";
import type { BackendName } from "../backend/create.ts";
import { UsageError } from "../errors.ts";
import { evaluateClaims } from "./claims.ts";
import { differences, type Failure } from "./compare.ts";
import { configHash, resolveConfig } from "./config.ts";
import { engineVersion } from "./engine_version.ts";
import type { AnyExperiment, Cell, Json, ProfileName } from "./experiment.ts";
import { checkWritable } from "./files.ts";
import {
  comparePins,
  comparePinsWithin,
  type PinCheck,
  pinsOf,
  pinsPath,
  readPins,
  writePins,
} from "./pins.ts";
import { runCells } from "./pool.ts";
import { type ProgressListener, ProgressTracker } from "./progress.ts";
import { gatherProvenance } from "./provenance.ts";
import { ROOT } from "../root.ts";
import {
  type PartialRun,
  reproduceCommand,
  type Run,
  runDirectory,
  type StoredCell,
} from "./run.ts";
import { noSuchCell, selectCells } from "./select.ts";
import { RunStore } from "./store.ts";

export interface ReproduceOptions {
  readonly profile: ProfileName;
  /** Threads for all cells together, >= 1. */
  readonly threads: number;
  /** SHA-256 of the kernel bundle. */
  readonly kernels: string;
  /** What computes; default: WASM, whose results the pins are. */
  readonly backend?: BackendName;
  /** The graphics adapter, on any other backend. */
  readonly adapter?: string | null;
  /** Seeds in place of the profile's own. */
  readonly seeds?: readonly number[] | undefined;
  /** Run only the cells that these patterns match (see selectCells). */
  readonly cells?: readonly string[] | undefined;
  /** The folder of all runs, relative to the checkout. */
  readonly out?: string;
  /** Drop what is stored of this run first. */
  readonly fresh?: boolean;
  /** Rewrite the pins instead of failing on them. */
  readonly updatePins?: boolean;
  readonly progress?: ProgressListener;
}

/** What became of an experiment. */
export interface Outcome {
  readonly experiment: string;
  readonly directory: string;
  /** Absent where cells were left out or failed. */
  readonly run?: Run;
  /** What stands of the run, where cells were left out. */
  readonly partial?: PartialRun;
  /** Everything that is not as it should be; empty means reproduced. */
  readonly failures: readonly Failure[];
  /** What `updatePins` changed: the old values as expected, the new ones as got. */
  readonly pinChanges: readonly Failure[];
  /** Stored content that was found damaged, and what is computed again for it. No failure: what stands now is sound. */
  readonly damaged: readonly Failure[];
}

/** See the file header. Throws a UsageError for what the user can mend. */
export async function reproduceExperiment(
  experiment: AnyExperiment,
  options: ReproduceOptions,
): Promise<Outcome> {
  const began = performance.now();
  const plan = makePlan(experiment, options);
  using store = new RunStore(plan.directory, plan.code, options.fresh);
  const { stored, takenUp, failures } = await computeCells(plan, store);
  const outcome = {
    experiment: experiment.name,
    directory: plan.directory,
    failures,
    pinChanges: [],
    damaged: store.damaged.map(({ where, expected, got }) => ({ where, expected, got })),
  };
  if (failures.length > 0) return outcome;
  const missing = plan.cells.filter(({ id }) => !stored.has(id)).map(({ id }) => id);
  const provenance = await describeOrigin(plan, {
    wallSeconds: (performance.now() - began) / 1000,
    cellsTakenUp: takenUp,
    // A whole run is what the whole command gives, whatever its last part was.
    cells: missing.length > 0 ? options.cells : undefined,
  });
  if (missing.length > 0) {
    const results = collect(plan, stored);
    const partial = { ...results, missing, pins: comparePart(plan, results), provenance };
    store.finishPart(partial);
    return { ...outcome, partial, failures: partial.pins.failures };
  }
  const results = conclude(plan, stored);
  const { pins, pinChanges } = settlePins(plan, results);
  const run: Run = { ...results, pins, provenance };
  store.finish(run);
  return { ...outcome, run, failures: pins.failures, pinChanges };
}

/** Throws the UsageErrors that `reproduceExperiment` would before it computes; writes nothing. */
export function checkReproducible(experiment: AnyExperiment, options: ReproduceOptions): void {
  makePlan(experiment, options);
}

/** The estimated work of an experiment's cells, or of the chosen ones, in FLOPs. Throws a UsageError as `reproduceExperiment` does. */
export function experimentCost(
  experiment: AnyExperiment,
  { profile, seeds, cells }: Pick<ReproduceOptions, "profile" | "seeds" | "cells">,
): number {
  const all = experiment.cells(resolveConfig(experiment, profile, seeds).config);
  return (cells ? selectCells(all, cells) : all).reduce((sum, { cost }) => sum + cost, 0);
}

type Plan = ReturnType<typeof makePlan>;

/** All that can be refused is refused here, before anything is written. */
function makePlan(experiment: AnyExperiment, options: ReproduceOptions) {
  const { profile, seeds, out = "runs", kernels, threads, updatePins = false } = options;
  const { backend = "wasm", adapter } = options;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new UsageError("threads", threads, "give a whole number, 1 or more");
  }
  const { config, hash, overridden } = resolveConfig(experiment, profile, seeds);
  if (updatePins && overridden) {
    throw new UsageError("--update-pins", "with --seeds", "pins hold the profile's own seeds");
  }
  if (updatePins && options.cells) {
    throw new UsageError("--update-pins", "with --cells", "pins hold whole runs");
  }
  if (updatePins && backend !== "wasm") {
    throw new UsageError("--update-pins", `with --backend ${backend}`, "pins are WASM's results");
  }
  const cells = experiment.cells(config);
  checkCells(experiment.name, cells);
  const selected = options.cells ? selectCells(cells, options.cells) : cells;
  if (selected.length === 0) throw noSuchCell(options.cells!.join(","), cells);
  checkMemory(experiment.name, selected, threads);
  const pinsFile = pinsPath(experiment, profile);
  if (updatePins) checkWritable(pinsFile);
  return {
    experiment,
    options,
    config,
    hash,
    overridden,
    cells,
    selected,
    pinsFile,
    pins: readPins(pinsFile),
    backend,
    directory: runDirectory(out, experiment.name, profile, hash, backend),
    code: {
      experiment: experiment.name,
      kernels,
      engine: engineVersion(experiment.module),
      ...(adapter ? { adapter } : {}),
    },
  };
}

function checkCells(experiment: string, cells: readonly Cell[]): void {
  if (cells.length === 0) throw new TypeError(`${experiment}: no cells`);
  const ids = new Set<string>();
  for (const { id, cost } of cells) {
    if (ids.has(id)) throw new TypeError(`${experiment}: two cells are called ${id}`);
    if (!(cost > 0)) throw new TypeError(`${experiment}: ${id}: cost ${cost} is not positive`);
    ids.add(id);
  }
}

function checkMemory(experiment: string, cells: readonly Cell[], threads: number): void {
  const largest = cells.map((cell) => cell.memory ?? 0).sort((a, b) => b - a).slice(0, threads);
  const needed = largest.reduce((sum, bytes) => sum + bytes, 0);
  const { available } = Deno.systemMemoryInfo();
  if (needed <= available) return;
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  throw new UsageError(
    "memory",
    `${gib(available)} available`,
    `${experiment} needs ${gib(needed)} with --threads ${threads}: ` +
      "use fewer threads, a smaller profile or a larger machine",
  );
}

/** Runs the selected cells of which no interrupted or damaged run left a sound result; `stored` has all others, too. */
async function computeCells(plan: Plan, store: RunStore) {
  const { experiment, cells, selected, options, backend } = plan;
  const stored = new Map<string, StoredCell>();
  for (const cell of cells) {
    const found = store.load(cell);
    if (found) stored.set(cell.id, found);
  }
  const isStored = (cell: Cell) => stored.has(cell.id);
  const cellsTakenUp = stored.size, takenUp = selected.filter(isStored);
  const title = `${experiment.name} ${options.profile}`;
  const missing = selected.filter((cell) => !isStored(cell));
  missing.forEach((cell) => store.checkCheckpoint(cell));
  const note = noteOf(store, takenUp.length, store.countOthers(cells));
  const listener = options.progress ?? (() => {});
  const tracker = new ProgressTracker(title, selected, takenUp, listener, note);
  const failed = await runCells(missing, {
    module: experiment.module,
    threads: options.threads,
    backend,
    checkpointDirectory: (cell) => store.checkpointDirectory(cell),
    onProgress: (...report) => tracker.progressed(...report),
    onFinish(cell, result, spent) {
      stored.set(cell.id, store.save(cell, result, spent));
      tracker.finished(cell);
    },
  });
  const failures: Failure[] = failed.map(({ cell, message }) => ({
    where: `${experiment.name}: cell ${cell.id}`,
    expected: "a result",
    got: message,
  }));
  return { stored, takenUp: cellsTakenUp, failures };
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

/** The cells' results, in the cells' order. */
function collect(
  { experiment, options, config, hash, cells, code }: Plan,
  stored: ReadonlyMap<string, StoredCell>,
) {
  const found = cells.flatMap(({ id }) => stored.get(id) ?? []);
  return {
    experiment: experiment.name,
    title: experiment.title,
    profile: options.profile,
    config,
    configHash: hash,
    seeds: [...new Set(found.map((cell) => cell.seed))],
    kernels: code.kernels,
    cells: found,
  };
}

/** All cells' results and what follows from them. */
function conclude(plan: Plan, stored: ReadonlyMap<string, StoredCell>) {
  const { experiment, config } = plan;
  const finished = plan.cells.map((cell) => {
    const { metrics, digests } = stored.get(cell.id)!;
    return { cell, result: { metrics, digests } };
  });
  const summary = asStored(experiment.summarize(config, finished));
  return {
    ...collect(plan, stored),
    summary,
    claims: evaluateClaims(experiment.claims, summary),
  };
}

/** As it will be read back, so that a fresh and a stored summary are one and the same. */
function asStored<T>(value: T): T {
  configHash(value); // throws where JSON would drop something
  return JSON.parse(JSON.stringify(value));
}

function describeOrigin(
  { experiment, options, code, backend }: Plan,
  { cells, ...session }: {
    wallSeconds: number;
    cellsTakenUp: number;
    cells: readonly string[] | undefined;
  },
) {
  return gatherProvenance({
    backend,
    ...(code.adapter ? { adapter: code.adapter } : {}),
    kernels: code.kernels,
    threads: options.threads,
    ...session,
    command: reproduceCommand(experiment.name, options.profile, { ...options, cells }),
  });
}

/** Compares some cells with the pins, which say nothing of what would follow from them. */
function comparePart(
  { experiment, pins, pinsFile, backend }: Plan,
  results: ReturnType<typeof collect>,
): PinCheck {
  const name = relative(ROOT, pinsFile);
  const now = pinsOf({ ...results, summary: null, claims: [] });
  return backend === "wasm"
    ? comparePins(name, pins, now, true)
    : comparePinsWithin(name, pins, now, experiment.compared ?? { names: [] });
}

/** Compares with the pins, or rewrites them where the user said so. */
function settlePins(
  { experiment, options, pins, pinsFile, overridden, backend }: Plan,
  results: ReturnType<typeof conclude>,
): { pins: PinCheck; pinChanges: Failure[] } {
  const name = relative(ROOT, pinsFile);
  const now = pinsOf(results);
  if (backend !== "wasm") {
    return {
      pins: comparePinsWithin(name, pins, now, experiment.compared ?? { names: [] }),
      pinChanges: [],
    };
  }
  if (!options.updatePins) {
    return { pins: comparePins(name, pins, now, overridden), pinChanges: [] };
  }
  writePins(pinsFile, now);
  const pinChanges = pins ? differences(name, pins as Json, now as Json) : [];
  return { pins: { state: "updated", notPinned: [], failures: [] }, pinChanges };
}
