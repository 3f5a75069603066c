import { withoutFinished } from "../generated_tokens.ts";
import type { DecodingProgram, DecodingShape, GenerationOptions } from "../../tensor/backend.ts";
import { elements, type Tape } from "../../tensor/tape.ts";
import type { Lowering } from "./lower.ts";
import { found, Program } from "./program.ts";
import type { WebGpuState } from "./state.ts";

/** Tokens that the longest prompt's row has when unfinished rows are counted first. */
const FIRST = 8;

/** Memory of a program, besides its caches. */
type Own =
  | "tokens"
  | "forced"
  | "positions"
  | "rowIds"
  | "sampling"
  | "stops"
  | "finished"
  | "step";

interface Run {
  readonly program: Program;
  /** Sends the input to the device. */
  readonly write: () => void;
  /** Steps before the rows are counted. */
  readonly first: number;
  /** Steps that are not submitted. */
  left: number;
  /** Tokens of all rows of the program. */
  readonly words: number;
  resolve(tokens: Promise<Int32Array>): void;
  reject(error: unknown): void;
}

/**
 * Generation for at most `rows` sequences of at most `capacity` tokens, token by token. Steps go out many at a time and
 * the tokens come back at the end. A counter on the device tells the kernels which step it is, so that one list of
 * dispatches serves all.
 *
 * Where stop tokens may end all rows early, the number of unfinished rows is read back now and then: first when the
 * longest prompt has FIRST tokens of its own, then after twice as many steps each time. So there are few waits, and at
 * most about as many steps in vain as in use. The order of calls is kept: runs of one program take turns, and what
 * changes weights first makes them submit all that they have left.
 */
