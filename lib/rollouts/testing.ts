/** What tests of readers share. */
import assert from "node:assert/strict";
import { type ReadOptions, readRollouts } from "./read_rollouts.ts";
import type { RolloutRecord } from "./record.ts";

/** A folder that is gone after the test. Its name has a space, as users' have. */
export function inFolder(test: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = Deno.makeTempDirSync({ prefix: "some rollouts " });
    try {
      await test(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

/** Writes rows as JSON lines; text stands as it is. Returns the path. */
export function writeLines(path: string, rows: readonly unknown[]): string {
  const lines = rows.map((row) => typeof row === "string" ? row : JSON.stringify(row));
  Deno.writeTextFileSync(path, lines.map((line) => `${line}\n`).join(""));
  return path;
}

/** All records of a file, with what was counted. */
export async function read(path: string, options: ReadOptions = {}) {
  const rollouts = readRollouts(path, options);
  const records: RolloutRecord[] = await Array.fromAsync(rollouts);
  assert.equal(rollouts.counts.read, records.length);
  return { records, counts: rollouts.counts, format: rollouts.format?.name };
}
