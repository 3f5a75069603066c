/**
 * Who computes which cell: a small file a cell in `running/`, rewritten while the cell is computed, so that processes on any
 * number of machines see of one another, and `deno task progress` sees all of them. They decide who computes what, never a
 * result: where two miss each other, both compute the cell and store the same.
 */
import { UsageError } from "../errors.ts";
import { guarded, list, remove, writeAtomically } from "./files.ts";
import { hostName } from "./machine.ts";

/** Seconds between two beats. */
const BEAT_SECONDS = 5;
/** Seconds of silence after which a process counts as dead. Where a file system shows it later, its cell is computed twice. */
const DEAD_SECONDS = 30;

/** What a heartbeat's file holds. */
interface Beat {
  /** The cell's id. */
  readonly cell: string;
  /** The cell's, by `RunStore.nameOf`. */
  readonly name: string;
  readonly host: string | null;
  readonly pid: number;
  /** Of the process, as process ids are used again. */
  readonly session: string;
  readonly threads: number;
  /** Seconds since the cell was begun. */
  readonly seconds: number;
  /** How much of the cell is done, in [0, 1]. */
  readonly fraction: number;
  readonly info: string;
}

/** A cell that some process computes, or was computing when it died. */
export interface Heartbeat extends Beat {
  readonly isOwn: boolean;
  /** Whether it has been heard of lately. */
  readonly isAlive: boolean;
  /** Seconds since its last beat, by the file system's clock: machines' own clocks differ. */
  readonly silence: number;
}

const SESSION = crypto.randomUUID().slice(0, 8);
const folderOf = (directory: string) => `${directory}/running`;
const lockOf = (folder: string, session: string) => `${folder}/.${session}.lock`;

/** All heartbeats in a run's folder. */
export function heartbeats(directory: string): Heartbeat[] {
  const folder = folderOf(directory);
  const names = list(folder).filter((name) => /^[^.].*\.json$/.test(name));
  if (names.length === 0) return [];
  const now = fileSystemNow(folder);
  return names.flatMap((name) => {
    const path = `${folder}/${name}`;
    try {
      const beat = JSON.parse(Deno.readTextFileSync(path)) as Beat;
      // A date to come is one that a wrong clock gave: nobody waits until it has passed.
      const silence = Math.abs(now - (Deno.statSync(path).mtime?.getTime() ?? now)) / 1000;
      return [{
        ...beat,
        silence,
        isOwn: beat.session === SESSION,
        isAlive: silence < DEAD_SECONDS && !hasDied(folder, beat),
      }];
    } catch (error) {
      if (isBetweenTwo(error)) return [];
      return guarded(path, () => {
        throw error;
      });
    }
  });
}

/** Whether a heartbeat was being replaced or removed when it was read: network file systems say so in other ways, too. */
function isBetweenTwo(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof SyntaxError ||
    (error as { code?: string }).code === "ESTALE";
}

/**
 * Whether a process of this machine has ended that had no time to say so: the system has given back its lock. Of other
 * machines' processes only their silence tells, as not every file system carries locks.
 */
function hasDied(folder: string, { host, session }: Beat): boolean {
  if (session === SESSION || host === null || host !== hostName()) return false;
  try {
    using file = Deno.openSync(lockOf(folder, session), { read: true });
    return file.tryLockSync(true);
  } catch {
    return false;
  }
}

/** The lock of this process in a run's folder, held as long as it computes there. */
const locks = new Map<string, Deno.FsFile>();

function holdLock(folder: string): void {
  if (locks.has(folder)) return;
  try {
    const file = Deno.openSync(lockOf(folder, SESSION), { create: true, write: true });
    locks.set(folder, file);
    file.tryLockSync(true);
  } catch { /* Where there are no locks, silence tells. */ }
}

function releaseLock(folder: string): void {
  locks.get(folder)?.close();
  locks.delete(folder);
  remove(lockOf(folder, SESSION));
}

/** The time in ms by the clock that dates files in `folder`: its server's, or, where nothing can be written, this machine's. */
function fileSystemNow(folder: string): number {
  const path = `${folder}/.now-${SESSION}`;
  try {
    Deno.writeTextFileSync(path, "");
    return Deno.statSync(path).mtime?.getTime() ?? Date.now();
  } catch {
    return Date.now();
  } finally {
    try {
      Deno.removeSync(path);
    } catch { /* It could not be written. */ }
  }
}

/**
 * Begins the heartbeat of a cell that this process is about to compute; undefined where another one, alive, computes it.
 *
 * @param cell Its id.
 * @param name By `RunStore.nameOf`.
 */
export function claimCell(
  directory: string,
  cell: string,
  name: string,
  threads: number,
): OwnHeartbeat | undefined {
  const rivals = () =>
    heartbeats(directory).filter((beat) => beat.isAlive && !beat.isOwn && beat.name === name);
  if (rivals().length > 0) return undefined;
  const own = new OwnHeartbeat(directory, cell, name, threads);
  // Of two that began at the same time the one whose name comes first goes on.
  if (!rivals().some(({ session }) => session < SESSION)) return own;
  own.stop();
  return undefined;
}

const running = new Set<OwnHeartbeat>();
// However this process ends, but by a signal that cannot be caught.
addEventListener("unload", () => running.forEach((heartbeat) => heartbeat.stop()));

/** The heartbeat of one cell that this process computes, until it is stopped. */
export class OwnHeartbeat {
  readonly #folder: string;
  readonly #path: string;
  readonly #began = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  #beat: Beat;

  constructor(
    directory: string,
    cell: string,
    name: string,
    threads: number,
  ) {
    const host = hostName();
    this.#beat = {
      cell,
      name,
      host,
      pid: Deno.pid,
      session: SESSION,
      threads,
      seconds: 0,
      fraction: 0,
      info: "",
    };
    const file = `${name}.${host ?? "host"}-${Deno.pid}-${SESSION}.json`;
    this.#folder = folderOf(directory);
    this.#path = `${this.#folder}/${file.replaceAll(/[^\w.-]/g, "-")}`;
    this.#write();
    holdLock(this.#folder);
    this.#timer = setInterval(() => this.#attempt(), BEAT_SECONDS * 1000);
    Deno.unrefTimer(Number(this.#timer));
    running.add(this);
  }

  /** What the next beat says. */
  report(fraction: number, info: string): void {
    this.#beat = { ...this.#beat, fraction, info };
  }

  /** The cell is computed no more. */
  stop(): void {
    running.delete(this);
    clearInterval(this.#timer);
    remove(this.#path);
    const isLast = [...running].every((other) => other.#folder !== this.#folder);
    if (isLast) releaseLock(this.#folder);
  }

  /** A beat that cannot be written costs no result. */
  #attempt(): void {
    try {
      this.#write();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
  }

  #write(): void {
    const seconds = (performance.now() - this.#began) / 1000;
    const text = JSON.stringify({ ...this.#beat, seconds });
    writeAtomically(this.#path, new TextEncoder().encode(text), false);
  }
}