export class Decoding implements DecodingProgram {
  /** The steps' dispatches, for runs with or without top-k or top-p sampling. */
  readonly #program: (isFiltered: boolean) => Program;
  /** The logits of the last step, and how many a row has. */
  readonly #logits: {
    readonly buffer: GPUBuffer;
    readonly stride: number;
    readonly classes: number;
  };
  readonly #half: boolean;
  readonly #buffers: Readonly<Record<Own, GPUBuffer>>;
  /** Runs of which not all that is needed is submitted; only the first has begun. */
  readonly #runs: Run[] = [];

  constructor(
    private readonly state: WebGpuState,
    tape: Tape,
    lowering: Lowering,
    private readonly shape: DecodingShape,
  ) {
    const { device, pool } = state;
    const { rows, capacity } = shape;
    const sample = tape.instructions.find((i) => i.op === "sample");
    if (!sample) throw new Error("a decoding program must sample");
    const { classes, x: logits } = sample;
    lowering.emit("advance", [1, 1, 1], [rows], {
      step: "step",
      stops: "stops",
      finished: "finished",
      forced: tape.batch("forced"),
      tokens: tape.batch("next"),
    });
    const size = (capacity + 1) * rows;
    const buffer = (label: string, words: number) => device.buffer(label, words * 4);
    this.#buffers = {
      tokens: buffer("tokens", size),
      forced: buffer("forced tokens", size),
      positions: buffer("positions", size),
      rowIds: buffer("row ids", rows),
      sampling: buffer("sampling", 5),
      stops: buffer("stop tokens", Math.ceil(classes / 32)),
      finished: buffer("finished rows", rows),
      step: buffer("step", 4),
    };
    const own: Readonly<Record<string, GPUBuffer>> = {
      ...this.#buffers,
      next: this.#buffers.tokens,
    };
    const ownView = (name: string) => own[name] && { buffer: own[name] };
    const { half } = lowering;
    this.#half = half.size > 0;
    const caches = new Map(
      tape.buffers.filter((b) => b.space === "cache")
        .map((b) => [b, buffer(b.label, elements(b) / (half.has(b) ? 2 : 1))]),
    );
    const programs: Program[] = [];
    this.#program = (isFiltered) =>
      programs[Number(isFiltered)] ??= new Program(
        device,
        lowering.dispatches.map((dispatch) =>
          dispatch.kernel === "sample"
            ? { ...dispatch, constants: { FILTERED: Number(isFiltered) } }
            : dispatch
        ),
        {
          sizes: lowering.sizes,
          pool,
          resolve: (operand) => {
            if (typeof operand === "string") return found(operand, ownView(operand));
            const cache = caches.get(operand);
            return found(
              operand,
              operand.space === "parameter" && half.has(operand)
                ? state.halfWeights.view(operand.label)
                : undefined,
              state.resolve(operand),
              cache && { buffer: cache },
              operand.space === "batch" ? ownView(operand.label) : undefined,
            );
          },
        },
      );
    this.#logits = {
      buffer: this.#program(false).workingMemory(logits)!,
      stride: logits.cols,
      classes,
    };
  }

  async logits(
    forced: Int32Array,
    positions: Int32Array,
    rowIds: Int32Array,
  ): Promise<Float32Array> {
    const { state, shape: { rows } } = this;
    const { buffer, stride, classes } = this.#logits;
    const { used, length } = this.#checkShape(forced, rowIds);
    const options = { temperature: 0, seed: 0, purpose: 0, stop: [] };
    const write = this.#prepare(forced, positions, rowIds, options);
    this.submitAll();
    write();
    const { device } = state.device, bytes = rows * stride * 4;
    const all = state.device.buffer("logits of all steps", length * bytes);
    const encoder = device.createCommandEncoder();
    for (let t = 0; t < length; t++) {
      const pass = encoder.beginComputePass();
      this.#program(false).encode(pass);
      pass.end();
      encoder.copyBufferToBuffer(buffer, 0, all, t * bytes, bytes);
    }
    device.queue.submit([encoder.finish()]);
    const [read] = await state.device.read([{ buffer: all, bytes: length * bytes }]);
    all.destroy();
    const padded = new Float32Array(read!), out = new Float32Array(length * used * classes);
    for (let t = 0; t < length; t++) {
      for (let row = 0; row < used; row++) {
        const at = (t * rows + row) * stride;
        out.set(padded.subarray(at, at + classes), (t * used + row) * classes);
      }
    }
    return out;
  }

  /** Throws for what does not fit the program. */
  #checkShape(forced: Int32Array, rowIds: Int32Array): { used: number; length: number } {
    const { rows, capacity } = this.shape;
    const used = rowIds.length, length = forced.length / used;
    if (used > rows || length > capacity || !Number.isInteger(length)) {
      throw new RangeError(
        `(${length}, ${used}) tokens do not fit a program for (${capacity}, ${rows})`,
      );
    }
    this.state.device.check();
    return { used, length };
  }

  async run(
    forced: Int32Array,
    positions: Int32Array,
    rowIds: Int32Array,
    options: GenerationOptions,
  ): Promise<Int32Array> {
    const { rows } = this.shape;
    const { used, length } = this.#checkShape(forced, rowIds);
    const write = this.#prepare(forced, positions, rowIds, options);
    const program = this.#program(options.topK !== undefined || options.topP !== undefined);
    const first = firstSteps(forced, used, options.stop);
    const tokens = await new Promise<Int32Array>((resolve, reject) => {
      const left = length - 1, words = length * rows;
      this.#runs.push({ program, write, first, left, words, resolve, reject });
      if (this.#runs.length === 1) this.#begin();
    });
    return withoutFinished(tokens, rows, forced, used, options.stop);
  }

  /** Lays out a run's input; what is returned sends it to the device. */
  #prepare(
    forced: Int32Array,
    positions: Int32Array,
    rowIds: Int32Array,
    options: GenerationOptions,
  ): () => void {
    const { rows, capacity } = this.shape;
    const used = rowIds.length, length = forced.length / used;
    const size = (capacity + 1) * rows;
    const given = new Int32Array(size), at = new Int32Array(size), fed = new Int32Array(size);
    for (let t = 0; t < length; t++) {
      given.set(forced.subarray(t * used, (t + 1) * used), t * rows);
      at.set(positions.subarray(t * used, (t + 1) * used), t * rows);
    }
    fed.set(forced.subarray(0, used));
    const ids = new Int32Array(rows);
    ids.set(rowIds);
    const sampling = samplingWords(options);
    const stops = new Uint32Array(this.#buffers.stops.size / 4);
    for (const token of options.stop) {
      // A token that the model does not have ends nothing.
      if (token >>> 5 < stops.length) stops[token >>> 5]! |= 1 << (token & 31);
    }
    const finished = new Uint32Array(rows).fill(1, used), step = new Uint32Array(4);
    const contents = { tokens: fed, forced: given, positions: at, rowIds: ids, sampling, stops };
    return () => {
      if (this.#half) this.state.halfWeights.refresh();
      const { queue } = this.state.device.device;
      for (const [name, values] of Object.entries({ ...contents, finished, step })) {
        queue.writeBuffer(this.#buffers[name as Own], 0, values);
      }
    };
  }

  /** Begins the first run of the queue. */
  #begin(): void {
    const [run] = this.#runs;
    if (!run) {
      this.state.running.delete(this);
      return;
    }
    this.state.running.add(this);
    run.write();
    this.#work(run).catch((error) => {
      if (this.#runs[0] !== run) return; // its tokens are asked for: that fails, too
      run.reject(error);
      this.#runs.shift();
      this.#begin();
    });
  }

  /** Submits a run's steps until all are, or no row is unfinished. */
  async #work(run: Run): Promise<void> {
    for (let steps = run.first, next = 2 * FIRST; steps < run.left; steps = next, next *= 2) {
      this.#submit(run, steps);
      run.left -= steps;
      const [, unfinished] = await this.#read("step", 2);
      if (this.#runs[0] !== run) return; // `submitAll` was faster
      if (unfinished === 0) run.left = 0;
    }
    this.#end(run);
  }

  /** Submits what is left of the first run, asks for its tokens, and begins the next. */
  #end(run: Run): void {
    if (run.left > 0) this.#submit(run, run.left);
    run.resolve(this.#read("tokens", run.words));
    this.#runs.shift();
    this.#begin();
  }

  /** Submits all that is left of all runs: what is asked for later comes after them. */
  submitAll(): void {
    while (this.#runs[0]) this.#end(this.#runs[0]);
  }

  #submit({ program }: Run, steps: number): void {
    this.state.device.submit((pass) => {
      for (let t = 0; t < steps; t++) program.encode(pass);
    });
  }

  async #read(name: "tokens" | "step", words: number): Promise<Int32Array> {
    const [bytes] = await this.state.device.read([
      { buffer: this.#buffers[name], bytes: words * 4 },
    ]);
    return new Int32Array(bytes!);
  }
}

/** The `Sampling` of kernels/wgsl/sample.wgsl. */
export function samplingWords(
  { temperature, seed, purpose, topK = 0, topP = 1 }: Omit<GenerationOptions, "stop">,
): Uint32Array<ArrayBuffer> {
  // Where k does not fit the word it is more than all.
  const words = new Uint32Array([seed, purpose, 0, Math.min(topK, 2 ** 31), 0]);
  const floats = new Float32Array(words.buffer);
  floats[2] = temperature === 0 ? 0 : 1 / temperature;
  floats[4] = topP;
  return words;
}

/** Steps before rows are counted first: none can have finished before the longest prompt's, but by chance. */
function firstSteps(forced: Int32Array, rows: number, stop: readonly number[]): number {
  if (stop.length === 0) return Infinity;
  const last = forced.findLastIndex((token) => token >= 0);
  return Math.floor(last / rows) + FIRST;
}
