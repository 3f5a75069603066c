import type { KernelModuleName } from "./bundle.ts";

/** What a lane is told at its start. */
export interface LaneStart {
  readonly modules: readonly WebAssembly.Module[];
  readonly memory: WebAssembly.Memory;
  /** 1..count - 1: lane 0 is the engine's own thread. */
  readonly index: number;
  readonly count: number;
}

/** What the engine has from where it runs. Results are the same on every host. */
export interface WasmHost {
  /** As WebAssembly counts it, in pages of 64 KiB: how far memory may grow. */
  readonly maximumPages: number;
  /** The kernels that there are. */
  readonly modules: readonly KernelModuleName[];
  /** New memory of `initial` pages, which may grow to `maximumPages`. */
  createMemory(initial: number): WebAssembly.Memory;
  /** The kernels of this name, compiled to work on such memory. */
  compileKernels(name: KernelModuleName): Promise<WebAssembly.Module>;
  /** Starts a lane on a thread of its own and waits until it is ready. Throws UsageError where there are no threads. */
  startLane(start: LaneStart): Promise<void>;
}
