/**
 * The run store: one folder per configuration, `OUT/EXPERIMENT/PROFILE-HASH/`, for any number of processes and machines.
 *
 *     run.json                the last finished run, sealed
 *     partial.json            what stood of a run of which cells were left out, sealed
 *     cells/ID-KEY/           one cell: result.json (sealed) and its files
 *     checkpoints/ID-KEY/     what a cell in progress has saved
 *     running/                a heartbeat for each cell that is being computed (heartbeats.ts)
 *     failed/                 how cells ended that have no result
 *
 * A cell's key is the hash of all that its result depends on, so that whoever computes it stores the same result at the same
 * place, as a whole, by one rename: no lock is needed, and none could be trusted on all file systems. Reading a cell reads
 * that cell. Nothing is removed but by `clear` and `prune`, which a person asks for, and a cell's own checkpoints: a result
 * that is damaged is set aside as `ID-KEY.aside-...`, and what other code computed stays under its own key.
 */
import { UsageError } from "../errors.ts";
import { canonicalJson, sha256 } from "../numeric/digest.ts";
import { dropDamagedCheckpoints } from "./checkpoint.ts";
import { configHash } from "./config.ts";
import { engineVersion } from "./engine_version.ts";
import type { Cell, CellResult } from "./experiment.ts";
import { exists, guarded, list, remove, writeFolderAtomically } from "./files.ts";
import { heartbeats } from "./heartbeats.ts";
import { thisMachine } from "./machine.ts";
import type { ResolvedRun } from "./plan.ts";
import {
  type CodeVersion,
  type PartialRun,
  readVerified,
  type Run,
  type StoredCell,
} from "./run.ts";
import { DamagedError, readSealed, seal, writeSealed } from "./sealed.ts";

const RESULT = "result.json";
/** A cell's folder, and not what systems leave beside it: .DS_Store, ._ID-KEY, Thumbs.db, .nfs0001. */
const CELL = /^[^.].*-[0-9a-f]{12}$/;

/** A file of a cell: its name, in a folder at most. */
const FILE = /^(\w[\w.-]*\/)?\w[\w.-]*$/;

/** How a cell ended that has no result. */
export interface CellFailure {
  /** The cell's id. */
  readonly cell: string;
  readonly message: string;
  readonly host: string | null;
  readonly pid: number;
  /** ISO 8601, UTC, by that machine's clock. */
  readonly at: string;
}

/** A run's folder. */
export class RunStore {
  /** Stored content that was found damaged. */
  readonly damaged: DamagedError[] = [];
  /** Null until it is asked for. */
  #finished: Run | undefined | null = null;

  /** @param codeOf The code that computes a cell. */
  constructor(readonly directory: string, readonly codeOf: (cell: Cell) => CodeVersion) {}

  /** The run that was the last finished one when it was first asked for; one that is damaged is noted and counts for none. */
  finished(): Run | undefined {
    if (this.#finished === null) {
      const path = `${this.directory}/run.json`;
      this.#finished = exists(path) ? this.#noting(() => readSealed<Run>(path)) : undefined;
    }
    return this.#finished;
  }

  /** The stored result of this very cell, verified; one that is damaged is noted and set aside. */
  load(cell: Cell): StoredCell | undefined {
    const folder = this.#folder(cell), path = `${this.directory}/${folder}`;
    if (!exists(path)) return undefined;
    const stored = this.#noting(() => verifyCell(this.directory, folder, this.keyOf(cell)));
    if (!stored) this.#setAside(path);
    return stored;
  }

