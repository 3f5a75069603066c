import { UsageError } from "../errors.ts";
import { chooseFrom } from "../suggest.ts";
import { RECORD_FIELDS, type RecordField, type RolloutFormat } from "./format.ts";
import { jsonLines } from "./json_lines.ts";
import { ParquetFile } from "./parquet_rows.ts";
import { printable } from "./printable.ts";
import { provenFormat, rolloutFormat, rolloutFormats } from "./readers.ts";
import { columnList, columnsRead, recordOf, type RowMapping } from "./record_of.ts";
import type { RolloutRecord } from "./record.ts";
import { type RolloutFile, rolloutFiles } from "./rollout_files.ts";
import { BadRow, type Row, Skipped } from "./row.ts";
import type { SourceRow } from "./source.ts";
import { checkTokenizer, type RolloutTokenizer } from "./tokenizer.ts";

/** What cannot be known from a file of rollouts. Fields are named in errors as flags of commands. */
export interface ReadOptions {
  /** A name of `rolloutFormats`. Default: the one that the first row's columns prove; where none does, an error asks. */
  readonly format?: string | undefined;
  /** Columns of fields, before those of the format; "" leaves an optional field out. `a.b` is b inside of a. */
  readonly map?: Readonly<Partial<Record<RecordField, string>>> | undefined;
  /** The lowest and the highest reward, which become outcomes 0 and 1. Needed where outcomes are numbers of unknown range. */
  readonly outcomeRange?: readonly [number, number] | undefined;
  /** Whose results of lm-evaluation-harness are taken. */
  readonly filter?: string | undefined;
  /** Who wrote the rollouts that do not say so themselves, as In-Context Conditioning names it. */
  readonly actor?: string | undefined;
  /** Gives text to records that have only token ids; all records are held to it. */
  readonly tokenizer?: RolloutTokenizer | undefined;
  /** The share of rows in [0, 1) that may be bad. Default: 0, the first bad row is an error. */
  readonly maxBadShare?: number | undefined;
  /** Told a few times a second. */
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
}

/** How far a reading is. */
export interface ReadProgress {
  readonly bytesRead: number;
  readonly bytes: number;
  readonly records: number;
  readonly bytesPerSecond: number;
  /** Undefined until there is something to go by. */
  readonly secondsLeft: number | undefined;
}

/** What has been read. */
export interface ReadCounts {
  /** Records given out. */
  read: number;
  /** Rows that could not be read. */
  bad: number;
  /** What is wrong with the first few of them: file, place, column, remedy. */
  readonly reasons: string[];
  /** Sound rows left out, by reason: another filter's, say. */
  readonly skipped: Record<string, number>;
}

/** Rollouts as they are read, and what came of it. */
export interface RolloutStream extends AsyncIterable<RolloutRecord> {
  /** Of the reading that began last; whole when it has ended. */
  readonly counts: ReadCounts;
  /** The format; undefined before the first row is read, unless it was given. */
  readonly format: RolloutFormat | undefined;
}

/** Rows that are kept to be told. */
const REASONS = 3;
/** As many rows are read before all of them being bad is taken for a wrong format. */
const ALL_BAD = 100;
const MILLISECONDS_BETWEEN_REPORTS = 200;
/** As much of a value as a message shows. */
const SHOWN = 80;

/**
 * The rollouts in a file, or in the files of a folder: JSON lines (`.gz` or not) line by line, Parquet by row groups, so that
 * memory does not grow with the file. Text in them is whatever a model wrote: show it by `printable`, run none of it.
 *
 * @throws UsageError when called for a bad option, and while reading: for the format, outcome or range that the user has to
 *   say, for a file that is empty, half-written or something else, for more bad rows than `maxBadShare`, and for no
 *   rollouts at all.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { readRollouts } from "genac";
 *
 * const rollouts = readRollouts("lib/rollouts/testdata/monte_carlo_zstd.parquet");
 * for await (const { outcome, probes } of rollouts) {
 *   for (const { mean } of probes!) assert.ok(mean >= 0 && outcome <= 1);
 * }
 * assert.equal(rollouts.format!.name, "monte-carlo"); // its columns say so
 * assert.equal(rollouts.counts.read, 2);
 * ```
 */
export function readRollouts(path: string, options: ReadOptions = {}): RolloutStream {
  checkOptions(options);
  return new Reading(path, options);
}

class Reading implements RolloutStream {
  counts: ReadCounts = { read: 0, bad: 0, reasons: [], skipped: {} };
  format: RolloutFormat | undefined;

