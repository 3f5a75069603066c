import { join } from "node:path";
import { UsageError } from "../errors.ts";
import { guarded, list } from "../run/files.ts";
import { printable } from "./printable.ts";

/** A file of rollouts: how it is stored is told by its first bytes. */
export interface RolloutFile {
  readonly path: string;
  readonly kind: "json-lines" | "gzip" | "parquet";
  readonly bytes: number;
}

const EXTENSIONS = /\.(jsonl(\.gz)?|parquet)$/;

/** Files beside those of rollouts which hold none: open-instruct's description of the run. */
const OTHERS = /_metadata\.jsonl$/;

/**
 * The file, or the files of rollouts in a folder, in the order of the numbers in their names.
 *
 * @throws UsageError for nothing there, a folder without such files or with Parquet beside JSON lines, and an empty file.
 */
export function rolloutFiles(path: string): RolloutFile[] {
  let info: Deno.FileInfo;
  try {
    info = guarded(path, () => Deno.statSync(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError(path, "missing", "give a file of rollouts, or a folder of such files");
  }
  if (!info.isDirectory) return [describe(path)];
  const names = list(path);
  const found = names.filter((name) =>
    EXTENSIONS.test(name) && !/^[._]/.test(name) && !OTHERS.test(name)
  );
  if (found.length === 0) {
    const here = printable(names.slice(0, 10).join(", "), 300) || "nothing";
    throw new UsageError(path, "no rollouts", `no .jsonl, .jsonl.gz or .parquet here but ${here}`);
  }
  if (new Set(found.map((name) => name.endsWith(".parquet"))).size > 1) {
    throw new UsageError(
      path,
      "Parquet beside JSON lines",
      "give one of the files, or a folder of one kind",
    );
  }
  return found.sort(byNumbers).map((name) => describe(join(path, name)));
}

function describe(path: string): RolloutFile {
  return guarded(path, () => {
    using file = Deno.openSync(path);
    const { size, isFile } = file.statSync();
    if (!isFile) {
      throw new UsageError(path, "no file", "give a file or a folder, no pipe or device");
    }
    if (size === 0) {
      throw new UsageError(path, "empty", "no rollouts were written: leave this file out");
    }
    const head = new Uint8Array(4);
    file.readSync(head);
    return { path, kind: kindOf(path, head), bytes: size };
  });
}

function kindOf(path: string, head: Uint8Array): RolloutFile["kind"] {
  const starts = (...bytes: readonly number[]) => bytes.every((byte, i) => head[i] === byte);
  // "PAR1"; a file named so may be cut at its start, too.
  if (starts(0x50, 0x41, 0x52, 0x31) || path.endsWith(".parquet")) return "parquet";
  if (starts(0x1f, 0x8b)) return "gzip";
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) {
    throw new UsageError(path, "zstd", "unpack it first: zstd -d FILE");
  }
  if (starts(0xff, 0xfe) || starts(0xfe, 0xff)) {
    throw new UsageError(path, "UTF-16", "save the file as UTF-8 text");
  }
  return "json-lines";
}

/** 2.jsonl before 10.jsonl. */
function byNumbers(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => name.split(/(\d+)/)) as [string[], string[]];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i]!, right[i]!];
    // Every second piece is a number.
    if (i % 2 === 1 && Number(x) !== Number(y)) return Number(x) - Number(y);
    if (x !== y) return x < y ? -1 : 1;
  }
  return left.length - right.length;
}
