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

/** The folder of each module's sources in kernels/wasm/. */
export const SOURCE_FOLDERS = { core: "assembly" } as const;
/** The name of a module of kernels. */
export type KernelModuleName = keyof typeof SOURCE_FOLDERS;

/** The AssemblyScript sources of a module, by file name. */
export function kernelSources(name: KernelModuleName): Record<string, string> {
  const folder = `${ROOT}kernels/wasm/${SOURCE_FOLDERS[name]}/`;
  const names = sourceFiles(folder, ".ts");
  return Object.fromEntries(names.map((file) => [file, Deno.readTextFileSync(folder + file)]));
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
  for (const name of Object.keys(SOURCE_FOLDERS) as KernelModuleName[]) {
    const bytes = await compileKernels(kernelSources(name));
    Deno.writeTextFileSync(`${ROOT}kernels/wasm/${name}.ts`, kernelModuleText(bytes));
    console.log(`kernels/wasm/${name}.ts: ${bytes.length} bytes`);
  }
}
