/**
 * Compiles the AssemblyScript kernels to WebAssembly on first use and keeps the result under `.cache/kernels`,
 * keyed by the sources and the compiler's version. Where nothing may be written, it compiles in memory each time.
 */
import { fileURLToPath } from "node:url";
import { sourceFiles } from "../../source_files.ts";
import { sha256 } from "../../numeric/digest.ts";

/** Version of the compiler that fixes the bundle's bytes; also pinned in deno.json. */
const COMPILER = "0.28.20";

const FLAGS = [
  ...["--enable", "simd", "--enable", "threads", "--sharedMemory", "--importMemory"],
  ...[
    "--initialMemory",
    "16",
    "--maximumMemory",
    "65536",
    "--runtime",
    "stub",
    "-O3",
    "--noAssert",
  ],
];

/** The compiled kernels and the SHA-256 of their bytes, which provenance and pins carry. */
export interface KernelBundle {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

let bundle: Promise<KernelBundle> | undefined;

/** The kernel bundle, compiled once per process at most. */
export function kernelBundle(): Promise<KernelBundle> {
  return bundle ??= loadKernelBundle(
    fileURLToPath(new URL("../../../.cache/kernels/", import.meta.url)),
  );
}

/** The kernel bundle, from the cache in `folder` (which ends in a slash) where that has a whole copy. */
export async function loadKernelBundle(
  folder: string,
  compile = compileKernels,
): Promise<KernelBundle> {
  const sources = kernelSources();
  const key = sha256(new TextEncoder().encode(JSON.stringify([COMPILER, FLAGS, sources])));
  const path = `${folder}${key}.wasm`;
  const cached = readIfThere(path);
  // A truncated cache file would be a wrong kernel: the file's last bytes hold its own digest.
  if (cached && cached.length > 64) {
    const bytes = cached.slice(0, -64);
    const digest = new TextDecoder().decode(cached.subarray(-64));
    if (sha256(bytes) === digest) return { bytes, sha256: digest };
  }
  const bytes = await compile(sources);
  const digest = sha256(bytes);
  const sealed = new Uint8Array(bytes.length + 64);
  sealed.set(bytes);
  sealed.set(new TextEncoder().encode(digest), bytes.length);
  const temporary = `${path}.${crypto.randomUUID()}`;
  try {
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeFileSync(temporary, sealed);
    Deno.renameSync(temporary, path);
  } catch {
    // The cache only saves a second: a read-only folder or a full disk is no reason to fail.
    try {
      Deno.removeSync(temporary);
    } catch { /* it was never written */ }
  }
  return { bytes, sha256: digest };
}

/** The AssemblyScript sources of the kernels, by file name. */
export function kernelSources(): Record<string, string> {
  const folder = fileURLToPath(new URL("../../../kernels/wasm/assembly/", import.meta.url));
  const names = sourceFiles(folder, ".ts");
  return Object.fromEntries(names.map((name) => [name, Deno.readTextFileSync(folder + name)]));
}

function readIfThere(path: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Deno.readFileSync(path);
  } catch {
    return undefined;
  }
}

/** Compiles a set of AssemblyScript sources with entry point index.ts. Throws with the compiler's messages. */
export async function compileKernels(
  sources: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { default: asc } = await import("assemblyscript/asc");
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(["index.ts", "--outFile", "kernels.wasm", ...FLAGS], {
    readFile: (name: string) => sources[name] ?? null,
    writeFile: (name: string, contents: Uint8Array | string) => {
      if (name === "kernels.wasm") binary = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || !binary) {
    throw new Error(`kernels/wasm/assembly does not compile:\n${stderr.toString()}`);
  }
  return new Uint8Array(binary);
}