  constructor(readonly path: string, readonly options: ReadOptions) {
    if (options.format !== undefined) this.format = rolloutFormat(options.format);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RolloutRecord> {
    const counts: ReadCounts = { read: 0, bad: 0, reasons: [], skipped: {} };
    this.counts = counts;
    const files = rolloutFiles(this.path);
    const report = reporter(files, this.options.onProgress);
    let bytesBefore = 0;
    for (const file of files) {
      for await (const { place, row, bytesRead } of this.#rows(file)) {
        const record = this.#read(file, place, row);
        if (record) {
          counts.read++;
          yield record;
        }
        report(bytesBefore + bytesRead, counts.read);
      }
      bytesBefore += file.bytes;
    }
    report(bytesBefore, counts.read, true);
    this.#conclude();
  }

  async *#rows(file: RolloutFile): AsyncGenerator<SourceRow> {
    if (file.kind !== "parquet") {
      yield* jsonLines(file.path, file.kind === "gzip");
      return;
    }
    using parquet = await ParquetFile.open(file.path);
    const names = parquet.columns;
    const format = this.#formatOf(file, Object.fromEntries(names.map((name) => [name, undefined])));
    // Where the outcome has yet to be named, the error lists what holds numbers.
    const isWhole = (this.options.map?.outcome ?? format.columns.outcome) === undefined;
    yield* parquet.rows(isWhole ? names : columnsRead(this.#mapping(format)));
  }

  /** The record, or undefined for a row that is skipped or bad. Throws where that is too much. */
  #read({ path }: RolloutFile, place: string, row: Row | BadRow): RolloutRecord | undefined {
    const { counts, options } = this;
    try {
      if (row instanceof BadRow) throw row;
      const format = this.#formatOf({ path }, row);
      const flat = format.flatten?.(row, { file: path, filter: options.filter }) ?? row;
      if (flat instanceof Skipped) {
        counts.skipped[flat.reason] = (counts.skipped[flat.reason] ?? 0) + 1;
        return undefined;
      }
      return this.#completed(recordOf(flat, this.#mapping(format)));
    } catch (error) {
      if (!(error instanceof BadRow)) throw error;
      counts.bad++;
      const { maxBadShare = 0 } = options;
      const where = `${printable(path)}, ${place}: ${printable(error.field, SHOWN)}`;
      const value = shown(error.value);
      const failure = new UsageError(where, value, printable(error.remedy, 1000), { cause: error });
      if (counts.reasons.length < REASONS) counts.reasons.push(failure.message);
      if (maxBadShare === 0) throw failure;
      if (counts.bad === ALL_BAD && counts.read === 0) this.#refuse();
      return undefined;
    }
  }

  /** The record with what the user said beside the file. */
  #completed(record: RolloutRecord): RolloutRecord {
    const { tokenizer, actor } = this.options;
    const named = actor === undefined ? record : { actor, ...record };
    if (!tokenizer) return named;
    checkTokenizer(tokenizer, record);
    const { prompt, response } = record;
    const text = (passage: RolloutRecord["prompt"], special: boolean) =>
      passage.text ?? tokenizer.decode(passage.tokens ?? [], { special });
    return {
      ...named,
      prompt: { ...prompt, text: text(prompt, true) },
      response: { ...response, text: text(response, false) },
    };
  }

  #formatOf({ path }: { readonly path: string }, row: Row): RolloutFormat {
    if (this.format) return this.format;
    const { map = {} } = this.options;
    const isMapped = (map.prompt ?? map.promptTokens) !== undefined &&
      (map.response ?? map.responseTokens) !== undefined && map.outcome !== undefined;
    this.format = provenFormat(row) ?? (isMapped ? rolloutFormats.jsonl : undefined);
    if (this.format) return this.format;
    const names = Object.keys(rolloutFormats).join(", ");
    const remedy =
      `which format is this? its columns (${
        columnList(row)
      }) prove none; give --format with one of ` +
      `${names}, or --map prompt=COLUMN,response=COLUMN,outcome=COLUMN`;
    throw new UsageError(path, "unknown format", remedy);
  }

  #mapping(format: RolloutFormat): RowMapping {
    const { map = {}, outcomeRange, tokenizer } = this.options;
    return { format, map, outcomeRange, tokenizer };
  }

  #conclude(): void {
    const { read, bad, skipped } = this.counts;
    if (bad / (read + bad) > (this.options.maxBadShare ?? 0)) this.#refuse();
    if (read > 0) return;
    const reasons = Object.entries(skipped).map(([reason, count]) =>
      `${count}: ${printable(reason, SHOWN)}`
    );
    const why = reasons.length > 0 ? `all rows were left out (${reasons.join("; ")})` : "no rows";
    throw new UsageError(
      this.path,
      "no rollouts",
      `${why}: give another file, or another --filter`,
    );
  }

  #refuse(): never {
    const { read, bad, reasons } = this.counts;
    const remedy = `more than --max-bad-share ${this.options.maxBadShare}; the first: ${
      reasons.join("; ")
    }`;
    throw new UsageError(this.path, `${bad} of ${read + bad} rows are bad`, remedy);
  }
}

/** A number as it is, text and all else short and printable. */
function shown(value: unknown): unknown {
  if (typeof value === "number") return value;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return printable(text ?? String(value), SHOWN);
}

function checkOptions({ map = {}, outcomeRange, maxBadShare = 0 }: ReadOptions): void {
  const unknown = Object.keys(map).find((field) =>
    !(RECORD_FIELDS as readonly string[]).includes(field)
  );
  if (unknown !== undefined) {
    throw new UsageError(
      "--map",
      unknown,
      `no field of a rollout; ${chooseFrom(unknown, RECORD_FIELDS)}`,
    );
  }
  if (outcomeRange && !(outcomeRange[0] < outcomeRange[1] && outcomeRange.every(Number.isFinite))) {
    throw new UsageError(
      "--outcome-range",
      outcomeRange.join(","),
      "give LOWEST,HIGHEST, e.g. =0,1",
    );
  }
  if (!(maxBadShare >= 0 && maxBadShare < 1)) {
    throw new UsageError("--max-bad-share", maxBadShare, "give a share from 0 to below 1");
  }
}

function reporter(files: readonly RolloutFile[], listener: ReadOptions["onProgress"]) {
  const began = performance.now();
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  let last = began;
  return (bytesRead: number, records: number, isLast = false): void => {
    const now = performance.now();
    if (!listener || (now - last < MILLISECONDS_BETWEEN_REPORTS && !isLast)) return;
    last = now;
    const bytesPerSecond = 1000 * bytesRead / Math.max(now - began, 1);
    const secondsLeft = bytesRead > 0 ? (bytes - bytesRead) / bytesPerSecond : undefined;
    listener({ bytesRead, bytes, records, bytesPerSecond, secondsLeft });
  };
}
