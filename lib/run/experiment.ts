import type { z } from "zod";
import type { BackendName } from "../backend/create.ts";
import type { Decision } from "../eval/decision.ts";

/** A value that JSON holds without loss. NaN and infinities are not among them: use null. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/**
 * T itself where JSON holds it without loss; `never` in place of what JSON would drop: undefined, functions, and with
 * them Maps, Dates and typed arrays.
 */
export type Jsonable<T> = T extends Json ? T
  : T extends (...args: never[]) => unknown ? never
  : T extends object ? { readonly [K in keyof T]: Jsonable<T[K]> }
  : never;

/** What metrics of type T must be: `Metrics extends JsonObject<Metrics>` is a type error where JSON would drop something. */
export type JsonObject<T> = object & { readonly [K in keyof T]: Jsonable<T[K]> };

/** Metrics of which no more is known than that they are JSON. */
export type AnyMetrics = Readonly<Record<string, Json>>;

/** How much is computed: smoke <= 30 s for CI, quick <= 3 min, standard = every size and seed. */
export const PROFILES = ["smoke", "quick", "standard"] as const;
/** The name of a profile. */
export type ProfileName = (typeof PROFILES)[number];

/** One independent training run. */
export interface Cell<CellConfig = unknown> {
  /** Unique in the experiment and readable, e.g. "cot/d32-L2/seed1". */
  readonly id: string;
  readonly seed: number;
  /** Everything the result depends on besides the seed, resolved, as JSON. */
  readonly config: CellConfig;
  /** Estimated work in FLOPs, > 0. Decides the order and the time left, never a result. */
  readonly cost: number;
  /** Estimated peak memory in bytes. Decides whether cells are begun and where, never a result. */
  readonly memory?: number;
  /**
   * The file beside the experiment's module whose `runCell` computes it; default: "cell.ts". Cells of one kind in a file of
   * their own stay stored while the code of another kind changes.
   */
  readonly module?: string;
}

/** What a running cell may use. */
export interface CellContext {
  /** Threads this cell may use, 1 to MAX_THREADS of `createBackend`. A result must not depend on it. */
  readonly threads: number;
  /** What computes; default: "wasm". Pinned results are WASM's. */
  readonly backend?: BackendName;
  /** Reports `done` of `total` units, whatever the unit, with a few words for the live line. */
  progress(done: number, total: number, info?: string): void;
  /**
   * One file that outlives the process. `save` replaces it atomically; `load` gives the last bytes
   * saved by an interrupted run of this very cell, or undefined. Stored as is: save safetensors.
   */
  readonly checkpoint: {
    load(): Uint8Array | undefined;
    save(bytes: Uint8Array): void;
    /** The least time between two saves, in seconds; default: the cell's own choice. */
    readonly seconds?: number;
  };
}

/** What a cell computes. `Metrics` is JSON: see `Jsonable`. */
export interface CellResult<Metrics = AnyMetrics> {
  /** Pinned: equal to the last bit on every machine. */
  readonly metrics: Metrics;
  /** Pinned SHA-256 digests of what is too large for a metric, e.g. `{ parameters }`. */
  readonly digests: Readonly<Record<string, string>>;
  /** Files to keep, by name, e.g. "model.safetensors", or in a folder, "actor/adapter_model.safetensors". */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** Timings and the like: kept, but neither pinned nor seen by `summarize`. */
  readonly unpinned?: Readonly<Record<string, Json>>;
}

/** A cell with its result, as `summarize` gets it. */
export interface FinishedCell<CellConfig = unknown, Metrics = AnyMetrics> {
  readonly cell: Cell<CellConfig>;
  readonly result: Pick<CellResult<Metrics>, "metrics" | "digests">;
}

/** What is said of a claim: a decision of lib/eval/decision.ts; "see standard" where a run has too few seeds for one. */
export type VerdictWord = Decision | "see standard";

/** A claim's outcome with the numbers behind it. */
export interface Verdict {
  readonly verdict: VerdictWord;
  /** One sentence with the numbers. */
  readonly reading: string;
  readonly evidence: Readonly<Record<string, Json>>;
}

/**
 * A claim as it is fixed before the runs that decide it. Confirmatory claims, a few for the whole kit, are what was set
 * out to be tested; exploratory ones say what else the runs show, and among many some hold by chance.
 */
