import type { BackendName } from "../backend/create.ts";
import { UsageError } from "../errors.ts";
import { type ConfigOptions, resolveConfig, type ResolvedConfig } from "./config.ts";
import type { AnyExperiment, Cell, ProfileName } from "./experiment.ts";
import { checkWritable } from "./files.ts";
import { type Pins, pinsPath, readPins } from "./pins.ts";

/** What a run is asked for. */
export interface RunOptions extends ConfigOptions {
  readonly profile: ProfileName;
  /** Threads for all cells together, >= 1. */
  readonly threads: number;
  /** Run only the cells that these patterns match (see selectCells). */
  readonly cells?: readonly string[] | undefined;
  /** Drop what is stored of this run first. */
  readonly fresh?: boolean;
  /** Rewrite the pins instead of failing on them. */
  readonly updatePins?: boolean;
}

/** A run of one experiment before it is computed: resolved once, for all that choose, weigh, check and compute it. */
export interface RunPlan extends ResolvedConfig {
  readonly experiment: AnyExperiment;
  readonly options: RunOptions & { readonly backend: BackendName };
  /** All cells of the configuration. */
  readonly cells: readonly Cell[];
  /** Those to compute, at least one. */
  readonly selected: readonly Cell[];
  /** Estimated work of the selected cells in FLOPs. */
  readonly cost: number;
  readonly pinsFile: string;
  /** The pins there, if any. */
  readonly pins: Pins | undefined;
  /** URL of the module that computes a cell. */
  readonly cellModule: string;
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
  checkOptions(options);
  const resolved = experiments.map((experiment) => resolve(experiment, options));
  const cells = resolved.flatMap((one) => one.cells);
  for (const pattern of options.cells ?? []) {
    if (selectCells(cells, [pattern]).length === 0) throw noSuchCell(pattern, cells);
  }
  return resolved.filter(({ selected }) => selected.length > 0).map(complete);
}

type Resolved = ReturnType<typeof resolve>;

/** What the options leave to each experiment: its configuration and cells. */
function resolve(experiment: AnyExperiment, options: RunOptions) {
  const { profile, cells: patterns, backend = "wasm", updatePins } = options;
  const resolved = resolveConfig(experiment, profile, options);
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
  };
}

/** The plan of a run of which any cell was chosen. */
function complete(resolved: Resolved): RunPlan {
  const { experiment, selected } = resolved;
  const { profile, threads, updatePins } = resolved.options;
  checkMemory(experiment.name, selected, threads);
  const pinsFile = pinsPath(experiment, profile);
  if (updatePins) checkWritable(pinsFile);
  return {
    ...resolved,
    cost: selected.reduce((sum, { cost }) => sum + cost, 0),
    pinsFile,
    pins: readPins(pinsFile),
    cellModule: new URL("cell.ts", experiment.module).href,
  };
}

function checkOptions({ threads, updatePins, cells, backend = "wasm" }: RunOptions): void {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new UsageError("threads", threads, "give a whole number, 1 or more");
  }
  if (cells?.length === 0) throw new UsageError("--cells", "", "give patterns of cells' ids");
  if (updatePins && cells) {
    throw new UsageError("--update-pins", "with --cells", "pins hold whole runs");
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

/**
 * The cells whose id any of the patterns matches, in their order. In a pattern `*` stands for any characters and the
 * pattern for the whole id; a pattern without `*` matches where it occurs anywhere in the id.
 */
export function selectCells<C extends Pick<Cell, "id">>(
  cells: readonly C[],
  patterns: readonly string[],
): C[] {
  const tests = patterns.map(matcher);
  return cells.filter(({ id }) => tests.some((matches) => matches(id)));
}

function matcher(pattern: string): (id: string) => boolean {
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
