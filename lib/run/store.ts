/**
 * The run store: one folder per configuration, `OUT/EXPERIMENT/PROFILE-HASH/`.
 *
 *     run.json                the last finished run, sealed
 *     partial.json            what stands of a run in progress of which cells were left out, sealed
 *     cells-1/ID-KEY/         one cell each: result.json (sealed) and its files
 *     cells-2/ID-KEY/         the same for a run in progress; it replaces cells-1 when it finishes
 *     cells-2/ID-KEY.checkpoint/
 *     lock                    held while a process computes here
 *
 * A cell's folder appears whole, by one rename; run.json says which generation of cells is the
 * finished one, and is replaced by one rename too. So whatever kills the process, finished cells
 * and the finished run stay.
 *
 * What is damaged is noted in `damaged`; a damaged cell's folder is renamed to ID-KEY.damaged until the run finishes. A
 * finished run of which anything is damaged is in progress again, so that only that is computed.
 */
import { dirname } from "node:path";
import { UsageError } from "../errors.ts";
import { sha256 } from "../numeric/digest.ts";
import { maximum } from "../numeric/extrema.ts";
import { dropDamagedCheckpoints } from "./checkpoint.ts";
import { configHash } from "./config.ts";
import type { Cell, CellResult } from "./experiment.ts";
import { exists, guarded, list, remove, writeFolderAtomically } from "./files.ts";
import { type PartialRun, readVerified, type Run, type StoredCell } from "./run.ts";
import { DamagedError, readSealed, seal, writeSealed } from "./sealed.ts";

const RESULT = "result.json";
const GENERATION = /^cells-(\d+)$/;
/** A cell's folder, and not what systems leave beside it: .DS_Store, ._ID-KEY, Thumbs.db, .nfs0001. */
const CELL = /^[^.].*-[0-9a-f]{12}$/;

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

/** A run's folder, locked while it is open. */
export class RunStore {
  /** Stored content that was found damaged. */
  readonly damaged: DamagedError[] = [];
  readonly #lock: Deno.FsFile;
  /** The generations in progress, the newest first: that is where new cells go. */
  #generations: readonly number[];

  /** Opens the folder for one run, alone, and checks the finished run; `fresh` empties the folder first. */
  constructor(readonly directory: string, readonly code: CodeVersion, fresh = false) {
    guarded(directory, () => Deno.mkdirSync(directory, { recursive: true }));
    const path = `${directory}/lock`;
    this.#lock = guarded(path, () => Deno.openSync(path, { write: true, create: true }));
    if (!this.#lock.tryLockSync(true)) {
      this.#lock.close();
      throw new UsageError(path, "held", "another process computes here: wait, or use other --out");
    }
    try {
      if (fresh) {
        remove(`${directory}/run.json`);
        this.#stale(new Set()).forEach(remove);
      }
      this.#generations = this.#inProgress();
    } catch (error) {
      this.#lock.close();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#lock.close();
  }

  #inProgress(): number[] {
    const finished = this.#finished();
    const last = finished ? generationOf(finished) : 0;
    const checked = finished?.cells.map(({ folder }) => this.#take(folder)) ?? [];
    const isSound = checked.every((cell) => cell !== undefined);
    const since = isSound ? last : 0;
    const present = list(this.directory).map((name) => Number(GENERATION.exec(name)?.[1] ?? 0));
    return [...new Set([...present.filter((n) => n > since), last + 1])].sort((a, b) => b - a);
  }

  #finished(): Run | undefined {
    const path = `${this.directory}/run.json`;
    if (!exists(path)) return undefined;
    return this.#noting(() => readSealed<Run>(path));
  }

  /** The result of this very cell that an interrupted or damaged run left, verified. */
  load(cell: Cell): StoredCell | undefined {
    for (const generation of this.#generations) {
      const folder = `cells-${generation}/${this.#name(cell)}`;
      if (!exists(`${this.directory}/${folder}`)) continue;
      const stored = this.#take(folder, this.#key(cell));
      if (stored) return stored;
    }
    return undefined;
  }

  /** The cell stored in `folder`; one that is damaged is noted and set aside. */
  #take(folder: string, key?: string): StoredCell | undefined {
    const stored = this.#noting(() => this.#verify(folder, key));
    const path = `${this.directory}/${folder}`;
    if (!stored && exists(path)) {
      remove(`${path}.damaged`);
      guarded(path, () => Deno.renameSync(path, `${path}.damaged`));
    }
    return stored;
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

