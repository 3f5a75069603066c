import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { UsageError } from "../errors.ts";
import { guarded } from "../run/files.ts";
import { byteLines } from "./byte_lines.ts";
import { parseJsonLine } from "./json_line.ts";
import { BadRow } from "./row.ts";
import type { SourceRow } from "./source.ts";

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * The rows of a file of JSON lines, gzip-compressed or not, in constant memory. Blank lines are none.
 *
 * @throws UsageError for a file that is no such thing or whose compression is damaged.
 */
export async function* jsonLines(path: string, compressed: boolean): AsyncGenerator<SourceRow> {
  // Closed by its stream, also where that is cancelled.
  const file = guarded(path, () => Deno.openSync(path));
  let bytesRead = 0, number = 0;
  const counted = file.readable.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytesRead += chunk.length;
        controller.enqueue(chunk);
      },
    }),
  );
  const chunks = compressed ? gunzip(counted, path) : counted;
  for await (const line of byteLines(chunks, path)) {
    number++;
    const start = number === 1 && BYTE_ORDER_MARK.every((byte, i) => line[i] === byte) ? 3 : 0;
    try {
      const row = parseJsonLine(line.subarray(start));
      if (row !== undefined) yield { place: `line ${number}`, row, bytesRead };
    } catch (error) {
      if (!(error instanceof BadRow)) throw error;
      yield { place: `line ${number}`, row: error, bytesRead };
    }
  }
}

// Not DecompressionStream: it refuses the second of several members, which appending writers make.
async function* gunzip(
  bytes: ReadableStream<Uint8Array>,
  path: string,
): AsyncGenerator<Uint8Array> {
  const source = Readable.fromWeb(bytes as Parameters<typeof Readable.fromWeb>[0]);
  const gunzip = source.pipe(createGunzip());
  source.on("error", (error) => gunzip.destroy(error));
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const remedy = "damaged or half-written gzip: copy or write the file again";
    throw new UsageError(path, reason, remedy, { cause: error });
  } finally {
    source.destroy();
  }
}
