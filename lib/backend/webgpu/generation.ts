import type {
  DecodingShape,
  GenerationProgram,
  GenerationRecorder,
  GenerationRow,
} from "../../tensor/backend.ts";
import { type Buffer, elements, recorded, Tape } from "../../tensor/tape.ts";
import { checkGeneration } from "../check_generation.ts";
import { samplingWords } from "./decoding.ts";
import { type Dispatch, grid, type Special } from "./dispatch.ts";
import type { GemmTuning } from "./gemm.ts";
import { Lowering } from "./lower.ts";
import { found, Program, type View } from "./program.ts";
import { promptLength, readTokens, sharedPrompts } from "./prompts.ts";
import { Responses } from "./responses.ts";
import type { WebGpuState } from "./state.ts";

/** Steps before rows are looked at first, and most of them between two looks. */
const FIRST = 8, MOST = 32;

/** Bytes that a layer's cache of keys and values has at most, which every device can bind, and all layers' together. */
const LAYER_BYTES = 2 ** 27, CACHE_BYTES = 2 ** 31;

/** How a generation chooses tokens and when it stops. */
export type GenerationSettings = Parameters<GenerationProgram["run"]>[1];

/** What a generation runs: a step of `rows` rows, and the reading of one text of a length. */
export interface GenerationTapes {
  readonly rows: number;
  readonly step: Tape;
  prefill(length: number): Tape;
}

/** Records the tapes; of more rows than the caches may have come several groups. */
export function generationTapes(
  { rows, capacity }: DecodingShape,
  recorder: GenerationRecorder,
): GenerationTapes {
  const step = (rows: number) =>
    recorded(new Tape(rows, 1, false), (t) => recorder.step(t, capacity));
  const bytes = step(1).buffers.filter((b) => b.space === "cache").map((b) => 4 * elements(b));
  const most = Math.min(
    ...bytes.map((layer) => LAYER_BYTES / layer),
    CACHE_BYTES / bytes.reduce((sum, layer) => sum + layer, 0),
  );
  const side = Math.max(1, Math.min(rows, Math.floor(most)));
  return {
    rows: side,
    step: step(side),
    prefill: (length) =>
      recorded(new Tape(1, length, false), (tape) => recorder.prefill(tape, capacity)),
  };
}

/** Memory of a program, besides its caches: words a row, and for all rows. */
type Own =
  | "tokens"
  | "filled"
  | "last"
  | "rowIds"
  | "next"
  | "finished"
  | "responses"
  | "sampling"
  | "stops"
  | "chosen";

/** The reading of texts of one length. */
interface Prefill {
  readonly program: Program;
  readonly tokens: GPUBuffer;
}

/** Rows that are generated side by side. */
interface Job {
  readonly rows: readonly GenerationRow[];
  readonly settings: GenerationSettings;
  readonly responses: Responses;
  /** Steps that are submitted, and that are not. */
  done: number;
  left: number;
  resolve(tokens: Promise<number[][]>): void;
  reject(error: unknown): void;
}

/**
 * Generation with a pretrained model: prompts are read whole, then rows go on token by token, each at its own place. Steps
 * go out many at a time; where rows may end early, what they have said is read back after 8 steps, 16 more, then every 32.
 *
 * A row's bits do not depend on the rows beside it: matrix products are such, and all else works row by row. The order of
 * calls is kept: runs of one program take turns, and what changes weights first makes them submit all that they have left.
 */
export class Generation implements GenerationProgram {
  readonly #dispatches: readonly Dispatch[];
  /** The step's programs, for runs with and without top-k or top-p sampling, and the prompts'; of the caches' `#version`. */
  readonly #steps = new Map<boolean, Program>();
  readonly #prefills = new Map<number, Prefill>();
  #version = 0;
  readonly #buffers: Readonly<Record<Own, GPUBuffer>>;
  /** Bytes of the caches by label. */
  readonly #caches: ReadonlyMap<string, number>;
  /** Runs of which not all that is needed is submitted; only the first has begun. */
  readonly #jobs: Job[] = [];

