import type { FrozenWeights } from "../../tensor/backend.ts";
import { type FrozenWeight, padded } from "../../tensor/tape.ts";
import { checkColumns, noParameter } from "../flat_layout.ts";
import { storeColumns, STORED_BYTES } from "../stored_bits.ts";
import type { WasmDevice } from "./device.ts";

interface Place extends FrozenWeight {
  readonly address: number;
}

/** Weights that are not trained in the device's memory, in panels of 16 columns as those that are. */
export class WasmFrozenWeights implements FrozenWeights {
  readonly #places = new Map<string, Place>();

  constructor(readonly device: WasmDevice, weights: readonly FrozenWeight[]) {
    let bytes = 0;
    const offsets = weights.map(({ rows, cols, storage }) => {
      const offset = bytes;
      // Whole lines of 64 bytes.
      bytes += Math.ceil(padded(cols) * (rows + 1) * STORED_BYTES[storage] / 64) * 64;
      return offset;
    });
    const start = device.allocate(bytes);
    weights.forEach((weight, i) => {
      this.#places.set(weight.name, { ...weight, address: start + offsets[i]! });
    });
  }

  #place(name: string): Place {
    const place = this.#places.get(name);
    if (!place) throw noParameter(name);
    return place;
  }

  /** Address of a weight. */
  address(name: string): number {
    return this.#place(name).address;
  }

  write(name: string, values: Float32Array, firstColumn = 0): void {
    const place = this.#place(name), { address, rows, cols, storage } = place;
    checkColumns(place, name, values, firstColumn);
    const { buffer } = this.device.memory, stride = (rows + 1) * 16;
    const length = padded(cols) / 16 * stride;
    const panels = STORED_BYTES[storage] === 4
      ? new Uint32Array(buffer, address, length)
      : new Uint16Array(buffer, address, length);
    storeColumns(values, rows, storage, panels, {
      place: (k) => ((firstColumn + k) >> 4) * stride + ((firstColumn + k) & 15),
      step: 16,
    });
  }
}
