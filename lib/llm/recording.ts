/**
 * What a server answered, kept: one line of JSON a request, so that results which rest on a language model can be had
 * again to the bit, without the model.
 *
 * The first line says which server it was. Every other holds a request (endpoint, body, sample index) and its whole
 * answer, and is named by the SHA-256 of the request's canonical JSON: an answer depends on what is asked, not on when.
 * Lines are only ever added; refusals and broken answers are not kept.
 */
import { dirname } from "node:path";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import { canonicalJson, sha256 } from "../numeric/digest.ts";
import { exists, guarded } from "../run/files.ts";
import { firstDifference } from "./recording_miss.ts";
import { serverAbilities } from "./server_abilities.ts";

/** Raised when the layout changes, or what is in a key. */
const FORMAT = 1;

const header = z.strictObject({
  format: z.literal(FORMAT),
  server: z.record(z.string(), z.unknown()).describe(
    "what tells this server and model from others: names as the server has them, versions, sizes, digests; no " +
      "address and no key",
  ),
  abilities: serverAbilities,
});

const recordedRequest = z.strictObject({
  endpoint: z.string(),
  sample: z.int().nonnegative(),
  body: z.record(z.string(), z.unknown()),
});

const line = z.strictObject({
  key: z.string(),
  ...recordedRequest.shape,
  answer: z.unknown(),
});

/** The first line: which server was asked, and what it can do, on which the words of the requests depend. */
export type RecordingHeader = z.infer<typeof header>;

/** What an answer is kept under. `sample` tells equal bodies apart. */
export type RecordedRequest = z.infer<typeof recordedRequest>;

/** "replay" never asks and fails on what is not kept; "record" asks for what is not, and keeps it. */
export type RecordingMode = "replay" | "record";

/** Where a line lies in the file. */
interface Place {
  readonly start: number;
  readonly length: number;
}

/** A file of answers; see above. It is read by one process at a time while that records. */
export class Recording implements Disposable {
  #header: RecordingHeader | undefined;
  readonly #places = new Map<string, Place>();
  /** Requests that are under way: what is asked twice at once is asked once. */
  readonly #pending = new Map<string, Promise<unknown>>();
  readonly #source: Source;
  #end: number;

  private constructor(
    readonly path: string,
    readonly mode: RecordingMode,
    source: Source,
    end: number,
    /** What was wrong with the file and could be mended, for people; undefined where nothing was. */
    readonly warning: string | undefined,
  ) {
    this.#source = source;
    this.#end = end;
  }

