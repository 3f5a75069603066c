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
 */
import { UsageError } from "../errors.ts";
import { sha256 } from "../tensor/digest.ts";
import { configHash } from "./config.ts";
import type { Cell, CellResult } from "./experiment.ts";
import { exists, guarded, list, remove, writeFolderAtomically } from "./files.ts";
import { type PartialRun, readVerified, type Run, type StoredCell } from "./run.ts";
import { DamagedError, readSealed, seal, writeSealed } from "./sealed.ts";

const RESULT = "result.json";

/** What a result depends on besides the cell itself. */
export interface CodeVersion {
  readonly experiment: string;
  /** SHA-256 of the kernel bundle. */
  readonly kernels: string;
  /** See engineVersion. */
  readonly engine: string;
  /** The graphics adapter, on which results depend where they are not WASM's. */
  readonly adapter?: string;
}

export class RunStore {
  readonly #lock: Deno.FsFile;
  #generation: number;

  /** Opens the folder for one run, alone; `fresh` empties it first. */
  constructor(readonly directory: string, readonly code: CodeVersion, fresh = false) {
    guarded(directory, () => Deno.mkdirSync(directory, { recursive: true }));
    const path = `${directory}/lock`;
    this.#lock = guarded(path, () => Deno.openSync(path, { write: true, create: true }));
    if (!this.#lock.tryLockSync(true)) {
      this.#lock.close();
      throw new UsageError(path, "held", "another process computes here: wait, or use other --out");
    }
    try {
      if (fresh) this.#removeAllBut("lock");
      const finished = this.#finished();
      this.#generation = (finished ? generationOf(finished) : 0) + 1;
    } catch (error) {
      this.#lock.close();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#lock.close();
  }

  /** Checks all that is stored of the last finished run. */
  verifyFinished(): void {
    for (const { folder } of this.#finished()?.cells ?? []) this.#verify(folder);
  }

  /** The result of this very cell that an interrupted run left, verified. */
  load(cell: Cell): StoredCell | undefined {
    const folder = this.#folder(cell);
    const path = `${this.directory}/${folder}`;
    if (!exists(path)) return undefined;
    const [stored, key] = [this.#verify(folder), this.#key(cell)];
    if (stored.key !== key) throw new DamagedError(path, `key ${key}`, `key ${stored.key}`);
    return stored;
  }

  #finished(): Run | undefined {
    const path = `${this.directory}/run.json`;
    return exists(path) ? readSealed<Run>(path) : undefined;
  }

  /** The cell stored in `folder`, its digest and its files' digests checked. */
  #verify(folder: string): StoredCell {
    const path = `${this.directory}/${folder}`;
    const stored = readSealed<StoredCell>(`${path}/${RESULT}`);
    for (const [name, file] of Object.entries(stored.files)) {
      readVerified(`${path}/${name}`, file);
    }
    return stored;
  }

  /** How many cells of the interrupted run are none of these: other code or kernels computed them. */
  countOthers(cells: readonly Cell[]): number {
    const folders = new Set(cells.map((cell) => this.#folder(cell)));
    const generation = `cells-${this.#generation}`;
    return list(`${this.directory}/${generation}`).filter((name) =>
      !/\.(checkpoint|tmp)$/.test(name) && !folders.has(`${generation}/${name}`)
    ).length;
  }

  /** Stores a finished cell, and with that drops its checkpoint. */
  save(cell: Cell, result: CellResult, spent: { threads: number; seconds: number }): StoredCell {
    const files = result.files ?? {};
    const badName = Object.keys(files).find((name) => !/^\w[\w.-]*$/.test(name) || name === RESULT);
    if (badName !== undefined) throw new TypeError(`${cell.id}: no name for a file: ${badName}`);
    const folder = this.#folder(cell);
    const stored: StoredCell = {
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
      folder,
    };
    const path = `${this.directory}/${folder}`;
    writeFolderAtomically(path, { ...files, [RESULT]: seal(stored) });
    remove(this.checkpointDirectory(cell));
    return this.#verify(folder);
  }

  checkpointDirectory(cell: Cell): string {
    return `${this.directory}/${this.#folder(cell)}.checkpoint`;
  }

  /** Makes `run` the finished one; its cells must all have been saved or loaded here. */
  finish(run: Run): void {
    writeSealed(`${this.directory}/run.json`, run);
    this.#removeAllBut("lock", "run.json", `cells-${this.#generation}`);
    const kept = new Set(run.cells.map((cell) => cell.folder));
    for (const name of list(`${this.directory}/cells-${this.#generation}`)) {
      const folder = `cells-${this.#generation}/${name}`;
      if (!kept.has(folder)) remove(`${this.directory}/${folder}`);
    }
    this.#generation += 1;
  }

  /** Notes what stands of the run in progress; nothing is removed. */
  finishPart(run: PartialRun): void {
    writeSealed(`${this.directory}/partial.json`, run);
  }

  #removeAllBut(...names: string[]): void {
    for (const name of list(this.directory)) {
      if (!names.includes(name)) remove(`${this.directory}/${name}`);
    }
  }

  #folder(cell: Cell): string {
    const slug = cell.id.replaceAll(/[^A-Za-z0-9.-]+/g, "-");
    return `cells-${this.#generation}/${slug}-${this.#key(cell).slice(0, 12)}`;
  }

  #key({ id, seed, config }: Cell): string {
    return configHash({ ...this.code, id, seed, config });
  }
}

function generationOf(run: Run): number {
  return Number(/^cells-(\d+)\//.exec(run.cells[0]?.folder ?? "")?.[1] ?? 0);
}
