import type { FrozenWeights } from "../../tensor/backend.ts";
import { type FrozenWeight, padded, type WeightStorage } from "../../tensor/tape.ts";
import { checkRows, noParameter } from "../flat_layout.ts";
import { STORED_BITS, STORED_BYTES } from "../stored_bits.ts";
import type { WebGpuDevice } from "./device.ts";
import type { View } from "./program.ts";

/** Bytes that are packed at a time on their way to the device. */
const PART = 2 ** 24;

/** Pretrained weights on a WebGPU device, one buffer each; sessions of the same engine may share them. */
export class WebGpuFrozenWeights implements FrozenWeights {
  readonly #weights = new Map<string, { readonly weight: FrozenWeight; readonly gpu: GPUBuffer }>();

  /** Throws UsageError, which names the weight, where the device has no room or no buffers of its size. */
  constructor(readonly device: WebGpuDevice, weights: readonly FrozenWeight[]) {
    for (const weight of weights) {
      const { name, rows, cols, storage } = weight;
      const size = rows * padded(cols) * STORED_BYTES[storage];
      const remedy = storage === "float32"
        ? 'choose a smaller model, or storage "bfloat16", which takes half'
        : "choose a smaller model";
      this.#weights.set(name, { weight, gpu: device.buffer(name, size, { remedy }) });
    }
  }

  write(name: string, values: Float32Array, firstRow = 0): void {
    const found = this.#weights.get(name);
    if (!found) throw noParameter(name);
    const { weight: { rows, cols, storage }, gpu } = found;
    checkRows({ rows, cols }, name, values, firstRow);
    this.device.check();
    const bytes = padded(cols) * STORED_BYTES[storage],
      most = Math.max(1, Math.floor(PART / bytes));
    for (let row = 0, count = values.length / cols; row < count; row += most) {
      const part = values.subarray(row * cols, Math.min(count, row + most) * cols);
      const { queue } = this.device.device;
      queue.writeBuffer(gpu, (firstRow + row) * bytes, packed(part, cols, storage));
      // Without a submission the copies would wait in memory until all weights are there.
      queue.submit([]);
    }
  }

  /** Where a weight lies: row-major, with columns padded by zeros to a multiple of 16. Undefined for one that is not here. */
  view(name: string): View | undefined {
    const found = this.#weights.get(name);
    return found && { buffer: found.gpu };
  }
}

/** Those of the same engine, for a session; throws Error for others. */
export function ownFrozenWeights(
  device: WebGpuDevice,
  frozen: FrozenWeights | undefined,
): WebGpuFrozenWeights | undefined {
  if (!frozen) return undefined;
  if (frozen instanceof WebGpuFrozenWeights && frozen.device === device) return frozen;
  throw foreignWeights();
}

/** The error for frozen weights of another engine. */
export function foreignWeights(): Error {
  return new Error("the frozen weights are another backend's");
}

/** Rows of `cols` numbers as a device stores them: rounded to nearest even, each padded by zeros to a multiple of 16. */
export function packed(
  values: Float32Array,
  cols: number,
  storage: WeightStorage,
): Uint32Array<ArrayBuffer> {
  const rows = values.length / cols, stride = padded(cols);
  const words = new Uint32Array(rows * stride * STORED_BYTES[storage] / 4);
  const out = storage === "float32" ? words : new Uint16Array(words.buffer);
  for (let row = 0; row < rows; row++) {
    out.set(STORED_BITS[storage](values.subarray(row * cols, (row + 1) * cols)), row * stride);
  }
  return words;
}