  /** The cell stored in `folder`, its digest and its files' digests checked, and its key where that is known. */
  #verify(folder: string, key?: string): StoredCell {
    const path = `${this.directory}/${folder}`;
    const stored = readSealed<StoredCell>(`${path}/${RESULT}`);
    if (key !== undefined && stored.key !== key) {
      throw new DamagedError(path, `key ${key}`, `key ${stored.key}`);
    }
    for (const [name, file] of Object.entries(stored.files)) {
      readVerified(`${path}/${name}`, file);
    }
    return { ...stored, folder };
  }

  /** How many cells in progress are none of these: other code or kernels computed them. */
  countOthers(cells: readonly Cell[]): number {
    const names = new Set(cells.map((cell) => this.#name(cell)));
    const present = this.#generations.flatMap((n) => list(`${this.directory}/cells-${n}`));
    return present.filter((name) => CELL.test(name) && !names.has(name)).length;
  }

  /** Stores a finished cell, and with that drops its checkpoint. */
  save(cell: Cell, result: CellResult, spent: { threads: number; seconds: number }): StoredCell {
    const files = result.files ?? {};
    const badName = Object.keys(files).find((name) => !/^\w[\w.-]*$/.test(name) || name === RESULT);
    if (badName !== undefined) throw new TypeError(`${cell.id}: no name for a file: ${badName}`);
    const folder = this.#newFolder(cell);
    const stored: Omit<StoredCell, "folder"> = {
      id: cell.id,
      seed: cell.seed,
      config: cell.config,
      cost: cell.cost,
      key: this.#key(cell),
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
    };
    const path = `${this.directory}/${folder}`;
    writeFolderAtomically(path, { ...files, [RESULT]: seal(stored) });
    remove(this.checkpointDirectory(cell));
    return this.#verify(folder);
  }

  /** The folder of the cell's checkpoint, which need not exist. */
  checkpointDirectory(cell: Cell): string {
    return `${this.directory}/${this.#newFolder(cell)}.checkpoint`;
  }

  /** Drops the cell's checkpoint where it is damaged: an older one counts then, or the cell starts again. */
  checkCheckpoint(cell: Cell): void {
    this.damaged.push(...dropDamagedCheckpoints(this.checkpointDirectory(cell)));
  }

  /** Makes `run` the finished one; its cells must all have been saved or loaded here. */
  finish(run: Run): void {
    writeSealed(`${this.directory}/run.json`, run);
    for (const path of this.#stale(new Set(run.cells.map(({ folder }) => folder)))) {
      try {
        remove(path);
      } catch { /* In use, perhaps. It counts no more, and the next run removes it. */ }
    }
    this.#generations = [generationOf(run) + 1];
  }

  /** Notes what stands of the run in progress; nothing is removed. */
  finishPart(run: PartialRun): void {
    writeSealed(`${this.directory}/partial.json`, run);
  }

  /** The paths of all that there is but the cells' folders `kept`, run.json, the lock and hidden files. */
  #stale(kept: ReadonlySet<string>): string[] {
    const generations = new Set([...kept].map((folder) => dirname(folder)));
    const names = list(this.directory).filter((name) =>
      !name.startsWith(".") && name !== "lock" && name !== "run.json"
    );
    const inside = (name: string) => list(`${this.directory}/${name}`).map((x) => `${name}/${x}`);
    return names.flatMap((name) => generations.has(name) ? inside(name) : [name])
      .filter((path) => !kept.has(path)).map((path) => `${this.directory}/${path}`);
  }

  /** Where a cell is stored that is computed now. */
  #newFolder(cell: Cell): string {
    return `cells-${this.#generations[0]}/${this.#name(cell)}`;
  }

  #name(cell: Cell): string {
    const slug = cell.id.replaceAll(/[^A-Za-z0-9.-]+/g, "-");
    return `${slug}-${this.#key(cell).slice(0, 12)}`;
  }

  #key({ id, seed, config }: Cell): string {
    return configHash({ ...this.code, id, seed, config });
  }
}

/** The newest generation in which `run` has a cell: a run that was mended has cells of several. */
function generationOf({ cells }: Run): number {
  return maximum(cells.map(({ folder }) => Number(GENERATION.exec(dirname(folder))?.[1] ?? 0)));
}
