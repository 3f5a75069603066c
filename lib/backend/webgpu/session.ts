/** One model on a WebGPU device: weights, optimizer state, and the programs compiled for it. */
import type {
  BatchShape,
  DecodingProgram,
  DecodingShape,
  ForwardProgram,
  Session,
  StateName,
  TrainingProgram,
} from "../../tensor/backend.ts";
import { padded, type Parameter, Tape } from "../../tensor/tape.ts";
import { decodingProgram } from "./decoding.ts";
import type { WebGpuDevice } from "./device.ts";
import type { FlatName, Operand } from "./dispatch.ts";
import { forwardProgram } from "./forward.ts";
import { halfBuffers, HalfWeights, type Storage } from "./half_storage.ts";
import type { GemmTuning } from "./gemm.ts";
import { Lowering } from "./lower.ts";
import { Pool, type View } from "./program.ts";
import { trainingProgram } from "./training.ts";

/** Where a weight lies in the flat buffers, in floats. Rows are `stride` floats apart. */
export interface Slot {
  readonly rows: number;
  readonly cols: number;
  readonly stride: number;
  readonly offset: number;
}

/** Weights start on whole bindings: 256 bytes. */
const ALIGNMENT = 64;

/** See the file's header. */
export class WebGpuSession implements Session {
  readonly slots = new Map<string, Slot>();
  /** Floats in a flat buffer, and of those the leading ones with weight decay. */
  readonly count: number;
  readonly decayed: number;
  readonly pool: Pool;
  readonly #constants = new Map<string, GPUBuffer>();
  readonly #flat = new Map<FlatName, GPUBuffer>();
  /** Generation programs at work, which may have steps to submit. */
  readonly running = new Set<{ submitAll(): void }>();
  #halfWeights: HalfWeights | undefined;
  /** Copies on their way to the CPU, so that reading many tensors waits once. */
  readonly #reading = new Map<StateName, Promise<Float32Array>>();

  constructor(
    readonly device: WebGpuDevice,
    private readonly tuning: GemmTuning,
    private readonly generationStorage: Storage,
    parameters: readonly Parameter[],
    constants: Readonly<Record<string, Float32Array>>,
  ) {
    let offset = 0, decayed = 0;
    for (const { name, rows, cols, decay } of parameters) {
      if (decay && decayed < offset) {
        throw new Error(`${name}: parameters with weight decay must come first`);
      }
      const stride = padded(cols);
      this.slots.set(name, { rows, cols, stride, offset });
      offset += Math.ceil(rows * stride / ALIGNMENT) * ALIGNMENT;
      if (decay) decayed = offset;
    }
    this.count = offset;
    this.decayed = decayed;
    this.pool = new Pool(device);
    for (const [name, values] of Object.entries(constants)) {
      const buffer = device.buffer(name, values.byteLength);
      device.device.queue.writeBuffer(buffer, 0, values as Float32Array<ArrayBuffer>);
      this.#constants.set(name, buffer);
    }
  }

  /** A flat buffer over all weights, made on first use: a model that never trains has no moments. */
  flat(name: FlatName): GPUBuffer {
    let buffer = this.#flat.get(name);
    if (!buffer) {
      this.#flat.set(name, buffer = this.device.buffer(`${name} of the model`, this.count * 4));
    }
    return buffer;
  }

  /** The part of a flat buffer that is one weight's. */
  part(name: FlatName, label: string): View {
    const { rows, stride, offset } = this.#slot(label);
    return { buffer: this.flat(name), offset: offset * 4, size: rows * stride * 4 };
  }

  /** Memory of the operands that belong to the session; undefined for the others. */
  resolve(operand: Operand): View | undefined {
    if (typeof operand === "string") {
      return operand === "weights" || operand === "gradient" || operand === "m" || operand === "v"
        ? { buffer: this.flat(operand) }
        : undefined;
    }
    switch (operand.space) {
      case "parameter":
        return this.part("weights", operand.label);
      case "gradient":
        return this.part("gradient", operand.label);
      case "constant":
        return { buffer: this.#constants.get(operand.label)! };
      default:
        return undefined;
    }
  }

  #slot(name: string): Slot {
    const slot = this.slots.get(name);
    if (!slot) throw noParameter(name);
    return slot;
  }

