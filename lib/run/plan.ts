import { relative } from "node:path";
import type { BackendName } from "../backend/create.ts";
import { UsageError } from "../errors.ts";
import { ROOT } from "../root.ts";
import { availableMemory } from "./available_memory.ts";
import { type ConfigOptions, resolveConfig, type ResolvedConfig } from "./config.ts";
import type { AnyExperiment, Cell, ProfileName } from "./experiment.ts";
import { checkWritable } from "./files.ts";
import { hasPin, type Pins, pinsPath, readPins } from "./pins.ts";

/** What a run is asked for. */
export interface RunOptions extends ConfigOptions {
  readonly profile: ProfileName;
  /** Threads for all cells together, >= 1. */
  readonly threads: number;
  /** Run only the cells that these patterns match (see selectCells). */
  readonly cells?: readonly string[] | undefined;
  /** Of the chosen cells only a part, one of `of` parts of about equal cost: part `index` from 1. */
  readonly shard?: Shard | undefined;
  /**
   * One of several processes that share the work: only the chosen cells are read, computed and stored; those that are
   * stored already are not computed again, and the run is left to a later call.
   */
  readonly cellsOnly?: boolean;
  /** A folder with cells that were computed elsewhere: those of this run are taken over first. */
  readonly adopt?: string | undefined;
  /** Drop what is stored of this run first. */
  readonly fresh?: boolean;
  /** Drop what the finished run does not have, in the end. */
  readonly prune?: boolean;
  /** Cells that are not stored but pinned are not computed: their pinned results are taken. */
  readonly fromPins?: boolean | undefined;
  /** Rewrite the pins instead of failing on them. */
  readonly updatePins?: boolean;
}

/** One of several parts of the cells. */
export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly of: number;
}

/** A run of one experiment with its cells. */
export interface ResolvedRun extends ResolvedConfig {
  readonly experiment: AnyExperiment;
  readonly options: RunOptions & { readonly backend: BackendName };
  /** All cells of the configuration. */
  readonly cells: readonly Cell[];
  /** The chosen ones, at least one; of a plan those that are to be computed: none of the pinned where these are taken. */
  readonly selected: readonly Cell[];
  /** URL of the module that computes a cell. */
  cellModule(cell: Cell): string;
}

/** A run before it is computed: resolved once, for all that choose, weigh, check and compute it. */
export interface RunPlan extends ResolvedRun {
  /** Estimated work of the selected cells in FLOPs. */
  readonly cost: number;
  readonly pinsFile: string;
  /** The pins there, if any. */
  readonly pins: Pins | undefined;
}

/**
 * Plans a run. All that can be refused is refused here; nothing is written.
 *
 * @throws UsageError for a configuration, cells, seeds or an amount of memory that cannot be, and for pins that can be
 *   neither read nor, with `updatePins`, written.
 */
export function planRun(experiment: AnyExperiment, options: RunOptions): RunPlan {
  return planRuns([experiment], options)[0]!;
}

/** Plans the runs of those experiments that have any of the chosen cells; as `planRun`, of all of them together. */
export function planRuns(
  experiments: readonly AnyExperiment[],
  options: RunOptions,
): RunPlan[] {
  return resolveRuns(experiments, options).map(complete);
}

/** The runs of those experiments that have any of the chosen cells, whether or not this machine could compute them. */
export function resolveRuns(
  experiments: readonly AnyExperiment[],
  options: RunOptions,
): ResolvedRun[] {
  checkOptions(options);
  const resolved = experiments.map((experiment) => resolve(experiment, options));
  const cells = resolved.flatMap((one) => one.cells);
  for (const pattern of options.cells ?? []) {
    if (selectCells(cells, [pattern]).length === 0) throw noSuchCell(pattern, cells);
  }
  const { shard } = options;
  const part = shard && new Set(shardOf(resolved.flatMap(({ selected }) => selected), shard));
  return resolved
    .map((one) => ({ ...one, selected: one.selected.filter((cell) => part?.has(cell) ?? true) }))
    .filter(({ selected }) => selected.length > 0);
}

/**
 * One part of the cells: each cell, the costliest first, goes to the part that has least to do so far, so that the parts'
 * costs are about equal; every process finds the same parts.
 *
 * @returns Possibly none, where there are more parts than cells.
 */
export function shardOf<C extends Pick<Cell, "id" | "cost">>(
  cells: readonly C[],
  { index, of }: Shard,
): C[] {
  // Parts beyond the number of cells get none.
  const costs = new Float64Array(Math.min(of, cells.length));
  return cells.toSorted((a, b) => b.cost - a.cost).filter(({ cost }) => {
    const least = costs.indexOf(costs.reduce((a, b) => Math.min(a, b), Infinity));
    costs[least]! += cost;
    return least === index - 1;
  });
}