  #setAside(path: string): void {
    try {
      guarded(
        path,
        () => Deno.renameSync(path, `${path}.aside-${crypto.randomUUID().slice(0, 8)}`),
      );
    } catch (error) {
      // Another process was faster.
      if (exists(path)) throw error;
    }
  }

  #noting<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      this.damaged.push(error);
      return undefined;
    }
  }

  /** How many stored cells are none of these: other code or kernels computed them. */
  countOthers(cells: readonly Cell[]): number {
    const names = new Set(cells.map((cell) => this.nameOf(cell)));
    return list(`${this.directory}/cells`).filter((name) => CELL.test(name) && !names.has(name))
      .length;
  }

  /**
   * Stores a finished cell, and with that drops its checkpoint. Where another process has stored the same since this one
   * began, that stays; where the last finished run has it, this one takes its place and counts as computed again.
   *
   * A stored result with other numbers is set aside and noted as damaged: the same code, configuration and seed must
   * give the same to the last bit, on WASM. On a graphics adapter they need not.
   */
  save(cell: Cell, result: CellResult, spent: { threads: number; seconds: number }): StoredCell {
    const files = result.files ?? {};
    const badName = Object.keys(files).find((name) => !FILE.test(name) || name === RESULT);
    if (badName !== undefined) throw new TypeError(`${cell.id}: no name for a file: ${badName}`);
    const stored: Omit<StoredCell, "folder"> = {
      id: cell.id,
      seed: cell.seed,
      config: cell.config,
      cost: cell.cost,
      key: this.keyOf(cell),
      code: this.codeOf(cell),
      metrics: result.metrics,
      digests: result.digests,
      unpinned: result.unpinned ?? {},
      files: Object.fromEntries(
        Object.entries(files).map(([name, bytes]) => [
          name,
          { bytes: bytes.length, sha256: sha256(bytes) },
        ]),
      ),
      ...spent,
      computedBy: thisMachine(),
    };
    const folder = this.#folder(cell), path = `${this.directory}/${folder}`;
    const whole = { ...files, [RESULT]: seal(stored) };
    while (!writeFolderAtomically(path, whole)) {
      const there = this.load(cell);
      if (!there) continue;
      if (isSame(there, stored)) {
        if (this.#isFinished(there)) writeSealed(`${path}/${RESULT}`, stored);
        break;
      }
      if (stored.code.adapter === undefined) {
        this.damaged.push(
          new DamagedError(path, "the result that was computed again", "another result"),
        );
      }
      this.#setAside(path);
    }
    try {
      remove(this.checkpointDirectory(cell));
    } catch (error) {
      // Another process that computes the same has just written there. It counts no more.
      if (!(error instanceof UsageError)) throw error;
    }
    return verifyCell(this.directory, folder, stored.key);
  }

  /** Whether the last finished run has this very result, and not one computed before or since. */
  #isFinished(stored: StoredCell): boolean {
    return this.finished()?.cells.some((cell) => isOneAndTheSame(cell, stored)) ?? false;
  }

  /**
   * Takes over the cells of `cells` that were computed elsewhere, from any folder that holds stored cells, at any depth.
   *
   * Damaged ones are noted and stay where they are; those of other runs do not count.
   *
   * @throws UsageError where there is no such folder, or no stored cell in it.
   */
  adopt(cells: readonly Cell[], from: string): Adopted {
    if (!exists(from)) throw new UsageError("--adopt", from, "there is no such folder");
    const folders = cellFolders(from);
    if (folders.length === 0) {
      throw new UsageError(
        "--adopt",
        from,
        "there are no stored cells in it: give a run's folder, or one in which runs are",
      );
    }
    const byName = new Map(cells.map((cell) => [this.nameOf(cell), cell]));
    const slugs = new Set(cells.map(slugOf));
    const adopted: string[] = [], present: string[] = [], others: string[] = [];
    for (const folder of folders) {
      const name = folder.slice(folder.lastIndexOf("/") + 1), cell = byName.get(name);
      const path = `${from}/${folder}`;
      if (!cell) {
        if (slugs.has(name.replace(/-[^-]*$/, ""))) others.push(path);
        continue;
      }
      const stored = this.#noting(() => verifyCell(from, folder, this.keyOf(cell)));
      if (!stored) continue;
      if (this.load(cell)) {
        present.push(cell.id);
        continue;
      }
      const names = [...Object.keys(stored.files), RESULT];
      const bytes = names.map((
        name,
      ) => [name, guarded(path, () => Deno.readFileSync(`${path}/${name}`))]);
      writeFolderAtomically(`${this.directory}/${this.#folder(cell)}`, Object.fromEntries(bytes));
      adopted.push(cell.id);
    }
    return { adopted, present, others };
  }

  /** The folder of the cell's checkpoint, which need not exist. */
  checkpointDirectory(cell: Cell): string {
    return `${this.directory}/checkpoints/${this.nameOf(cell)}`;
  }

  /** Drops the cell's checkpoint where it is damaged: an older one counts then, or the cell starts again. */
  checkCheckpoint(cell: Cell): void {
    this.damaged.push(...dropDamagedCheckpoints(this.checkpointDirectory(cell)));
  }

  /** Notes how a cell ended that has no result, for `deno task progress`. */
  noteFailure(cell: Cell, message: string): void {
    const { host, pid, finishedAt: at } = thisMachine();
    const failure: CellFailure = { cell: cell.id, message, host, pid, at };
    try {
      writeSealed(this.#failurePath(cell), failure);
    } catch (error) {
      // The disk is full, say, which may be the failure itself.
      if (!(error instanceof UsageError)) throw error;
    }
  }

  /** How the cell ended the last time that it ended without a result. */
  failureOf(cell: Cell): CellFailure | undefined {
    const path = this.#failurePath(cell);
    return exists(path) ? this.#noting(() => readSealed<CellFailure>(path)) : undefined;
  }

  #failurePath(cell: Cell): string {
    return `${this.directory}/failed/${this.nameOf(cell)}.json`;
  }

  /** Makes `run` the finished one; its cells must all have been saved or loaded here. */
  finish(run: Run): void {
    writeSealed(`${this.directory}/run.json`, run);
    this.#finished = run;
    remove(`${this.directory}/partial.json`);
  }

  /** Notes what stands of the run in progress. */
  finishPart(run: PartialRun): void {
    writeSealed(`${this.directory}/partial.json`, run);
  }

  /**
   * Removes all that is stored here.
   *
   * @throws UsageError where another process computes here.
   */
  clear(): void {
    this.#refuseWhileRunning();
    this.#finished = null;
    list(this.directory).map((name) => `${this.directory}/${name}`).forEach(remove);
  }

  /**
   * Removes what the finished run does not have: cells of other code, what was set aside, checkpoints, what killed
   * processes left. Returns how many cells that were.
   *
   * @throws UsageError where another process computes here.
   */
  prune(run: Run): number {
    this.#refuseWhileRunning();
    const kept = new Set(run.cells.map(({ folder }) => folder));
    const inside = list(`${this.directory}/cells`).map((name) => `cells/${name}`);
    const stale = inside.filter((path) => !kept.has(path));
    const rest = list(this.directory).filter((name) => name !== "run.json" && name !== "cells");
    [...stale, ...rest].map((name) => `${this.directory}/${name}`).forEach(remove);
    return stale.filter((path) => !path.startsWith("cells/.")).length;
  }

  #refuseWhileRunning(): void {
    const [other] = heartbeats(this.directory).filter(({ isAlive, isOwn }) => isAlive && !isOwn);
    if (!other) return;
    const who = `process ${other.pid}${other.host === null ? "" : ` on ${other.host}`}`;
    throw new UsageError(
      this.directory,
      `${who} computes ${other.cell} here`,
      "wait for it, end it, or give another --out",
    );
  }

  /** The folder of a cell's result, relative to the run's; it need not exist. */
  #folder(cell: Cell): string {
    return `cells/${this.nameOf(cell)}`;
  }

  /** The path of a cell's result, which need not exist. */
  pathOf(cell: Cell): string {
    return `${this.directory}/${this.#folder(cell)}`;
  }

  /** A cell's id and key as a file's name. */
  nameOf(cell: Cell): string {
    return `${slugOf(cell)}-${this.keyOf(cell).slice(0, 12)}`;
  }

  /** SHA-256 of all that a cell's result depends on. */
  keyOf(cell: Cell): string {
    const { id, seed, config } = cell;
    return configHash({ ...this.codeOf(cell), id, seed, config });
  }
}

