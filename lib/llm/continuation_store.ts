/**
 * Finished continuations, kept: one line of JSON for each batch of a state's, added when it is graded, so that whatever
 * ends the process loses only what was under way.
 */
import { dirname } from "node:path";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import { guarded } from "../run/files.ts";

const batch = z.strictObject({
  outcomes: z.array(z.number().min(0).max(1)).min(1).describe("one a continuation"),
  tokens: z.int().nonnegative().describe("tokens that were written for all of them"),
  cut: z.int().nonnegative().describe("continuations that the token limit ended"),
  failures: z.int().nonnegative().describe(
    "continuations at which the verifier failed; their outcome is 0",
  ),
  failure: z.string().optional().describe("what the verifier said at the first of these"),
});

const line = z.strictObject({
  key: z.string().describe("the state: see `stateKey`"),
  first: z.int().nonnegative().describe("the number of the batch's first continuation"),
  ...batch.shape,
});

const NEWLINE = 10;

/** Some graded continuations of one state. */
export type ContinuationBatch = z.infer<typeof batch>;

/** A file of graded continuations, for one process at a time. */
export class ContinuationStore implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #batches = new Map<string, ContinuationBatch[]>();
  /** The last line was not written whole, and is left out. */
  readonly isTorn: boolean;

  /**
   * Opens the file, or begins it.
   *
   * @throws UsageError where another process has it open, and for a line that is something else.
   */
  constructor(readonly path: string) {
    this.#file = guarded(path, () => {
      Deno.mkdirSync(dirname(path), { recursive: true });
      return Deno.openSync(path, { read: true, write: true, create: true });
    });
    try {
      if (!this.#file.tryLockSync(true)) {
        throw new UsageError(
          path,
          "held",
          "another process works here: wait, or give another --out",
        );
      }
      const bytes = guarded(path, () => this.#contents());
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      this.isTorn = end < bytes.length;
      const rows = new TextDecoder().decode(bytes.subarray(0, end)).split("\n").slice(0, -1);
      rows.forEach((row, i) => this.#read(row, i + 1));
      guarded(path, () => {
        this.#file.truncateSync(end);
        this.#file.seekSync(end, Deno.SeekMode.Start);
      });
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /** How many continuations are kept, of all states. */
  get size(): number {
    return [...this.#batches.keys()].reduce((sum, key) => sum + this.#count(key), 0);
  }

  /** The batches of a state, in order. */
  batches(key: string): readonly ContinuationBatch[] {
    return this.#batches.get(key) ?? [];
  }

  /** Keeps a state's next batch. */
  add(key: string, added: ContinuationBatch): void {
    const first = this.#count(key);
    const bytes = new TextEncoder().encode(`${JSON.stringify({ key, first, ...added })}\n`);
    guarded(this.path, () => {
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
      this.#file.syncDataSync();
    });
    this.#keep(key, added);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  /** Read through the open file: Windows lets no other into a locked one. */
  #contents(): Uint8Array {
    const bytes = new Uint8Array(this.#file.statSync().size);
    let length = 0;
    while (length < bytes.length) {
      const count = this.#file.readSync(bytes.subarray(length));
      if (count === null) break;
      length += count;
    }
    return bytes.subarray(0, length);
  }

  #read(row: string, number: number): void {
    let value: unknown;
    try {
      value = JSON.parse(row);
    } catch { /* said below */ }
    const parsed = line.safeParse(value);
    const { key, first, ...added } = parsed.data ?? { key: "", first: -1 };
    if (!("outcomes" in added) || first !== this.#count(key)) {
      throw new UsageError(
        this.path,
        `line ${number}`,
        "no continuations of a state, or not its next ones: move the file away to compute them again",
      );
    }
    this.#keep(key, added);
  }

  #keep(key: string, added: ContinuationBatch): void {
    this.#batches.set(key, [...this.batches(key), added]);
  }

  #count(key: string): number {
    return this.batches(key).reduce((sum, { outcomes }) => sum + outcomes.length, 0);
  }
}