export interface ClaimTerms {
  /** As in the claims table, e.g. "C1". */
  readonly id: string;
  /** What is decided, in a sentence. */
  readonly statement: string;
  readonly family: "confirmatory" | "exploratory";
  /** The claim in the words of the paper or theory that makes it. */
  readonly paper?: string;
  /** How those words are read here: quantity, comparison, setting. */
  readonly readAs?: string;
  /** The smallest effect size of interest with its unit and why, e.g. "0.05 of mean success: ...". */
  readonly sesoi?: string;
}

/** A statement that the experiment's summary can support or contradict. */
export interface Claim<Summary> extends ClaimTerms {
  evaluate(summary: Summary): Verdict;
}

/** Which numbers of a cell's metrics are compared within a tolerance. */
export interface ComparedMetrics {
  /** Names of the metrics. */
  readonly names: readonly string[];
  /** Name of the metric that holds the training loss, an array whose first number is the mean of the first steps. */
  readonly lossCurve?: string | undefined;
}

/** One row of the table that `reproduce` prints: column name to value. */
export type TableRow = Readonly<Record<string, string | number | null>>;

/** What runs in the place of a configuration that this machine cannot run, and why. */
export interface StandIn {
  readonly profile: ProfileName;
  readonly because: string;
}

/**
 * What an experiment is: a validated configuration, the cells (training runs) it asks for, a summary over their results,
 * and claims that read the summary. `Metrics` is what a cell's result holds, which must be JSON; `ConfigInput` is what a
 * profile states before defaults are filled in.
 *
 * A new experiment (checklist: lib/README.md) is one folder `experiments/NAME/` whose `mod.ts` exports an `Experiment` as
 * its default and whose `cell.ts` exports its `runCell`, and one line in `experiments/registry.ts`.
 */
export interface Experiment<
  Config,
  CellConfig,
  Metrics extends JsonObject<Metrics>,
  Summary,
  ConfigInput = unknown,
> {
  /** The name on the command line, equal to the folder's. */
  readonly name: string;
  readonly title: string;
  /** `import.meta.url` of the module: beside it lie `cell.ts` and `pins/`. */
  readonly module: string;
  /** Must have a field `seeds: number[]` for `--seeds` to work. */
  readonly schema: z.ZodType<Config, ConfigInput>;
  readonly profiles: Readonly<Record<ProfileName, ConfigInput>>;
  cells(config: Config): readonly Cell<CellConfig>[];
  /**
   * That of `cell.ts` beside the module. Workers import it from there, or from the cell's own `module`, so that only what
   * that file loads decides a result.
   */
  runCell(cell: Cell<CellConfig>, context: CellContext): Promise<CellResult<Metrics>>;
  /** Pure; `cells` are those of `cells(config)`, in their order, each with its result. */
  summarize(config: Config, cells: readonly FinishedCell<CellConfig, Metrics>[]): Summary;
  readonly claims: readonly Claim<Summary>[];
  /** The rows that `reproduce` prints; without it, one row per cell. */
  table?(summary: Summary): readonly TableRow[];
  /** A figure as SVG; the front page shows that of the first experiment which has one. */
  figure?(summary: Summary): string;
  /** What is compared within a tolerance where another backend than the pins' computed the metrics. */
  readonly compared?: ComparedMetrics;
  /** Its report: the notebook's file name without ".ipynb", e.g. "01-scaling". */
  readonly notebook?: string;
  /**
   * Where this machine lacks what a configuration needs, such as weights that are not shipped: the profile that runs in its
   * place, which needs nothing, and why, in a sentence that says how to get what is missing.
   */
  standIn?(config: Config): StandIn | undefined;
}

/** The experiment itself: its type parameters follow from its members, so that a `mod.ts` need not name them. */
export function defineExperiment<
  Config,
  CellConfig,
  Metrics extends JsonObject<Metrics>,
  Summary,
  ConfigInput,
>(
  experiment: Experiment<Config, CellConfig, Metrics, Summary, ConfigInput>,
): Experiment<Config, CellConfig, Metrics, Summary, ConfigInput> {
  return experiment;
}

/** An experiment whose type parameters do not matter to the caller. */
export type AnyExperiment = Experiment<unknown, unknown, object, unknown>;

/** Experiments by name, each loaded when it is asked for. */
export type Registry = Readonly<Record<string, () => Promise<{ default: AnyExperiment }>>>;
