/**
 * One cell's mid-run checkpoint: a file whose name holds a counter and the digest of its content.
 * The newest is the one that counts, and it is never changed, only followed by the next.
 */
import { UsageError } from "../errors.ts";
import { sha256 } from "../tensor/digest.ts";
import type { CellContext } from "./experiment.ts";
import { list, readBytes, remove, writeAtomically } from "./files.ts";

const NAME = /^(\d{6})-([0-9a-f]{64})\.safetensors$/;

/** The checkpoint kept in `directory`, which need not exist yet. */
export function openCheckpoint(directory: string): CellContext["checkpoint"] {
  const names = () => list(directory).filter((name) => NAME.test(name));
  return {
    load() {
      const newest = names().at(-1);
      if (newest === undefined) return undefined;
      const path = `${directory}/${newest}`;
      const bytes = readBytes(path, "--fresh starts the cell again");
      if (sha256(bytes) !== NAME.exec(newest)![2]) {
        throw new UsageError(
          path,
          "damaged or truncated checkpoint",
          "delete the file to take up the cell from its start, or use --fresh",
        );
      }
      return bytes;
    },
    save(bytes) {
      const older = names();
      const count = Number(older.at(-1)?.slice(0, 6) ?? 0) + 1;
      const name = `${String(count).padStart(6, "0")}-${sha256(bytes)}.safetensors`;
      writeAtomically(`${directory}/${name}`, bytes);
      older.forEach((old) => remove(`${directory}/${old}`));
    },
  };
}
