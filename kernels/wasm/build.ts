/**
 * Compiles the AssemblyScript kernels and writes them as modules of TypeScript, so that the engine finds them wherever it
 * was imported from: a file, an address, a page. After a change of the sources:
 *
 *     deno run --allow-read --allow-env=CI --allow-write=kernels kernels/wasm/build.ts
 */
import { ROOT } from "../../lib/root.ts";
import { sourceFiles } from "../../lib/source_files.ts";

/** Flags of AssemblyScript's compiler, which with its version in deno.json fix the bytes. */
const FLAGS = [
  ...["--enable", "simd", "--enable", "threads", "--sharedMemory", "--importMemory"],
  ...["--initialMemory", "16", "--maximumMemory", "65536", "--runtime", "stub", "-O3"],
  "--noAssert",
];

/** The folder of each module's sources in kernels/wasm/, and where its constants stand: all work on one memory. */
const MODULES = {
  core: { folder: "assembly", memoryBase: 1024 },
  pretrained: { folder: "pretrained", memoryBase: 16384 },
} as const;
/** The name of a module of kernels. */
export type KernelModuleName = keyof typeof MODULES;
/** The names of all modules. */
export const KERNEL_MODULES = Object.keys(MODULES) as KernelModuleName[];

/** The AssemblyScript sources of a module, by path from its folder; other modules may import those of the core. */
export function kernelSources(name: KernelModuleName): Record<string, string> {
  const read = (folder: string, prefix: string) =>
    sourceFiles(`${ROOT}kernels/wasm/${folder}/`, ".ts").map((file) => [
      prefix + file,
      Deno.readTextFileSync(`${ROOT}kernels/wasm/${folder}/${file}`),
    ]);
  const core = name === "core" ? [] : read(MODULES.core.folder, `../${MODULES.core.folder}/`);
  return Object.fromEntries([...read(MODULES[name].folder, ""), ...core]);
}

/** Compiles a set of AssemblyScript sources with entry point index.ts. Throws with the compiler's messages. */
export async function compileKernels(
  sources: Readonly<Record<string, string>>,
  name: KernelModuleName = "core",
): Promise<Uint8Array<ArrayBuffer>> {
  const { default: asc } = await import("assemblyscript/asc");
  let binary: Uint8Array | undefined;
  const flags = [...FLAGS, "--memoryBase", `${MODULES[name].memoryBase}`];
  const { error, stderr } = await asc.main(["index.ts", "--outFile", "kernels.wasm", ...flags], {
    readFile: (name: string) => sources[name] ?? null,
    writeFile: (name: string, contents: Uint8Array | string) => {
      if (name === "kernels.wasm") binary = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || !binary) throw new Error(`the kernels do not compile:\n${stderr.toString()}`);
  return new Uint8Array(binary);
}

/** The text of the module that carries these bytes. */
export function kernelModuleText(bytes: Uint8Array): string {
  return `/** Kernels as WebAssembly in base64, written by kernels/wasm/build.ts. */
export const KERNELS =
  "${bytes.toBase64()}";
`;
}

if (import.meta.main) {
  for (const name of KERNEL_MODULES) {
    const bytes = await compileKernels(kernelSources(name), name);
    Deno.writeTextFileSync(`${ROOT}kernels/wasm/${name}.ts`, kernelModuleText(bytes));
    console.log(`kernels/wasm/${name}.ts: ${bytes.length} bytes`);
  }
}
