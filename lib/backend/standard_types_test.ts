/**
 * The WebGPU backend's code is checked with Deno's own types like everything else. Here it is checked a second time with
 * the standard's, `@webgpu/types`, and a browser's library, so that nothing comes to depend on what only Deno offers.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);
const ENTRIES = ["engine.ts", "worker_engine.ts", "engine_worker.ts"]
  .map((name) => fileURLToPath(new URL(`lib/backend/webgpu/${name}`, ROOT)));

/** Checks files with the standard's types; returns what the compiler says, "" for nothing. */
async function check(folder: string, files: readonly string[]): Promise<string> {
  const { imports, compilerOptions } = JSON.parse(
    Deno.readTextFileSync(new URL("deno.json", ROOT)),
  );
  const config = `${folder}/deno.json`;
  Deno.writeTextFileSync(
    config,
    JSON.stringify({
      nodeModulesDir: "none",
      // Of lib/numeric/digest.ts.
      imports: { "@noble/hashes/": imports["@noble/hashes/"] },
      compilerOptions: {
        ...compilerOptions,
        lib: ["esnext", "dom", "deno.ns"],
        types: [imports["@webgpu/types"]],
      },
    }),
  );
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--no-lock", "--config", config, ...files],
    env: { NO_COLOR: "1" },
  }).output();
  return success ? "" : new TextDecoder().decode(stderr);
}

Deno.test("the WebGPU backend type-checks against the standard's types", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "genac-" });
  try {
    // The strict types of texture extents are @webgpu/types' alone: whether it is these that are used.
    const probe = `${folder}/probe.ts`;
    Deno.writeTextFileSync(
      probe,
      "export const extent: GPUExtent3DStrict = { width: 1, depth: 1 };",
    );
    assert.match(await check(folder, [probe]), /'number' is not assignable to type 'undefined'/);
    assert.equal(await check(folder, ENTRIES), "");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