  /**
   * Opens the recording at `path`. To replay, a file ".gz" may be compressed by gzip.
   *
   * @throws UsageError where there is none to replay, where another process records into it, and for a line that is no
   *   recording's. Of a last line that was not written whole the rest of the file is kept.
   */
  static async open(path: string, mode: RecordingMode): Promise<Recording> {
    const source = mode === "replay" ? await openToReplay(path) : openToRecord(path);
    try {
      const scan = scanLines(source);
      const isTorn = scan.end < source.size();
      const recording = new Recording(
        path,
        mode,
        source,
        scan.end,
        isTorn ? `${path}: the last line was not written whole; it is left out` : undefined,
      );
      recording.#read(scan.places);
      if (isTorn && mode === "record") source.truncate(scan.end);
      return recording;
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** Which server was asked; undefined for a new file. */
  get header(): RecordingHeader | undefined {
    return this.#header;
  }

  /** How many answers are kept. */
  get size(): number {
    return this.#places.size;
  }

  /**
   * Names the server, in the first line of a new file.
   *
   * @throws UsageError where the file is of another.
   */
  begin(given: Omit<RecordingHeader, "format">): void {
    if (this.#header === undefined) {
      this.#header = { format: FORMAT, ...given };
      this.#append(this.#header);
      return;
    }
    const difference = firstDifference(this.#header.server, given.server);
    if (difference === undefined) return;
    const { field, recorded, asked } = difference;
    throw new UsageError(
      this.path,
      field,
      `it was recorded from another server (${recorded}, not ${asked}): give another file`,
    );
  }

  /**
   * The answer to this request: the one that is kept, or `ask`'s, which then is.
   *
   * @throws UsageError for a request that is not there to replay, with the first field that differs from the most similar
   *   one that is. What `ask` throws is not kept.
   */
  answer(request: RecordedRequest, ask: () => Promise<unknown>): Promise<unknown> {
    const key = keyOf(request);
    const place = this.#places.get(key);
    if (place) return Promise.resolve(this.#line(place).answer);
    if (this.mode === "replay") return Promise.reject(this.#miss(request));
    const pending = this.#pending.get(key);
    if (pending) return pending;
    const asked = ask().then((answer) => {
      this.#places.set(key, this.#append({ key, ...request, answer }));
      return answer;
    }).finally(() => this.#pending.delete(key));
    this.#pending.set(key, asked);
    return asked;
  }

  /** Lets another process have the file. */
  [Symbol.dispose](): void {
    this.#source.close();
  }

  #read(places: readonly Place[]): void {
    for (const [i, place] of places.entries()) {
      const field = `${this.path}, line ${i + 1}`;
      const value = this.#parse(place, field);
      if (i === 0) {
        this.#header = checked(header, value, field);
        continue;
      }
      const { key, endpoint, sample, body } = checked(line, value, field);
      if (key !== keyOf({ endpoint, sample, body })) {
        throw new UsageError(field, key, "damaged: not the key of its request; take the line out");
      }
      this.#places.set(key, place);
    }
    if (this.mode === "replay" && this.#header === undefined) {
      throw new UsageError(this.path, "empty", "record it first");
    }
  }

  #parse(place: Place, field: string): unknown {
    const text = new TextDecoder().decode(this.#source.read(place));
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new UsageError(field, text.slice(0, 40), "damaged: no JSON; take the line out", {
        cause: error,
      });
    }
  }

  #line(place: Place): z.infer<typeof line> {
    return this.#parse(place, this.path) as z.infer<typeof line>;
  }

  #append(value: unknown): Place {
    const bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
    this.#source.write(bytes);
    const place = { start: this.#end, length: bytes.length - 1 };
    this.#end += bytes.length;
    return place;
  }

  #miss(request: RecordedRequest): UsageError {
    let best: ReturnType<typeof firstDifference>;
    for (const place of this.#places.values()) {
      const { endpoint, sample, body } = this.#line(place);
      const found = firstDifference({ endpoint, sample, body }, request);
      if (found && (!best || found.distance < best.distance)) best = found;
    }
    if (!best) return new UsageError(this.path, "no answers", "record them first");
    return new UsageError(
      this.path,
      best.field,
      `this request was not recorded: the most similar one has ${best.recorded} there, this one ` +
        `${best.asked}; record it, or ask what was recorded`,
    );
  }
}

function keyOf(request: RecordedRequest): string {
  const { endpoint, sample, body } = request;
  return sha256(new TextEncoder().encode(canonicalJson({ endpoint, sample, body })));
}

function checked<T>(schema: z.ZodType<T>, value: unknown, field: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new UsageError(
    field,
    path.join("."),
    `no line of a recording of format ${FORMAT}: ${message}`,
  );
}

/** The file's bytes. */
interface Source {
  size(): number;
  read(place: Place): Uint8Array;
  /** At the end. */
  write(bytes: Uint8Array): void;
  truncate(length: number): void;
  close(): void;
}

async function openToReplay(path: string): Promise<Source> {
  if (!exists(path)) throw new UsageError(path, "missing", "record it first");
  if (!path.endsWith(".gz")) return fileSource(path, guarded(path, () => Deno.openSync(path)));
  const compressed = guarded(path, () => Deno.readFileSync(path));
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    return memorySource(new Uint8Array(await new Response(stream).arrayBuffer()));
  } catch (error) {
    throw new UsageError(
      path,
      "damaged",
      "no whole gzip file: gunzip it by hand to see how far it goes",
      {
        cause: error,
      },
    );
  }
}

function openToRecord(path: string): Source {
  if (path.endsWith(".gz")) {
    throw new UsageError(path, "compressed", "record into a file without .gz, and gzip it after");
  }
  return guarded(path, () => {
    const file = openOrCreate(path);
    if (isFree(file)) return fileSource(path, file);
    file.close();
    throw new UsageError(
      path,
      "in use",
      "another process records into it: wait, or give another file",
    );
  });
}

/** Makes the folder only where it is missing: a task that may use the file may not even look at its folder. */
function openOrCreate(path: string): Deno.FsFile {
  const options = { read: true, write: true, create: true };
  try {
    return Deno.openSync(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(dirname(path), { recursive: true });
    return Deno.openSync(path, options);
  }
}

/** Whether nobody else records into the file; nobody will while it is open. */
function isFree(file: Deno.FsFile): boolean {
  try {
    return file.tryLockSync(true);
  } catch {
    // Some network file systems have no locks.
    return true;
  }
}

function memorySource(bytes: Uint8Array): Source {
  const refuse = () => {
    throw new TypeError("a compressed recording is only read");
  };
  return {
    size: () => bytes.length,
    read: ({ start, length }) => bytes.subarray(start, start + length),
    write: refuse,
    truncate: refuse,
    close: () => {},
  };
}

function fileSource(path: string, file: Deno.FsFile): Source {
  let isOpen = true;
  return {
    size: () => file.statSync().size,
    read: ({ start, length }) =>
      guarded(path, () => {
        const bytes = new Uint8Array(length);
        file.seekSync(start, Deno.SeekMode.Start);
        let at = 0;
        while (at < length) {
          const count = file.readSync(bytes.subarray(at));
          if (count === null) break;
          at += count;
        }
        return bytes.subarray(0, at);
      }),
    write: (bytes) =>
      guarded(path, () => {
        file.seekSync(0, Deno.SeekMode.End);
        for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      }),
    truncate: (length) => guarded(path, () => file.truncateSync(length)),
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      file.close();
    },
  };
}

const BLOCK = 1 << 20, LINE_FEED = 10;

/** The lines that end in a line feed, and where the last of them ends. */
function scanLines(source: Source): { places: Place[]; end: number } {
  const places: Place[] = [], size = source.size();
  let start = 0;
  for (let at = 0; at < size; at += BLOCK) {
    const block = source.read({ start: at, length: Math.min(BLOCK, size - at) });
    for (let i = block.indexOf(LINE_FEED); i >= 0; i = block.indexOf(LINE_FEED, i + 1)) {
      if (at + i > start) places.push({ start, length: at + i - start });
      start = at + i + 1;
    }
  }
  return { places, end: start };
}
