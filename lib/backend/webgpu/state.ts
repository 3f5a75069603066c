import type { StateName } from "../../tensor/backend.ts";
import { padded, type Parameter } from "../../tensor/tape.ts";
import { checkLength, FlatLayout, type Slot } from "../flat_layout.ts";
import type { WebGpuDevice } from "./device.ts";
import type { FlatName, Operand } from "./dispatch.ts";
import { Caches } from "./caches.ts";
import type { WebGpuFrozenWeights } from "./frozen.ts";
import { HalfWeights } from "./half_storage.ts";
import { Pool, type View } from "./program.ts";

/** Weights start on whole bindings: 256 bytes. */
const ALIGNMENT = 64;

/** One model on a device: weights, optimizer state and tables, and the working memory that its programs share. */
export class WebGpuState {
  readonly layout: FlatLayout;
  readonly pool: Pool;
  /** Of generation with pretrained models. */
  readonly caches: Caches;
  readonly #constants = new Map<string, GPUBuffer>();
  readonly #flat = new Map<FlatName, GPUBuffer>();
  /** Generation programs at work, which may have steps to submit. */
  readonly running = new Set<{ submitAll(): void }>();
  #halfWeights: HalfWeights | undefined;
  /** Copies on their way to the CPU, so that reading many tensors waits once. */
  readonly #reading = new Map<StateName, Promise<Float32Array>>();

  constructor(
    readonly device: WebGpuDevice,
    parameters: readonly Parameter[],
    constants: Readonly<Record<string, Float32Array>>,
    private readonly frozen?: WebGpuFrozenWeights,
  ) {
    this.layout = new FlatLayout(
      parameters,
      (rows, cols) => Math.ceil(rows * cols / ALIGNMENT) * ALIGNMENT,
    );
    this.pool = new Pool(device);
    this.caches = new Caches(device);
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
      const bytes = this.layout.count * 4;
      this.#flat.set(name, buffer = this.device.buffer(`${name} of the model`, bytes));
    }
    return buffer;
  }

  /** The part of a flat buffer that is one weight's, rows padded to panels of 16. */
  part(name: FlatName, label: string): Required<View> {
    const { storedRows, cols, offset } = this.layout.slot(label);
    return { buffer: this.flat(name), offset: offset * 4, size: storedRows * padded(cols) * 4 };
  }

  /** Memory of the operands that belong to the model; undefined for the others. */
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
      case "frozen":
        return this.frozen?.view(operand.label);
      case "constant":
        return { buffer: this.#constants.get(operand.label)! };
      default:
        return undefined;
    }
  }

  async read(state: StateName, name: string): Promise<Float32Array> {
    const slot = this.layout.slot(name);
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
    const bytes = this.layout.count * 4;
    const [read] = await this.device.read([{ buffer: this.flat(name), bytes }]);
    return new Float32Array(read!);
  }

  write(state: StateName, name: string, values: Float32Array): void {
    const slot = this.layout.slot(name), { rows, cols, offset } = slot, stride = padded(cols);
    checkLength(slot, name, values);
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
      new Map(
        [...this.layout.slots]
          .map(([name, { storedRows, cols }]) => [name, storedRows * padded(cols)]),
      ),
      (name) => this.part("weights", name),
    );
  }
}

/** One weight out of a flat buffer, row-major without padding. */
export function unpack(flat: Float32Array, { rows, cols, offset }: Slot): Float32Array {
  const out = new Float32Array(rows * cols), stride = padded(cols);
  for (let r = 0; r < rows; r++) {
    out.set(flat.subarray(offset + r * stride, offset + r * stride + cols), r * cols);
  }
  return out;
}
