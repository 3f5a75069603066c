/**
 * The engine and the experiments as one script for a Worker in a page. The same sources give the same bytes in any folder
 * and on any machine, so that the hash in a report can be checked: `deno run --allow-read lib/verify/bundle.ts | sha256sum`.
 */
import { sha256 } from "../numeric/digest.ts";
import { NOT_IN_PAGES } from "./not_in_pages.ts";

/** A script that needs nothing else. */
export interface Bundle {
  readonly text: string;
  /** SHA-256 of its UTF-8. */
  readonly sha256: string;
}

const ENGINE = import.meta.resolve("./engine_worker.ts");

/**
 * What a page has no use for, by the module's last folder and name: WebGPU, kernels of pretrained models, figures, the
 * reading of models' files, and some experiments.
 */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "webgpu/engine.ts": "export const WebGpuEngine = undefined;",
  "webgpu/worker_engine.ts": "export const WorkerEngine = undefined;",
  "webgpu/source.ts": "export const kernelNames = undefined, kernelText = undefined;",
  "wasm/pretrained.ts": "export const KERNELS = undefined;",
  "dist/momoa.js": "export const parse = undefined;",
  "report/figure.ts": "export const figure = undefined, intervalPoint = undefined;",
  ...Object.fromEntries(
    NOT_IN_PAGES.map((name) => [`${name}/mod.ts`, "export default undefined;"]),
  ),
};

let engine: Promise<Bundle> | undefined;

/** The engine with all experiments, made once per process. */
export function engineBundle(): Promise<Bundle> {
  return engine ??= bundle(ENGINE);
}

/** The module at the URL `entry` and all that it imports, as a minified classic script. Throws where esbuild has an error. */
export async function bundle(entry: string): Promise<Bundle> {
  const { build } = await compiler();
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    // Errors are thrown.
    logLevel: "silent",
    // Of files that a page does not have.
    define: { "import.meta.url": '"about:blank"' },
    write: false,
    plugins: [{
      name: "modules",
      setup(build) {
        // An experiment that imports one fails in a page, and leaves the others alone.
        build.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, external: true }));
        build.onResolve({ filter: /.*/ }, ({ path, importer }) => ({
          path: /^\.{0,2}\//.test(path) ? new URL(path, importer).href : import.meta.resolve(path),
          namespace: "module",
          // As its package.json says.
          sideEffects: !/\/node_modules\/zod\//.test(importer) && path !== "zod",
        }));
        build.onLoad({ filter: /.*/ }, async ({ path }) => {
          const leftOut = LEFT_OUT[path.split("/").slice(-2).join("/")];
          const contents = leftOut ?? await Deno.readTextFile(new URL(path));
          return { contents, loader: "default" };
        });
      },
    }],
  });
  const { text, contents } = outputFiles![0]!;
  return { text, sha256: sha256(contents) };
}

let started: Promise<typeof import("esbuild-wasm")> | undefined;

/** esbuild as WebAssembly: no program of the machine's is started, and its version alone decides the bytes. */
function compiler(): Promise<typeof import("esbuild-wasm")> {
  return started ??= (async () => {
    const esbuild = await import("esbuild-wasm/esm/browser.js") as typeof import("esbuild-wasm");
    const wasm = await Deno.readFile(new URL(import.meta.resolve("esbuild-wasm/esbuild.wasm")));
    await esbuild.initialize({ wasmModule: await WebAssembly.compile(wasm), worker: false });
    return esbuild;
  })();
}

if (import.meta.main) {
  const { text } = await engineBundle();
  await new Blob([text]).stream().pipeTo(Deno.stdout.writable);
}
