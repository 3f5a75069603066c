import type { FrozenWeights } from "../../tensor/backend.ts";
import { type FrozenWeight, padded } from "../../tensor/tape.ts";
import { checkColumns, noParameter } from "../flat_layout.ts";
import { storeColumns, STORED_BYTES } from "../stored_bits.ts";
import type { WebGpuDevice } from "./device.ts";
import type { View } from "./program.ts";

/** Bytes that are on their way to the device at a time. */
const PART = 2 ** 24;

/** A weight on the device; before that it is gathered in memory, in the form that the device has. */
interface Stored {
  readonly weight: FrozenWeight;
  readonly gpu: GPUBuffer;
  gathered?: { readonly words: Uint32Array<ArrayBuffer>; columns: number };
}

/** Pretrained weights on a WebGPU device, one buffer each; sessions of the same engine may share them. */
export class WebGpuFrozenWeights implements FrozenWeights {
  readonly #weights = new Map<string, Stored>();

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

  write(name: string, values: Float32Array, firstColumn = 0): void {
    const found = this.#weights.get(name);
    if (!found) throw noParameter(name);
    const { weight: { rows, cols, storage } } = found, stride = padded(cols);
    checkColumns(found.weight, name, values, firstColumn);
    this.device.check();
    const bytes = rows * stride * STORED_BYTES[storage];
    const gathered = found.gathered ??= { words: new Uint32Array(bytes / 4), columns: 0 };
    const { buffer } = gathered.words;
    const out = storage === "float32" ? gathered.words : new Uint16Array(buffer);
    storeColumns(values, rows, storage, out, { place: (k) => firstColumn + k, step: stride });
    gathered.columns += values.length / rows;
    if (gathered.columns < cols) return;
    delete found.gathered;
    const { queue } = this.device.device;
    for (let from = 0; from < bytes; from += PART) {
      queue.writeBuffer(found.gpu, from, buffer, from, Math.min(PART, bytes - from));
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