  constructor(
    private readonly state: WebGpuState,
    private readonly shape: DecodingShape,
    private readonly tapes: GenerationTapes,
    private readonly tuning: GemmTuning,
  ) {
    const { device } = state, { rows, step } = tapes, { capacity } = shape;
    const sample = step.instructions.find((i) => i.op === "sample_at");
    if (!sample) throw new Error("a generation program must sample");
    const words = (label: string, n: number) => device.buffer(label, n * 4);
    this.#buffers = {
      tokens: words("tokens", rows),
      filled: words("filled places", rows),
      last: words("last places", rows),
      rowIds: words("row ids", rows),
      next: words("next tokens", rows),
      finished: words("finished rows", rows),
      responses: words("responses", rows * capacity),
      sampling: words("sampling", 5),
      stops: words("stop tokens", Math.ceil(sample.classes / 32)),
      chosen: words("chosen rows", rows + 1),
    };
    this.#caches = new Map(
      step.buffers.filter((b) => b.space === "cache").map((b) => [b.label, 4 * elements(b)]),
    );
    const lowering = Lowering.of(step, tuning, undefined, "few rows");
    const operand = (label: Own) => step.batch(label);
    lowering.emit("advance_rows", grid(Math.ceil(rows / 256)), [rows, capacity], {
      ...{ stops: "stops", finished: "finished" },
      ...{ next: operand("next"), last: operand("last"), responses: operand("responses") },
      ...{ tokens: operand("tokens"), filled: operand("filled") },
    });
    this.#dispatches = lowering.dispatches;
  }

  /** The program of a step. */
  #step(isFiltered: boolean): Program {
    let program = this.#steps.get(isFiltered);
    if (!program) {
      const { device, pool } = this.state, FILTERED = Number(isFiltered);
      const dispatches = this.#dispatches.map((dispatch) =>
        dispatch.kernel === "sample_at"
          ? { ...dispatch, constants: { ...dispatch.constants, FILTERED } }
          : dispatch
      );
      program = new Program(device, dispatches, {
        pool,
        resolve: (x) => {
          // A token's position is its place.
          const label = nameOf(x) === "positions" ? "filled" : nameOf(x);
          return this.#view(x, this.#buffers[label as Own]);
        },
      });
      this.#steps.set(isFiltered, program);
    }
    return program;
  }

  #view(operand: Buffer | Special, own: GPUBuffer | undefined): View {
    const isBatch = typeof operand === "string" || operand.space === "batch";
    const cache = this.state.caches.get(nameOf(operand));
    return found(
      operand,
      isBatch && own ? { buffer: own } : undefined,
      this.state.resolve(operand),
      cache && { buffer: cache },
    );
  }

  async run(rows: readonly GenerationRow[], settings: GenerationSettings): Promise<number[][]> {
    checkGeneration(this.shape, rows, settings.stop);
    this.state.device.check();
    const side = this.tapes.rows, parts: Promise<number[][]>[] = [];
    for (let start = 0; start < rows.length; start += side) {
      const part = rows.slice(start, start + side);
      parts.push(
        new Promise((resolve, reject) => {
          this.#jobs.push({
            ...{ rows: part, settings, responses: new Responses(part, settings.stop) },
            ...{ done: 0, left: Math.max(...part.map((row) => row.maxTokens)) },
            ...{ resolve, reject },
          });
        }),
      );
    }
    if (this.#jobs.length === parts.length) this.#begin();
    return (await Promise.all(parts)).flat();
  }

  /** Begins the first run of the queue. */
  #begin(): void {
    const [job] = this.#jobs;
    if (!job) {
      this.state.running.delete(this);
      return;
    }
    this.#work(job).catch((error) => {
      if (this.#jobs[0] !== job) return; // its tokens are asked for: that fails, too
      job.reject(error);
      this.#jobs.shift();
      this.#begin();
    });
  }

  /** Makes the caches this program's: others submit all that they have left. */
  #takeCaches(): void {
    const { caches, running } = this.state;
    for (const other of running) if (other !== this) other.submitAll();
    caches.reserve(this.#caches);
    if (this.#version === caches.version) return;
    this.#version = caches.version;
    this.#steps.clear();
    this.#prefills.clear();
  }

  /** Submits a run's steps until all are, or no row is unfinished. */
  async #work(job: Job): Promise<void> {
    this.#takeCaches();
    this.state.running.add(this);
    this.#write(job);
    const { stop } = job.settings;
    const mayEnd = stop.tokens.length > 0 || (stop.texts?.length ?? 0) > 0;
    for (let steps = FIRST; mayEnd && steps < job.left; steps = Math.min(MOST, 2 * steps)) {
      this.#submit(job, steps);
      const { done } = job, places = await this.#read(job);
      if (this.#jobs[0] !== job) return; // `submitAll` was faster
      const { queue } = this.state.device.device;
      for (const row of job.responses.take(places, this.shape.capacity, done)) {
        queue.writeBuffer(this.#buffers.finished, row * 4, Uint32Array.of(1));
      }
      if (job.responses.haveEnded) job.left = 0;
    }
    this.#end(job);
  }

  /** Submits what is left of the first run, asks for its tokens, and begins the next. */
  #end(job: Job): void {
    this.#submit(job, job.left);
    job.resolve(
      this.#read(job).then((places) => {
        job.responses.take(places, this.shape.capacity, job.done);
        return job.responses.tokens;
      }),
    );
    this.#jobs.shift();
    this.#begin();
  }

  /** Submits all that is left of all runs: what is asked for later comes after them. */
  submitAll(): void {
    while (this.#jobs[0]) this.#end(this.#jobs[0]);
  }

  /** Sends a run's input to the device, and reads its prompts. */
  #write({ rows, settings }: Job): void {
    const { queue } = this.state.device.device, side = this.tapes.rows;
    const { stops: { size } } = this.#buffers, stops = new Uint32Array(size / 4);
    for (const token of settings.stop.tokens) {
      // A token that the model does not have ends nothing.
      if (token >>> 5 < stops.length) stops[token >>> 5]! |= 1 << (token & 31);
    }
    const column = (of: (row: GenerationRow) => number) => {
      const words = new Int32Array(side);
      rows.forEach((row, i) => words[i] = of(row));
      return words;
    };
    const contents = {
      stops,
      sampling: samplingWords(settings),
      tokens: column(({ prompt }) => prompt.at(-1)!),
      filled: column(({ prompt }) => prompt.length - 1),
      last: column(({ prompt, maxTokens }) => prompt.length + maxTokens - 2),
      rowIds: column(({ row }) => row),
      finished: column(({ maxTokens }) => Number(maxTokens === 0)).fill(1, rows.length),
    };
    for (const [name, words] of Object.entries(contents)) {
      queue.writeBuffer(this.#buffers[name as Own], 0, words);
    }
    for (const { tokens, rows: chosen } of sharedPrompts(rows.map((r) => readTokens(r.prompt)))) {
      const prefill = this.#prefill(promptLength(tokens.length));
      queue.writeBuffer(prefill.tokens, 0, Int32Array.from(tokens));
      queue.writeBuffer(this.#buffers.chosen, 0, Uint32Array.of(chosen.length, ...chosen));
      prefill.program.submit();
    }
  }

  #prefill(length: number): Prefill {
    let prefill = this.#prefills.get(length);
    if (!prefill) {
      const { state: { device, pool }, tapes, tuning } = this;
      const tape = tapes.prefill(length);
      const lowering = Lowering.of(tape, tuning, undefined, "rows");
      const words = (label: string) => device.buffer(`${label} of a prompt`, length * 4);
      const own: Record<string, GPUBuffer> = {
        ...{ tokens: words("tokens"), positions: words("positions") },
        chosen: this.#buffers.chosen,
      };
      // Padding may be behind the table's end.
      const table = tape.instructions.find((i) => i.op === "rope_halves")?.table;
      const last = (table?.rows ?? length) - 1;
      const positions = Int32Array.from({ length }, (_, i) => Math.min(i, last));
      device.device.queue.writeBuffer(own.positions!, 0, positions);
      const program = new Program(device, lowering.dispatches, {
        pool,
        resolve: (x) => this.#view(x, own[nameOf(x)]),
      });
      this.#prefills.set(length, prefill = { program, tokens: own.tokens! });
    }
    return prefill;
  }

  #submit(job: Job, steps: number): void {
    const { topK, topP } = job.settings;
    const program = this.#step(topK !== undefined || topP !== undefined);
    for (let t = 0; t < steps; t += FIRST) {
      this.state.device.submit((pass) => {
        for (let i = t; i < Math.min(steps, t + FIRST); i++) program.encode(pass);
      });
    }
    job.done += steps;
    job.left -= steps;
  }

  /** (rows, capacity): what has been chosen at each place. */
  async #read({ rows }: Job): Promise<Int32Array> {
    const bytes = rows.length * this.shape.capacity * 4;
    const [read] = await this.state.device.read([{ buffer: this.#buffers.responses, bytes }]);
    return new Int32Array(read!);
  }
}

function nameOf(operand: Buffer | Special): string {
  return typeof operand === "string" ? operand : operand.label;
}
