import { UsageError } from "../errors.ts";
import { guarded } from "../run/files.ts";

/** What a file that ends too early wants. */
export const COPY_AGAIN = "the file is cut short: copy or download it again";

/**
 * The bytes of a file from `offset` on.
 *
 * @throws UsageError where there are fewer than `length`, and for a file that cannot be read.
 */
export function readRange(path: string, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  guarded(path, () => {
    using file = Deno.openSync(path);
    file.seekSync(offset, Deno.SeekMode.Start);
    while (filled < length) {
      const count = file.readSync(bytes.subarray(filled));
      if (count === null) break;
      filled += count;
    }
  });
  if (filled < length) {
    throw new UsageError(path, `${filled} of ${length} bytes from ${offset} on`, COPY_AGAIN);
  }
  return bytes;
}

/** What is at `path`. Throws a UsageError where there is nothing, or nothing that this process may see. */
export function statOf(path: string, remedy: string): Deno.FileInfo {
  return guarded(path, () => {
    try {
      return Deno.statSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new UsageError(path, "missing", remedy);
    }
  });
}
