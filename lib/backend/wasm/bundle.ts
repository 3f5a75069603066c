/** The kernels' bytes. They are modules of the program, so that whatever has the program has them. */
import type { KernelModuleName } from "../../../kernels/wasm/build.ts";
import { sha256 } from "../../numeric/digest.ts";

export type { KernelModuleName };

/** A compiled module of kernels and the SHA-256 of its bytes, which provenance and pins carry. */
export interface KernelBundle {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

const MODULES = {
  core: () => import("../../../kernels/wasm/core.ts"),
  pretrained: () => import("../../../kernels/wasm/pretrained.ts"),
} satisfies Record<KernelModuleName, () => Promise<{ readonly KERNELS: string }>>;

const bundles = new Map<KernelModuleName, Promise<KernelBundle>>();

/** The kernels of this name; "core" has all that the kit's own models need, "pretrained" what other language models need beside. */
export function kernelBundle(name: KernelModuleName = "core"): Promise<KernelBundle> {
  const known = bundles.get(name);
  if (known) return known;
  const bundle = MODULES[name]().then(({ KERNELS }) => {
    const bytes = Uint8Array.from(atob(KERNELS), (character) => character.charCodeAt(0));
    return { bytes, sha256: sha256(bytes) };
  });
  bundles.set(name, bundle);
  return bundle;
}
