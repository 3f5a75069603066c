import { type ErrorData, errorOf } from "../../errors.ts";
import type {
  Backend,
  BatchShape,
  DecodingProgram,
  DecodingShape,
  ForwardProgram,
  FrozenWeights,
  GenerationProgram,
  GenerationRecorder,
  Session,
  StateName,
  StepReport,
  TrainingProgram,
} from "../../tensor/backend.ts";
import { type FrozenWeight, type Parameter, recorded, Tape } from "../../tensor/tape.ts";
import { checkColumns, checkLength, noParameter } from "../flat_layout.ts";
import type { AdapterDescription } from "./device.ts";
import type { WebGpuEngineOptions } from "./engine.ts";
import { foreignWeights } from "./frozen.ts";
import { generationTapes } from "./generation.ts";
import type { Ask, Make, Recorded, Reply, Request } from "./messages.ts";
import { promptLength, readTokens } from "./prompts.ts";

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

/**
 * The WebGPU engine in a Worker of its own. Each wait for a GPU blocks the event loop of the thread that waits, 10 ms
 * and more in Deno; here that is the Worker's, so that a notebook, a progress line or a server stays alive.
 *
 * Programs are recorded on the caller's side and sent as data; everything else is messages, in the order of the calls.
 * The bits are those of `WebGpuEngine`. Errors have the same classes and texts, but what that engine throws at once
 * because it does not fit the model (a record of the wrong length, heads too wide) comes by the promise of the call, or
 * of the first that uses the program.
 */
export class WorkerEngine implements Backend {
  readonly name = "webgpu";
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #turn: ReturnType<typeof setTimeout> | undefined;
  #numbers = 0;
  /** Why nothing more can be asked for. */
  #failure: Error | undefined;
  #adapter: AdapterDescription | undefined;

  private constructor() {
    this.#worker = new Worker(new URL("./engine_worker.ts", import.meta.url), {
      type: "module",
      name: "WebGPU engine",
    });
  }

  /** Starts an engine in a Worker. Throws UsageError where there is no adapter. */
  static async create(options: Omit<WebGpuEngineOptions, "turns"> = {}): Promise<WorkerEngine> {
    const engine = new WorkerEngine();
    await engine.#start(options);
    return engine;
  }

  #start(options: WebGpuEngineOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data: reply }: MessageEvent<Reply>) => {
        if ("ready" in reply) {
          this.#adapter = reply.ready;
          resolve();
        } else if ("notReady" in reply) reject(errorOf(reply.notReady));
        else this.#settle(reply);
      };
      this.#worker.onerror = (event) => {
        event.preventDefault();
        const error = new Error(`the WebGPU engine's Worker died: ${event.message}`);
        this.#end(error);
        reject(error);
      };
      this.send({ tell: "start", options });
    });
  }

  #settle(reply: { ask: number; answer: unknown } | { ask: number; error: ErrorData }): void {
    const waiting = this.#waiting.get(reply.ask);
    this.#waiting.delete(reply.ask);
    if ("error" in reply) waiting?.reject(errorOf(reply.error));
    else waiting?.resolve(reply.answer);
  }

  #end(error: Error): void {
    this.#failure ??= error;
    clearTimeout(this.#turn);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** The adapter that was found. */
  get adapter(): AdapterDescription {
    return this.#adapter!;
  }

  /** Sends a request; its arrays are copied now. */
  send(request: Request): void {
    if (this.#failure) throw this.#failure;
    this.#worker.postMessage(request);
  }

  /** Makes an object and returns its number. */
  make(what: Make): number {
    const object = this.#numbers++;
    this.send({ ...what, object });
    return object;
  }

  /** Asks an object for something, and says at the end of this turn that the answers are waited for. */
  ask<T>(object: number, what: Ask): Promise<T> {
    const ask = this.#numbers++;
    this.send({ ...what, object, ask });
    this.#turn ??= setTimeout(() => {
      this.#turn = undefined;
      this.send({ tell: "end of turn" });
    }, 0);
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(ask, { resolve, reject });
    }) as Promise<T>;
  }

  session(
    parameters: readonly Parameter[],
    constants: Readonly<Record<string, Float32Array>>,
    frozen?: FrozenWeights,
  ): Session {
    return new WorkerSession(this, parameters, constants, this.#numberOf(frozen));
  }

  frozen(weights: readonly FrozenWeight[]): FrozenWeights {
    return new WorkerFrozenWeights(this, weights);
  }

  #numberOf(frozen: FrozenWeights | undefined): number | undefined {
    if (!frozen) return undefined;
    if (frozen instanceof WorkerFrozenWeights && frozen.engine === this) return frozen.object;
    throw foreignWeights();
  }

  /** Ends the Worker once it has let go of the device. What is still waited for fails. */
  close(): void {
    if (this.#failure) return;
    this.send({ tell: "close" });
    this.#end(new Error("the engine is closed"));
  }
}

