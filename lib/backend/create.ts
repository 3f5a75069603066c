/** Backends by name, each loaded when it is asked for. */
import { UsageError } from "../errors.ts";
import { sha256 } from "../numeric/digest.ts";
import type { Backend } from "../tensor/backend.ts";
import { SHARDS } from "./wasm/control.ts";
import type { Storage } from "./webgpu/half_storage.ts";

/** Names of the backends; the first is the reference. */
export const BACKENDS = ["wasm", "webgpu"] as const;
/** The name of a backend. */
export type BackendName = typeof BACKENDS[number];

/** The most threads that one backend works with: WASM has a shard of the batch for each. More work goes side by side. */
export const MAX_THREADS = SHARDS;

/** What a backend is started with; each takes what concerns it. */
export interface BackendOptions {
  /** WASM's number of lanes, 1 to MAX_THREADS. Default 1. */
  readonly threads?: number;
  /**
   * Whether the WebGPU engine has a Worker of its own, so that waiting for the GPU does not hold up this thread.
   * Default: unless this thread is a Worker already.
   */
  readonly worker?: boolean;
  /**
   * How the WebGPU engine keeps weights, activations and the KV cache in generation. "float16" takes half the memory and
   * traffic, and is not exact: notebooks/02-backends.ipynb measures by how much. Training and forward passes are float32
   * always. Default: "float32".
   */
  readonly generationStorage?: Storage;
}

/**
 * Starts a backend: close it when done. Throws UsageError where WASM is asked for more threads than it has use for, and
 * where the machine has no adapter for WebGPU, or none that can keep `generationStorage`.
 */
export async function createBackend(
  name: BackendName,
  options: BackendOptions = {},
): Promise<Backend> {
  const { threads = 1, worker = !("WorkerGlobalScope" in globalThis) } = options;
  const { generationStorage = "float32" } = options;
  if (name === "webgpu" && worker) {
    const { WorkerEngine } = await import("./webgpu/worker_engine.ts");
    return await WorkerEngine.create({ generationStorage });
  }
  if (name === "webgpu") {
    const { WebGpuEngine } = await import("./webgpu/engine.ts");
    return await WebGpuEngine.create({ generationStorage });
  }
  if (generationStorage !== "float32") {
    throw new UsageError("generationStorage", generationStorage, 'only "webgpu" has it');
  }
  const { WasmEngine } = await import("./wasm/engine.ts");
  return await WasmEngine.create({ threads });
}

/** What the results of a backend depend on besides the program. */
export interface BackendIdentity {
  readonly name: BackendName;
  /** SHA-256 of the kernels: of the WASM bundle, or of the WGSL sources. */
  readonly kernels: string;
  /** The graphics adapter; null on WASM, whose results are the same on every machine. */
  readonly adapter: string | null;
}

/**
 * Finds out which kernels compute, and where. On WebGPU the first call on an adapter also measures its kernels.
 *
 * @throws UsageError where "webgpu" finds no adapter.
 */
export async function identifyBackend(name: BackendName): Promise<BackendIdentity> {
  if (name === "wasm") {
    const { kernelBundle } = await import("./wasm/bundle.ts");
    return { name, kernels: (await kernelBundle()).sha256, adapter: null };
  }
  const [{ WebGpuEngine }, { kernelNames, kernelText }] = await Promise.all([
    import("./webgpu/engine.ts"),
    import("./webgpu/source.ts"),
  ]);
  const engine = await WebGpuEngine.create();
  const { vendor, architecture, description } = engine.adapter;
  engine.close();
  const sources = kernelNames().map((kernel) => [kernel, kernelText(kernel)]);
  return {
    name,
    kernels: sha256(new TextEncoder().encode(JSON.stringify(sources))),
    adapter: description || [vendor, architecture].filter(Boolean).join(" ") || "unknown",
  };
}