  async read(state: StateName, name: string): Promise<Float32Array> {
    const slot = this.#slot(name);
    let flat = this.#reading.get(state);
    if (!flat) {
      const reading = this.readFlat(state).finally(() => {
        if (this.#reading.get(state) === reading) this.#reading.delete(state);
      });
      this.#reading.set(state, flat = reading);
    }
    return unpack(await flat, slot);
  }

  /** A flat buffer, whole. */
  async readFlat(name: FlatName): Promise<Float32Array> {
    const [bytes] = await this.device.read([{ buffer: this.flat(name), bytes: this.count * 4 }]);
    return new Float32Array(bytes!);
  }

  write(state: StateName, name: string, values: Float32Array): void {
    const { rows, cols, stride, offset } = this.#slot(name);
    checkLength({ rows, cols }, name, values);
    const out = new Float32Array(rows * stride);
    for (let r = 0; r < rows; r++) {
      out.set(values.subarray(r * cols, (r + 1) * cols), r * stride);
    }
    this.changed();
    this.device.device.queue.writeBuffer(this.flat(state), offset * 4, out);
  }

  /** To be called before anything that changes weights: reads from here on must see it, what was asked for must not. */
  changed(): void {
    this.device.check();
    for (const program of this.running) program.submitAll();
    this.#halfWeights?.changed();
    this.#reading.clear();
  }

  /** The weights in float16. */
  get halfWeights(): HalfWeights {
    return this.#halfWeights ??= new HalfWeights(
      this.device,
      new Map([...this.slots].map(([name, { rows, stride }]) => [name, rows * stride])),
      (name) => this.part("weights", name),
    );
  }

  /** Records and lowers a program. */
  record(
    tape: Tape,
    record: (tape: Tape) => void,
    storage: Storage = "float32",
  ): { tape: Tape; lowering: Lowering } {
    record(tape);
    const half = storage === "float16" ? halfBuffers(tape) : undefined;
    const lowering = new Lowering(this.tuning, half);
    for (const instruction of tape.instructions) lowering.add(instruction);
    return { tape, lowering };
  }

  training({ sequences, length }: BatchShape, record: (tape: Tape) => void): TrainingProgram {
    return trainingProgram(this, this.record(new Tape(sequences, length, true), record));
  }

  forward(
    { sequences, length, slots }: BatchShape & { slots: number },
    record: (tape: Tape) => void,
  ): ForwardProgram {
    return forwardProgram(this, this.record(new Tape(sequences, length, false), record), slots);
  }

  decoding(
    { rows, capacity }: DecodingShape,
    record: (tape: Tape, capacity: number) => void,
  ): DecodingProgram {
    const recorded = this.record(
      new Tape(rows, 1, false),
      (tape) => record(tape, capacity),
      this.generationStorage,
    );
    return decodingProgram(this, recorded, { rows, capacity });
  }
}

/** Throws RangeError if `values` are not those of a weight of this shape. */
export function checkLength(
  { rows, cols }: { rows: number; cols: number },
  name: string,
  values: Float32Array,
): void {
  if (values.length === rows * cols) return;
  throw new RangeError(`${name} has ${values.length} values, needs ${rows} x ${cols}`);
}

/** The error for a weight that the model lacks. */
export function noParameter(name: string): Error {
  return new Error(`no parameter ${JSON.stringify(name)} in this model`);
}

/** One weight out of a flat buffer, row-major without padding. */
export function unpack(
  flat: Float32Array,
  { rows, cols, stride, offset }: Slot,
): Float32Array {
  const out = new Float32Array(rows * cols);
  for (let r = 0; r < rows; r++) {
    out.set(flat.subarray(offset + r * stride, offset + r * stride + cols), r * cols);
  }
  return out;
}

/** The first memory that one of the sources knows for an operand. */
export function found(operand: Operand, ...views: (View | undefined)[]): View {
  const view = views.find((v) => v !== undefined);
  if (!view) {
    throw new Error(`${typeof operand === "string" ? operand : operand.label} has no memory`);
  }
  return view;
}