/** What the options leave to each experiment: its configuration and cells. */
function resolve(experiment: AnyExperiment, options: RunOptions): ResolvedRun {
  const { profile, cells: patterns, backend = "wasm", fromPins, updatePins } = options;
  // What is taken from the pins needs nothing of this machine.
  const resolved = resolveConfig(experiment, profile, { ...options, asGiven: fromPins });
  if (updatePins && resolved.standIn !== undefined) {
    throw new UsageError("--update-pins", `with --profile ${profile}`, resolved.standIn);
  }
  if (updatePins && resolved.overridden) {
    throw new UsageError("--update-pins", "with --seeds", "pins hold the profile's own seeds");
  }
  const cells = experiment.cells(resolved.config);
  checkCells(experiment.name, cells);
  return {
    experiment,
    options: { ...options, backend },
    ...resolved,
    cells,
    selected: patterns ? selectCells(cells, patterns) : cells,
    cellModule: ({ module = "cell.ts" }) => new URL(module, experiment.module).href,
  };
}

/** The plan of a run of which any cell was chosen. */
function complete(resolved: ResolvedRun): RunPlan {
  const { experiment, pinned } = resolved;
  const { fromPins, threads, updatePins } = resolved.options;
  const pinsFile = pinsPath(experiment, pinned), pins = readPins(pinsFile);
  if (fromPins && !pins) {
    const remedy = "there are none: compute the run without --from-pins";
    throw new UsageError("--from-pins", relative(ROOT, pinsFile), remedy);
  }
  const selected = fromPins
    ? resolved.selected.filter((cell) => !hasPin(pins!, cell))
    : resolved.selected;
  checkMemory(experiment.name, selected, threads);
  if (updatePins) checkWritable(pinsFile);
  const cost = selected.reduce((sum, { cost }) => sum + cost, 0);
  return { ...resolved, selected, cost, pinsFile, pins };
}

function checkOptions(options: RunOptions): void {
  const { threads, updatePins, cells, shard, cellsOnly, fromPins, backend = "wasm" } = options;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new UsageError("threads", threads, "give a whole number, 1 or more");
  }
  if (cells?.length === 0) throw new UsageError("--cells", "", "give patterns of cells' ids");
  const isPart = ([["--cells", cells], ["--shard", shard], ["--cells-only", cellsOnly]] as const)
    .find(([, given]) => given)?.[0];
  if (updatePins && isPart) {
    throw new UsageError("--update-pins", `with ${isPart}`, "pins hold whole runs");
  }
  if (fromPins && isPart) {
    const remedy =
      "it gives a whole run: compute cells first, without it; what is stored goes first";
    throw new UsageError("--from-pins", `with ${isPart}`, remedy);
  }
  if (fromPins && backend !== "wasm") {
    throw new UsageError("--from-pins", `with --backend ${backend}`, "pins are WASM's results");
  }
  if (cellsOnly && options.fresh) {
    const remedy = "it would drop what other processes computed: run it once without --cells-only";
    throw new UsageError("--fresh", "with --cells-only", remedy);
  }
  if (cellsOnly && options.prune) {
    const remedy = "it goes by the finished run: run it once without --cells-only";
    throw new UsageError("--prune", "with --cells-only", remedy);
  }
  if (shard && !(shard.index >= 1 && shard.index <= shard.of)) {
    const remedy = `of ${shard.of} parts there are 1/${shard.of} to ${shard.of}/${shard.of}`;
    throw new UsageError("--shard", `${shard.index}/${shard.of}`, remedy);
  }
  if (updatePins && backend !== "wasm") {
    throw new UsageError("--update-pins", `with --backend ${backend}`, "pins are WASM's results");
  }
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

/**
 * Throws a UsageError where the largest cells, one a thread, would not fit into memory together.
 *
 * @param available Bytes; default: what this process may use.
 */
export function checkMemory(
  experiment: string,
  cells: readonly Pick<Cell, "memory">[],
  threads: number,
  available = availableMemory(),
): void {
  const largest = cells.map((cell) => cell.memory ?? 0).sort((a, b) => b - a).slice(0, threads);
  let needed = 0, fitting = 0;
  for (const bytes of largest) {
    needed += bytes;
    if (needed <= available) fitting++;
  }
  if (needed <= available) return;
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  throw new UsageError(
    "memory",
    `${gib(available)} available`,
    `${experiment} needs ${gib(needed)} with --threads ${threads}: use ` +
      (fitting > 0 ? `--threads ${fitting}` : "a smaller profile") + " or a larger machine",
  );
}

/**
 * The cells whose id any of the patterns matches, in their order. `=ID` matches that very id. In a pattern `*` stands for any
 * characters and the pattern for the whole id; a pattern without `*` matches where it occurs anywhere in the id.
 */
export function selectCells<C extends Pick<Cell, "id">>(
  cells: readonly C[],
  patterns: readonly string[],
): C[] {
  const tests = patterns.map(matcher);
  return cells.filter(({ id }) => tests.some((matches) => matches(id)));
}

function matcher(pattern: string): (id: string) => boolean {
  if (pattern.startsWith("=")) return (id) => id === pattern.slice(1);
  if (!pattern.includes("*")) return (id) => id.includes(pattern);
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const whole = new RegExp(`^${parts.join(".*")}$`);
  return (id) => whole.test(id);
}

/** The error for a pattern that matches none of `cells`. */
export function noSuchCell(pattern: string, cells: readonly Pick<Cell, "id">[]): UsageError {
  const some = cells.slice(0, 3).map(({ id }) => id).join(", ");
  return new UsageError("--cells", pattern, `no cell has such an id; ids are like ${some}`);
}
