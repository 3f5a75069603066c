/**
 * One cell's mid-run checkpoint: a file whose name holds a counter and the digest of its content.
 * The newest is the one that counts, and it is never changed, only followed by the next.
 */
import { UsageError } from "../errors.ts";
import { sha256 } from "../numeric/digest.ts";
import type { CellContext } from "./experiment.ts";
import { guarded, list, remove, writeAtomically } from "./files.ts";
import { DamagedError, readStored } from "./sealed.ts";

const NAME = /^(\d{6})-([0-9a-f]{64})\.safetensors$/;

const REMEDY = "run the command again: it starts the cell again";

const digestIn = (name: string) => NAME.exec(name)![2]!;

/** The checkpoint kept in `directory`, which need not exist yet. */
export function openCheckpoint(directory: string): CellContext["checkpoint"] {
  const names = () => list(directory).filter((name) => NAME.test(name));
  return {
    load() {
      const newest = names().at(-1);
      if (newest === undefined) return undefined;
      const path = `${directory}/${newest}`;
      const bytes = unlessGone(() => guarded(path, () => Deno.readFileSync(path)));
      // Another process, which computes the same, has gone on or finished.
      if (!bytes) return this.load();
      if (sha256(bytes) !== digestIn(newest)) {
        throw new UsageError(path, "damaged or truncated checkpoint", REMEDY);
      }
      return bytes;
    },
    save(bytes) {
      const older = names();
      const count = Number(older.at(-1)?.slice(0, 6) ?? 0) + 1;
      const name = `${String(count).padStart(6, "0")}-${sha256(bytes)}.safetensors`;
      const write = () => {
        writeAtomically(`${directory}/${name}`, bytes);
        return true;
      };
      // Another process that computes the same may finish, and remove the folder under this one's hands.
      if (!unlessGone(write)) write();
      older.forEach((old) => remove(`${directory}/${old}`));
    },
  };
}

/** What `action` returns; undefined where a file that it needs is gone. */
function unlessGone<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Removes the damaged checkpoints in `directory` and returns what was found of each. */
export function dropDamagedCheckpoints(directory: string): DamagedError[] {
  return list(directory).filter((name) => NAME.test(name)).flatMap((name) => {
    const path = `${directory}/${name}`;
    try {
      const got = sha256(readStored(path)), expected = digestIn(name);
      if (got === expected) return [];
      throw new DamagedError(path, `sha256 ${expected}`, `sha256 ${got}`);
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      remove(path);
      return [error];
    }
  });
}
