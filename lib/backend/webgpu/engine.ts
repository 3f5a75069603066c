import type { Backend, FrozenWeights } from "../../tensor/backend.ts";
import type { FrozenWeight, Parameter } from "../../tensor/tape.ts";
import { tunedGemm } from "./autotune.ts";
import { type AdapterDescription, WebGpuDevice } from "./device.ts";
import { WebGpuFrozenWeights } from "./frozen.ts";
import type { GemmTuning } from "./gemm.ts";
import { checkStorage, type Storage } from "./half_storage.ts";
import { WebGpuSession } from "./session.ts";

/** Options of `WebGpuEngine.create`. */
export interface WebGpuEngineOptions {
  /** Variants of the matrix product in place of the measured ones. */
  readonly tuning?: GemmTuning;
  /**
   * How generation of the kit's own models keeps weights, activations and the KV cache (half_storage.ts). Default: float32.
   * Pretrained models keep weights as they were stored, all else in float32.
   */
  readonly generationStorage?: Storage;
  /** When a turn ends, see `WebGpuDevice.create`. */
  readonly turns?: "timer" | "manual";
}

/**
 * The WebGPU backend: the kernels of kernels/wgsl on the machine's graphics adapter.
 *
 * Promise: equal bits for equal calls on the same adapter and driver; the same data, initial weights and sampling
 * counters as the WASM backend. Not a promise: equal bits on two adapters, or equal to WASM's.
 */
export class WebGpuEngine implements Backend {
  readonly name = "webgpu";

  private constructor(
    readonly device: WebGpuDevice,
    readonly tuning: GemmTuning,
    readonly generationStorage: Storage,
  ) {}

  /**
   * Starts an engine; measures the matrix product's variants the first time on an adapter. Throws UsageError where there
   * is no adapter, or one that cannot keep `generationStorage`.
   */
  static async create(options: WebGpuEngineOptions = {}): Promise<WebGpuEngine> {
    const { tuning, generationStorage = "float32", turns = "timer" } = options;
    const device = await WebGpuDevice.create({ turns });
    try {
      checkStorage(device, generationStorage);
      return new WebGpuEngine(device, tuning ?? await tunedGemm(device), generationStorage);
    } catch (error) {
      device.close();
      throw error;
    }
  }

  /** The adapter that was found. */
  get adapter(): AdapterDescription {
    return this.device.adapter;
  }

  session(
    parameters: readonly Parameter[],
    constants: Readonly<Record<string, Float32Array>>,
    frozen?: FrozenWeights,
  ): WebGpuSession {
    const { device, tuning, generationStorage } = this;
    return new WebGpuSession(device, tuning, generationStorage, parameters, constants, frozen);
  }

  frozen(weights: readonly FrozenWeight[]): FrozenWeights {
    return new WebGpuFrozenWeights(this.device, weights);
  }

  close(): void {
    this.device.close();
  }
}
