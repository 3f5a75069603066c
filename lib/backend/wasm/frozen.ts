import type { FrozenWeights } from "../../tensor/backend.ts";
import { type FrozenWeight, padded } from "../../tensor/tape.ts";
import { checkRows, noParameter } from "../flat_layout.ts";
import { STORED_BITS, STORED_BYTES } from "../stored_bits.ts";
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

  write(name: string, values: Float32Array, firstRow = 0): void {
    const place = this.#place(name), { address, rows, cols, storage } = place;
    checkRows(place, name, values, firstRow);
    const { buffer } = this.device.memory, stride = (rows + 1) * 16;
    const length = padded(cols) / 16 * stride;
    const panels = STORED_BYTES[storage] === 4
      ? new Uint32Array(buffer, address, length)
      : new Uint16Array(buffer, address, length);
    for (let r = 0, count = values.length / cols; r < count; r++) {
      const row = STORED_BITS[storage](values.subarray(r * cols, (r + 1) * cols));
      for (let c = 0, to = (firstRow + r) * 16; c < cols; c += 16, to += stride) {
        for (let i = 0, end = Math.min(16, cols - c); i < end; i++) panels[to + i] = row[c + i]!;
      }
    }
  }
}
