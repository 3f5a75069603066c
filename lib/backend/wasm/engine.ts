import type { Backend, Session } from "../../tensor/backend.ts";
import type { Parameter } from "../../tensor/tape.ts";
import { WasmDevice } from "./device.ts";
import type { WasmHost } from "./host.ts";
import { WasmSession } from "./session.ts";

/**
 * The WASM backend. Every call has done its work when it returns: the promises it returns are kept already, and what is
 * wrong is thrown.
 *
 * Promise: results are equal to the bit on every machine and for any number of threads. Not a goal: speed for batches
 * below 16 sequences, which leave lanes idle.
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
  ): Session {
    return new WasmSession(this.device, parameters, constants);
  }

  /** Ends the workers: they would keep the process alive. */
  close(): void {
    this.device.close();
  }
}
