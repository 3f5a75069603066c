import type { StateName } from "../../tensor/backend.ts";
import { elements, type Parameter } from "../../tensor/tape.ts";
import { checkLength, FlatLayout, type Slot } from "../flat_layout.ts";
import type { WasmDevice } from "./device.ts";
import type { WasmFrozenWeights } from "./frozen.ts";
import type { Layout } from "./plan.ts";

/** One model in the device's memory: weights, optimizer state and tables. */
export class WasmState {
  readonly layout: FlatLayout;
  /** Addresses of W^T by the weight's name, for all programs that need one. */
  readonly transposed = new Map<string, number>();
  readonly #constants = new Map<string, number>();
  readonly #flat: Partial<Record<StateName, number>> = {};

  constructor(
    readonly device: WasmDevice,
    parameters: readonly Parameter[],
    constants: Readonly<Record<string, Float32Array>>,
    private readonly frozen?: WasmFrozenWeights,
  ) {
    this.layout = new FlatLayout(
      parameters,
      (rows, cols) => elements({ rows, cols, layout: "panel" }),
    );
    for (const [name, values] of Object.entries(constants)) {
      const address = device.allocate(values.byteLength);
      device.f32(address, values.length).set(values);
      this.#constants.set(name, address);
    }
  }

  /** Address of a flat buffer over all weights, made on first use: a model that never trains has no moments. */
  flat(name: StateName): number {
    return this.#flat[name] ??= this.device.allocate(this.layout.count * 4);
  }

  /** Address of a weight. */
  weight(name: string): number {
    return this.flat("weights") + this.layout.slot(name).offset * 4;
  }

  read(state: StateName, name: string): Float32Array {
    return this.unpack(this.flat(state), this.layout.slot(name));
  }

  /** One weight out of the flat buffer at `base`, row-major without padding. */
  unpack(base: number, { rows, cols, storedRows, offset }: Slot): Float32Array {
    const panels = this.device.f32(base, this.layout.count).subarray(offset);
    const out = new Float32Array(rows * cols);
    for (let r = 0, i = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) out[i++] = panels[inPanels(storedRows, r, c)]!;
    }
    return out;
  }

  write(state: StateName, name: string, values: Float32Array): void {
    const slot = this.layout.slot(name), { rows, cols, storedRows, offset } = slot;
    checkLength(slot, name, values);
    const panels = this.device.f32(this.flat(state), this.layout.count).subarray(offset);
    for (let r = 0, i = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) panels[inPanels(storedRows, r, c)] = values[i++]!;
    }
  }

  /** Where a program's shared buffers live: the model's here, its own in `batch` and `collected`. */
  placed(
    batch: ReadonlyMap<string, { address: number; perChunk?: number }>,
    collected: ReadonlyMap<string, number> = new Map(),
  ): Layout {
    const known = (map: ReadonlyMap<string, number>, label: string) => {
      const address = map.get(label);
      if (address === undefined) throw new Error(`${label} has no memory`);
      return address;
    };
    return {
      parameter: (label) => this.weight(label),
      gradient: (label) => this.layout.slot(label).offset * 4,
      transposed: (label) => known(this.transposed, label),
      constant: (label) => known(this.#constants, label),
      frozen: (label) => {
        if (!this.frozen) throw new Error(`${label}: this session has no frozen weights`);
        return this.frozen.address(label);
      },
      collected: (label) => known(collected, label),
      batch: (label) => batch.get(label)!,
    };
  }
}

/** Floats before element (r, c) of a matrix in panels of 16 columns. */
function inPanels(rows: number, r: number, c: number): number {
  return (c >> 4) * (rows + 1) * 16 + r * 16 + (c & 15);
}