class WorkerFrozenWeights implements FrozenWeights {
  readonly object: number;

  constructor(readonly engine: WorkerEngine, private readonly weights: readonly FrozenWeight[]) {
    this.object = engine.make({ make: "frozen", weights });
  }

  write(name: string, values: Float32Array, firstColumn = 0): void {
    const weight = this.weights.find((w) => w.name === name);
    if (!weight) throw noParameter(name);
    checkColumns(weight, name, values, firstColumn);
    this.engine.send({ tell: "write frozen", object: this.object, name, values, firstColumn });
  }
}

class WorkerSession implements Session {
  readonly #object: number;

  constructor(
    private readonly engine: WorkerEngine,
    private readonly parameters: readonly Parameter[],
    constants: Readonly<Record<string, Float32Array>>,
    frozen: number | undefined,
  ) {
    this.#object = engine.make({ make: "session", parameters, constants, frozen });
  }

  read(state: StateName, name: string): Promise<Float32Array> {
    return this.engine.ask(this.#object, { call: "read", state, name });
  }

  write(state: StateName, name: string, values: Float32Array): void {
    const parameter = this.parameters.find((p) => p.name === name);
    if (!parameter) throw noParameter(name);
    checkLength(parameter, name, values);
    this.engine.send({ tell: "write", object: this.#object, state, name, values });
  }

  training(shape: BatchShape, record: (tape: Tape) => void): TrainingProgram {
    const tape = sendable(new Tape(shape.sequences, shape.length, true), record);
    const { engine } = this;
    const program = engine.make({ make: "training", session: this.#object, shape, tape });
    return {
      step(batch, optimizer, normalizer) {
        const what = { call: "step", batch, optimizer, normalizer } as const;
        const report = engine.ask<StepReport>(program, what);
        // Whoever awaits the report later gets the error; until then nobody does.
        report.catch(() => {});
        return report;
      },
      gradients: (batch, normalizer) =>
        engine.ask(program, { call: "gradients", batch, normalizer }),
    };
  }

  forward(
    shape: BatchShape & { slots: number },
    record: (tape: Tape) => void,
  ): ForwardProgram {
    const tape = sendable(new Tape(shape.sequences, shape.length, false), record);
    const { engine } = this;
    const program = engine.make({ make: "forward", session: this.#object, shape, tape });
    return { run: (batch, slots) => engine.ask(program, { call: "forward", batch, slots }) };
  }

  decoding(
    shape: DecodingShape,
    record: (tape: Tape, capacity: number) => void,
  ): DecodingProgram {
    const { engine } = this;
    const tape = sendable(new Tape(shape.rows, 1, false), (t) => record(t, shape.capacity));
    const program = engine.make({ make: "decoding", session: this.#object, shape, tape });
    return {
      run: (forced, positions, rowIds, options) =>
        engine.ask(program, { call: "generate", forced, positions, rowIds, options }),
      logits: (forced, positions, rowIds) =>
        engine.ask(program, { call: "logits", forced, positions, rowIds }),
    };
  }

  generation(shape: DecodingShape, recorder: GenerationRecorder): GenerationProgram {
    const { engine } = this, { rows, step, prefill } = generationTapes(shape, recorder);
    const program = engine.make({
      make: "generation",
      session: this.#object,
      ...{ shape, rows, step: sent(step) },
    });
    const known = new Set<number>();
    return {
      run: (rows, settings) => {
        const lengths = rows.map(({ prompt }) => promptLength(readTokens(prompt).length));
        const missing = new Set(lengths).difference(known);
        const prefills = new Map([...missing].map((length) => [length, sent(prefill(length))]));
        for (const length of missing) known.add(length);
        return engine.ask(program, { call: "respond", rows, settings, prefills });
      },
    };
  }
}

function sendable(tape: Tape, record: (tape: Tape) => void): Recorded {
  return sent(recorded(tape, record));
}

function sent({ instructions, buffers }: Tape): Recorded {
  return { instructions, buffers };
}
