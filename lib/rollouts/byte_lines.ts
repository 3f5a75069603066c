import { UsageError } from "../errors.ts";

/** A line longer than this is none: the file is something else. */
const MAX_LINE_BYTES = 1 << 28;

const NEWLINE = 10;

/**
 * The lines of a stream of bytes, without their ends, one at a time: no more is held than a line and a chunk.
 *
 * @param name The file's name in messages.
 * @throws UsageError for a line of more than 256 MiB.
 */
export async function* byteLines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  maxBytes = MAX_LINE_BYTES,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [], heldBytes = 0;
  const hold = (bytes: Uint8Array) => {
    held.push(bytes);
    heldBytes += bytes.length;
    if (heldBytes <= maxBytes) return;
    const remedy = "are these JSON lines, one object a line? of a JSON array make them by " +
      "`jq -c '.[]' FILE > FILE.jsonl`";
    throw new UsageError(name, `a line of more than ${maxBytes} bytes`, remedy);
  };
  const release = (): Uint8Array => {
    const line = held.length === 1 ? held[0]! : joined(held, heldBytes);
    held = [];
    heldBytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      hold(chunk.subarray(from, end));
      yield release();
      from = end + 1;
    }
    // A copy, as the stream may fill the chunk's memory anew.
    if (from < chunk.length) hold(chunk.slice(from));
  }
  if (heldBytes > 0) yield release();
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
