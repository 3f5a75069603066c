import { UsageError } from "../../errors.ts";
import { kernelBundle } from "./bundle.ts";
import type { WasmHost } from "./host.ts";

/**
 * A browser, or any other engine of WebAssembly: one thread, as further lanes need a page that is isolated from others, and
 * were no faster where that was tried.
 *
 * @param shared Whether memory can be shared; some engines have no such memory, and none is needed for one thread.
 */
export function browserHost(shared = hasSharedMemory()): WasmHost {
  return {
    // Some engines reserve at once what memory may grow to.
    maximumPages: 16384,
    modules: ["core"],
    createMemory(initial) {
      return new WebAssembly.Memory({ initial, maximum: this.maximumPages, shared });
    },
    async compileKernels(name) {
      const { bytes } = await kernelBundle(name);
      return await WebAssembly.compile(shared ? bytes : withPrivateMemory(bytes));
    },
    startLane() {
      throw new UsageError("threads", "more than 1", "there is one thread here: ask for 1");
    },
  };
}

function hasSharedMemory(): boolean {
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }) !== undefined;
  } catch {
    return false;
  }
}

/** The import of "env.memory" in a module's bytes, up to the flags of its limits: two names, each after its length, a kind. */
const MEMORY_IMPORT = [...new TextEncoder().encode("\x03env\x06memory\x02")];
const HAS_MAXIMUM = 1, IS_SHARED = 2;

/** The module for memory that is not shared: the import's flag alone says so, as no kernel has an atomic instruction. */
function withPrivateMemory(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const at = bytes.findIndex((_, i) => MEMORY_IMPORT.every((byte, k) => bytes[i + k] === byte));
  const flags = at + MEMORY_IMPORT.length;
  if (at < 0 || bytes[flags] !== (HAS_MAXIMUM | IS_SHARED)) {
    throw new Error("the kernels do not import shared memory");
  }
  const copy = bytes.slice();
  copy[flags] = HAS_MAXIMUM;
  return copy;
}