/**
 * The store of a plan's run. The code is that of now, not of when the run was planned: other runs may have taken hours since.
 *
 * @param engine Kernels and adapter, by `identifyBackend`.
 */
export function openStore(
  { cellModule, directory, experiment }: ResolvedRun,
  { adapter, kernels }: { readonly kernels: string; readonly adapter?: string | null },
): RunStore {
  const versions = new Map<string, string>();
  return new RunStore(directory, (cell) => {
    const module = cellModule(cell);
    if (!versions.has(module)) versions.set(module, engineVersion(module));
    return {
      experiment: experiment.name,
      kernels,
      engine: versions.get(module)!,
      ...adapter && { adapter },
    };
  });
}

/** What became of cells that were computed elsewhere. */
export interface Adopted {
  /** Ids of those taken over. */
  readonly adopted: readonly string[];
  /** Ids of those that were here already. */
  readonly present: readonly string[];
  /** Folders of those with such an id and another key: of another configuration, or computed by other code. */
  readonly others: readonly string[];
}

/** A cell's id as part of a file's name. */
function slugOf({ id }: Cell): string {
  return id.replaceAll(/[^A-Za-z0-9.-]+/g, "-");
}

/** The cell stored in `folder` of `directory`; a DamagedError where its digest, a file's digest or its key is another. */
function verifyCell(directory: string, folder: string, key: string): StoredCell {
  const path = `${directory}/${folder}`;
  const stored = readSealed<StoredCell>(`${path}/${RESULT}`);
  if (stored.key !== key) throw new DamagedError(path, `key ${key}`, `key ${stored.key}`);
  for (const [name, file] of Object.entries(stored.files)) readVerified(`${path}/${name}`, file);
  return { ...stored, folder };
}

/** Whether two results have the same numbers. */
function isSame(a: Omit<StoredCell, "folder">, b: Omit<StoredCell, "folder">): boolean {
  const numbers = ({ metrics, digests, files }: Omit<StoredCell, "folder">) =>
    canonicalJson({ metrics, digests, files });
  return numbers(a) === numbers(b);
}

/** Whether two results are of one computation. */
export function isOneAndTheSame(a: StoredCell, b: StoredCell): boolean {
  const when = ({ key, seconds, computedBy }: StoredCell) =>
    canonicalJson([key, seconds, computedBy ?? null]);
  return when(a) === when(b);
}

/** Folders that hold a cell's result, below `directory` and relative to it. */
function cellFolders(directory: string, at = ""): string[] {
  return list(`${directory}/${at}`).flatMap((name) => {
    if (name.startsWith(".")) return [];
    const path = at === "" ? name : `${at}/${name}`;
    const { isDirectory } = guarded(path, () => Deno.statSync(`${directory}/${path}`));
    if (!isDirectory) return [];
    return CELL.test(name) && exists(`${directory}/${path}/${RESULT}`)
      ? [path]
      : cellFolders(directory, path);
  });
}
