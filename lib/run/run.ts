import { UsageError } from "../errors.ts";
import { sha256 } from "../numeric/digest.ts";
import { type ConfigOptions, resolveConfig } from "./config.ts";
import type {
  AnyMetrics,
  ClaimTerms,
  Experiment,
  Json,
  JsonObject,
  ProfileName,
  Verdict,
} from "./experiment.ts";
import { exists } from "./files.ts";
import type { ComputedBy } from "./machine.ts";
import type { PinCheck } from "./pin_check.ts";
import type { Provenance } from "./provenance.ts";
import { DamagedError, readSealed, readStored } from "./sealed.ts";

/** What a result depends on besides the cell itself. */
export interface CodeVersion {
  readonly experiment: string;
  /** SHA-256 of the kernel bundle. */
  readonly kernels: string;
  /** SHA-256 of the code, by `engineVersion`. */
  readonly engine: string;
  /** The graphics adapter, on which results depend where they are not WASM's. */
  readonly adapter?: string;
}

/** A file's length and SHA-256, as noted when it was written. */
export interface StoredFile {
  readonly bytes: number;
  readonly sha256: string;
}

/** One finished cell. */
export interface StoredCell<CellConfig = unknown, Metrics = AnyMetrics> {
  readonly id: string;
  readonly seed: number;
  readonly config: CellConfig;
  readonly cost: number;
  /** SHA-256 of all that the result depends on. */
  readonly key: string;
  /** What of `key` is code. */
  readonly code: CodeVersion;
  readonly metrics: Metrics;
  readonly digests: Readonly<Record<string, string>>;
  readonly unpinned: Readonly<Record<string, Json>>;
  readonly files: Readonly<Record<string, StoredFile>>;
  /** Threads the cell had, and its wall time in seconds. */
  readonly threads: number;
  readonly seconds: number;
  /** Null for a result of the pins, which nothing here has computed. */
  readonly computedBy: ComputedBy | null;
  /** The folder it was found in, relative to the run's; empty for a result of the pins. */
  readonly folder: string;
}

/** A claim with its verdict, as stored and reported. */
export interface EvaluatedClaim extends ClaimTerms, Verdict {}

/** A finished run: what `run.json` holds. */
export interface Run<
  Config = unknown,
  CellConfig = unknown,
  Metrics = AnyMetrics,
  Summary = unknown,
> {
  readonly experiment: string;
  readonly title: string;
  readonly profile: ProfileName;
  /** With every default filled in. */
  readonly config: Config;
  readonly configHash: string;
  readonly seeds: readonly number[];
  /** SHA-256 of the kernel bundle. */
  readonly kernels: string;
  readonly cells: readonly StoredCell<CellConfig, Metrics>[];
  readonly summary: Summary;
  readonly claims: readonly EvaluatedClaim[];
  readonly pins: PinCheck;
  readonly provenance: Provenance;
}

/** Some cells of a run, the others `missing` by id: what `partial.json` holds until the run is whole. */
export interface PartialRun extends Omit<Run, "summary" | "claims"> {
  readonly missing: readonly string[];
}

/** A run read back, with the folder it was found in. */
export interface LoadedRun<
  Config = unknown,
  CellConfig = unknown,
  Metrics = AnyMetrics,
  Summary = unknown,
> extends Run<Config, CellConfig, Metrics, Summary> {
  readonly directory: string;
}

/** The folder of the profile's own run where it is finished, whatever this machine lacks; else that of what it would run. */
function runFolder<Config, CellConfig, Metrics extends JsonObject<Metrics>, Summary>(
  experiment: Experiment<Config, CellConfig, Metrics, Summary>,
  profile: ProfileName,
  options: ConfigOptions,
): string {
  const own = resolveConfig(experiment, profile, { ...options, asGiven: true }).directory;
  return exists(`${own}/run.json`) ? own : resolveConfig(experiment, profile, options).directory;
}

/** Whether there is a finished run of `experiment` at `profile`. */
export function hasRun<Config, CellConfig, Metrics extends JsonObject<Metrics>, Summary>(
  experiment: Experiment<Config, CellConfig, Metrics, Summary>,
  profile: ProfileName,
  options: ConfigOptions = {},
): boolean {
  return exists(`${runFolder(experiment, profile, options)}/run.json`);
}

/**
 * The finished run of `experiment` at `profile`.
 *
 * @throws UsageError that says how to compute a missing one, DamagedError for one that is not as it was written.
 */
export function loadRun<Config, CellConfig, Metrics extends JsonObject<Metrics>, Summary>(
  experiment: Experiment<Config, CellConfig, Metrics, Summary>,
  profile: ProfileName = "quick",
  options: ConfigOptions = {},
): LoadedRun<Config, CellConfig, Metrics, Summary> {
  const directory = runFolder(experiment, profile, options);
  const command = reproduceCommand(experiment.name, profile, options);
  const run = readSealed<Run<Config, CellConfig, Metrics, Summary>>(
    `${directory}/run.json`,
    `compute it first: ${command}`,
  );
  return { ...run, directory };
}

/**
 * The content of one of a cell's files, checked against its digest.
 *
 * @param name As the cell named it in `CellResult.files`, e.g. "model.safetensors".
 * @throws UsageError for a cell or a file that the run does not have, DamagedError for content that changed.
 */
export function readCellFile(
  run: Pick<LoadedRun<unknown, unknown, object>, "directory" | "cells">,
  cellId: string,
  name: string,
): Uint8Array<ArrayBuffer> {
  const cell = run.cells.find(({ id }) => id === cellId);
  if (!cell) throw new UsageError("cell", cellId, `no such cell in ${run.directory}`);
  const stored = cell.files[name];
  if (!stored && cell.computedBy === null) {
    const remedy = `the pins hold no files: compute the cell, with --cells =${cellId}`;
    throw new UsageError("file", name, remedy);
  }
  if (!stored) {
    const names = Object.keys(cell.files).join(", ") || "none";
    throw new UsageError("file", name, `${cellId} has: ${names}`);
  }
  return readVerified(`${run.directory}/${cell.folder}/${name}`, stored);
}

/** The bytes of a stored file, checked against what was noted when it was written. */
export function readVerified(path: string, noted: StoredFile): Uint8Array<ArrayBuffer> {
  const bytes = readStored(path);
  if (bytes.length !== noted.bytes) {
    throw new DamagedError(path, `${noted.bytes} bytes`, `${bytes.length} bytes`);
  }
  const got = sha256(bytes);
  if (got !== noted.sha256) throw new DamagedError(path, `sha256 ${noted.sha256}`, `sha256 ${got}`);
  return bytes;
}

/** The one command that reproduces a run. */
export function reproduceCommand(
  experiment: string,
  profile: ProfileName,
  { out = "runs", seeds, cells, backend = "wasm" }: ConfigOptions & {
    cells?: readonly string[] | undefined;
  } = {},
): string {
  return `deno task reproduce --experiment ${experiment} --profile ${profile}` +
    (seeds ? ` --seeds ${seeds.join(",")}` : "") +
    (cells ? ` --cells ${quoted(cells.join(","))}` : "") +
    (out === "runs" ? "" : ` --out ${quoted(out)}`) +
    (backend === "wasm" ? "" : ` --backend ${backend}`);
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w./:@=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
