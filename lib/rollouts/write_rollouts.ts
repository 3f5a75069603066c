import { writePiecesAtomically } from "../run/files.ts";
import type { RolloutRecord } from "./record.ts";

/**
 * Writes records one a line, whole or not at all: what `readRollouts` reads as format "genac".
 *
 * @param path Ends in `.jsonl`.
 * @returns How many were written.
 * @throws UsageError where the file cannot be written.
 */
export async function writeRollouts(
  path: string,
  records: Iterable<RolloutRecord> | AsyncIterable<RolloutRecord>,
): Promise<number> {
  let written = 0;
  await writePiecesAtomically(path, async (append) => {
    const utf8 = new TextEncoder();
    for await (const record of records) {
      append(utf8.encode(`${JSON.stringify(record)}\n`));
      written++;
    }
  });
  return written;
}
