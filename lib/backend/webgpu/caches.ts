import type { WebGpuDevice } from "./device.ts";

/** Caches of keys and values that the generations of a model share: only one of them has work that is not submitted. */
export class Caches {
  readonly #buffers = new Map<string, GPUBuffer>();
  /** Rises where a cache gives way to a larger one: programs that were built on it are void. */
  version = 0;

  constructor(private readonly device: WebGpuDevice) {}

  /** Makes room for caches of at least these sizes, in bytes. */
  reserve(sizes: ReadonlyMap<string, number>): void {
    for (const [label, bytes] of sizes) {
      const old = this.#buffers.get(label);
      if (old && old.size >= bytes) continue;
      // What is submitted is done first.
      old?.destroy();
      this.#buffers.set(label, this.device.buffer(label, bytes));
      this.version++;
    }
  }

  get(label: string): GPUBuffer | undefined {
    return this.#buffers.get(label);
  }
}
