/**
 * Files that are whole or absent, and the operating system's errors as `UsageError`s.
 */
import { basename, dirname } from "node:path";
import { UsageError } from "../errors.ts";

/** Does `action` on the file at `path`; what the user can mend becomes a UsageError. */
export function guarded<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw explain(path, error);
  }
}

/** The bytes at `path`; a missing file is a UsageError with `remedy`. */
export function readBytes(path: string, remedy: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new UsageError(path, "missing", remedy);
    throw explain(path, error);
  }
}

/** Whether anything is at `path`, a link to nothing included. Throws a UsageError where that may not be known. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw explain(path, error);
  }
}

/** Names in a folder, sorted; none where there is no such folder. */
export function list(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw explain(directory, error);
  }
}

/** Removes a file or a whole folder, where there is one. */
export function remove(path: string): void {
  guarded(path, () => {
    try {
      Deno.removeSync(path, { recursive: true });
    } catch (error) {
      // Not there, or another process was faster.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  });
}

/** A name beside `path` that no other process uses, hidden from those that list the folder. */
function temporaryFor(path: string): string {
  return `${dirname(path)}/.${basename(path)}.${crypto.randomUUID().slice(0, 8)}.tmp`;
}

/**
 * Replaces the file at `path`: after a crash at any point it is either the old or the new one. Of several processes that do
 * so at once, the last one's stands.
 *
 * @param isDurable Whether the new one must survive a power cut, which takes a slow disk long; default: yes.
 */
export function writeAtomically(path: string, bytes: Uint8Array, isDurable = true): void {
  const temporary = temporaryFor(path);
  guarded(path, () => {
    Deno.mkdirSync(dirname(path), { recursive: true });
    try {
      if (isDurable) {
        writeDurably(temporary, bytes);
        renameDurably(temporary, path);
      } else {
        Deno.writeFileSync(temporary, bytes);
        Deno.renameSync(temporary, path);
      }
    } catch (error) {
      remove(temporary);
      throw error;
    }
  });
}

/**
 * As `writeAtomically`, for bytes that are made piece by piece: whatever `write` appends is the file once it has returned.
 * Where it throws, the old file stays.
 */
export async function writePiecesAtomically(
  path: string,
  write: (append: (bytes: Uint8Array) => void) => Promise<void>,
): Promise<void> {
  const temporary = temporaryFor(path);
  const file = guarded(path, () => {
    Deno.mkdirSync(dirname(path), { recursive: true });
    return Deno.openSync(temporary, { write: true, create: true, truncate: true });
  });
  try {
    try {
      await write((bytes) => guarded(path, () => writeAll(file, bytes)));
      guarded(path, () => file.syncSync());
    } finally {
      file.close();
    }
    guarded(path, () => renameDurably(temporary, path));
  } catch (error) {
    remove(temporary);
    throw error;
  }
}

/** Throws a UsageError where no file can be written at `path`; leaves nothing behind. */
export function checkWritable(path: string): void {
  const folder = dirname(path), isNew = !exists(folder);
  guarded(path, () => {
    Deno.mkdirSync(folder, { recursive: true });
    try {
      Deno.removeSync(Deno.makeTempFileSync({ dir: folder, prefix: "." }));
    } finally {
      if (isNew) Deno.removeSync(folder);
    }
  });
}

/**
 * Creates a folder with these files, all of them or none.
 *
 * @param temporary Where it is made, on the same file system; default: a folder beside it that no other process uses.
 * @returns False where something is at `path` already, perhaps since a moment ago: it stays as it is.
 */
export function writeFolderAtomically(
  path: string,
  files: Readonly<Record<string, Uint8Array>>,
  temporary = temporaryFor(path),
): boolean {
  return guarded(path, () => {
    Deno.mkdirSync(temporary, { recursive: true });
    try {
      const folders = new Set([temporary]);
      for (const [name, bytes] of Object.entries(files)) {
        const path = `${temporary}/${name}`, folder = dirname(path);
        if (!folders.has(folder)) Deno.mkdirSync(folder, { recursive: true });
        folders.add(folder);
        writeDurably(path, bytes);
      }
      folders.forEach(syncFolder);
      renameDurably(temporary, path);
      return true;
    } catch (error) {
      remove(temporary);
      if (isTaken(error) && exists(path)) return false;
      throw error;
    }
  });
}

/** Whether a rename failed because a folder stands at its goal: systems and file systems say so differently. */
function isTaken(error: unknown): boolean {
  const { code } = error as { code?: string };
  return ["ENOTEMPTY", "EEXIST", "EPERM", "EACCES", "ENOTDIR"].includes(code ?? "");
}

function writeDurably(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  writeAll(file, bytes);
  file.syncSync();
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

function renameDurably(from: string, to: string): void {
  Deno.renameSync(from, to);
  syncFolder(dirname(to));
}

// A rename survives a power cut only once its folder is on the disk; Windows cannot open folders.
function syncFolder(path: string): void {
  if (Deno.build.os === "windows") return;
  using folder = Deno.openSync(path, { read: true });
  folder.syncSync();
}

function explain(path: string, error: unknown): unknown {
  const remedy = remedyFor(error);
  if (remedy === undefined) return error;
  return new UsageError(path, (error as Error).message, remedy, { cause: error });
}

function remedyFor(error: unknown): string | undefined {
  if (error instanceof Deno.errors.NotCapable) {
    return "the task may not go there: stay under the folders of its --allow-read and " +
      "--allow-write lists in deno.json, or extend them";
  }
  if (!(error instanceof Error)) return undefined;
  switch ((error as { code?: unknown }).code) {
    case "EACCES":
    case "EPERM":
      return "no permission: change the owner or mode, or, for runs, give another --out";
    case "EROFS":
      return "the file system is read-only: make it writable, or, for runs, give another --out";
    case "ENOSPC":
      return "the disk is full: free some space and run the command again, finished work is kept";
    case "EDQUOT":
      return "your quota there is used up: free some space or have it raised and run the command again, " +
        "finished work is kept";
    case "ESTALE":
    case "EIO":
    case "ENODEV":
    case "ENXIO":
    case "ENOTCONN":
    case "EHOSTDOWN":
    case "ETIMEDOUT":
      return "the disk or network file system does not answer, or was taken away: see to it that it is there " +
        "and run the command again, finished work is kept";
    case "ENOTDIR":
    case "EISDIR":
    case "EEXIST":
      return "a file stands where a folder is needed, or the other way round: move it away";
    case "EBUSY":
    case "ENOTEMPTY":
      return "a file there is in use: end the program that holds it open";
    case "EMFILE":
    case "ENFILE":
      return "too many open files: raise `ulimit -n`";
    case "ENAMETOOLONG":
      return "the path is too long: give a shorter --out";
    default:
      return undefined;
  }
}
