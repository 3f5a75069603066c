import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { UsageError } from "../errors.ts";
import { guarded } from "../run/files.ts";
import { printable } from "./printable.ts";
import { BadRow, type Row } from "./row.ts";
import type { SourceRow } from "./source.ts";

/** A Parquet file that is open for reading. */
export class ParquetFile {
  readonly #file: Deno.FsFile;
  readonly #bytes: AsyncBuffer;
  readonly #metadata: FileMetaData;

  private constructor(
    readonly path: string,
    file: Deno.FsFile,
    bytes: AsyncBuffer,
    metadata: FileMetaData,
  ) {
    this.#file = file;
    this.#bytes = bytes;
    this.#metadata = metadata;
  }

  /** Throws a UsageError for a file that is half written or damaged. */
  static async open(path: string): Promise<ParquetFile> {
    const file = guarded(path, () => Deno.openSync(path));
    try {
      const bytes = {
        byteLength: file.statSync().size,
        slice: (from: number, to?: number) => slice(file, from, to),
      };
      const tail = bytes.byteLength < 12
        ? ""
        : new TextDecoder().decode(bytes.slice(bytes.byteLength - 4));
      if (tail === "PARE") {
        throw new UsageError(path, tail, "encrypted Parquet cannot be read: decrypt it");
      }
      if (tail !== "PAR1") {
        const remedy =
          "no Parquet footer: the file is half written or cut; let its writer finish, or copy it again";
        throw new UsageError(path, `${bytes.byteLength} bytes`, remedy);
      }
      return new ParquetFile(
        path,
        file,
        bytes,
        await damaged(path, () => parquetMetadataAsync(bytes)),
      );
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Names of the columns, nested ones by their outermost. */
  get columns(): string[] {
    return parquetSchema(this.#metadata).children.map(({ element }) => element.name);
  }

  /**
   * The rows, a row group in memory at a time. A bigint becomes a number, or the row bad where none is equal.
   *
   * @param columns The ones to read; others are undefined. Default: all.
   */
  async *rows(columns?: readonly string[]): AsyncGenerator<SourceRow> {
    const all = this.columns;
    const wanted = columns ? all.filter((name) => columns.includes(name)) : all;
    const empty = Object.fromEntries(all.map((name) => [name, undefined]));
    let rowStart = 0, bytesRead = 0;
    for (const group of this.#metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      const rows = await damaged(this.path, () =>
        parquetReadObjects({
          file: this.#bytes,
          metadata: this.#metadata,
          columns: wanted,
          rowStart,
          rowEnd,
          compressors,
        }));
      bytesRead += Number(group.total_compressed_size ?? group.total_byte_size);
      for (const [i, row] of rows.entries()) {
        yield {
          place: `row ${rowStart + i + 1}`,
          row: plainRow({ ...empty, ...row }),
          bytesRead,
        };
      }
      rowStart = rowEnd;
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Bytes of a file. At once, so that reads which hyparquet starts together do not move each other's place. */
function slice(file: Deno.FsFile, from: number, to = file.statSync().size): ArrayBuffer {
  const bytes = new Uint8Array(to - from);
  file.seekSync(from, Deno.SeekMode.Start);
  for (let at = 0; at < bytes.length;) {
    const read = file.readSync(bytes.subarray(at));
    if (read === null) throw new Error("the file is shorter than it was");
    at += read;
  }
  return bytes.buffer;
}

/** Runs `read`; what goes wrong in it is the file's fault. */
async function damaged<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const reason = printable(error instanceof Error ? error.message : String(error), 200);
    throw new UsageError(path, reason, "damaged Parquet: write or copy it again", { cause: error });
  }
}

function plainRow(row: Row): Row | BadRow {
  try {
    return Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, plain(name, value)]),
    );
  } catch (error) {
    if (error instanceof BadRow) return error;
    throw error;
  }
}

/** The value as JSON would have it. */
function plain(column: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    throw new BadRow(
      column,
      String(value),
      "an integer beyond 2^53 - 1, which no id or count can be",
    );
  }
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map((item) => plain(column, item));
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value as unknown as ArrayLike<unknown>, (item) => plain(column, item));
  }
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(column, item)]));
}
