import { kernelBundle } from "./bundle.ts";
import type { WasmHost } from "./host.ts";

/** Deno: shared memory up to WebAssembly's limit of 4 GiB, lanes as Workers. */
export const denoHost: WasmHost = {
  maximumPages: 65536,
  modules: ["core", "pretrained"],
  createMemory(initial) {
    return new WebAssembly.Memory({ initial, maximum: this.maximumPages, shared: true });
  },
  async compileKernels(name) {
    return await WebAssembly.compile((await kernelBundle(name)).bytes);
  },
  startLane(start) {
    const url = new URL("./lane_worker.ts", import.meta.url);
    const worker = new Worker(url, { type: "module", name: `lane ${start.index}` });
    return new Promise((resolve, reject) => {
      worker.onmessage = () => resolve();
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`lane ${start.index} did not start: ${event.message}`));
      };
      worker.postMessage(start);
    });
  },
};
