import { UsageError } from "../../errors.ts";
import type { Backend, FrozenWeights, Session } from "../../tensor/backend.ts";
import type { FrozenWeight, Parameter } from "../../tensor/tape.ts";
import { WasmDevice } from "./device.ts";
import { WasmFrozenWeights } from "./frozen.ts";
import type { WasmHost } from "./host.ts";
import { WasmSession } from "./session.ts";

/**
 * The WASM backend. Every call has done its work when it returns: the promises it returns are kept already, and what is
 * wrong is thrown.
 *
 * Promise: results are equal to the bit on every machine and for any number of threads. Not a goal: speed for batches
 * below 16 sequences, which leave lanes idle, but for forward passes and generation of pretrained models: lanes share those.
 */
export class WasmEngine implements Backend {
  readonly name = "wasm";

  private constructor(readonly device: WasmDevice) {}

  /**
   * Starts an engine. Throws UsageError if `threads` is not 1 to 4, or more than the host has: a browser has 1.
   *
   * @param threads Lanes (a batch has 4 shards). Default 1.
   * @param host Default: that of this program.
   */
  static async create(
    { threads = 1, host }: { readonly threads?: number; readonly host?: WasmHost } = {},
  ): Promise<WasmEngine> {
    return new WasmEngine(await WasmDevice.create(threads, host));
  }

  session(
    parameters: readonly Parameter[],
    constants: Readonly<Record<string, Float32Array>>,
    frozen?: FrozenWeights,
  ): Session {
    if (frozen && !(frozen instanceof WasmFrozenWeights && frozen.device === this.device)) {
      throw new Error("the frozen weights are another backend's");
    }
    return new WasmSession(this.device, parameters, constants, frozen);
  }

  /** Throws UsageError where the host has no kernels for pretrained models, or too little memory. */
  frozen(weights: readonly FrozenWeight[]): FrozenWeights {
    if (!this.device.host.modules.includes("pretrained")) {
      throw new UsageError("frozen weights", weights.length, "this host has no kernels for them");
    }
    return new WasmFrozenWeights(this.device, weights);
  }

  /** Ends the workers: they would keep the process alive. */
  close(): void {
    this.device.close();
  }
}
