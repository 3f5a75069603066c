import assert from "node:assert/strict";
import {
  compileKernels,
  KERNEL_MODULES,
  kernelModuleText,
  kernelSources,
} from "../../../kernels/wasm/build.ts";
import { kernelBundle } from "./bundle.ts";
import { ROOT } from "../../root.ts";

for (const name of KERNEL_MODULES) {
  Deno.test(`kernels/wasm/${name}.ts is what its sources compile to`, async () => {
    const bytes = await compileKernels(kernelSources(name), name);
    const text = Deno.readTextFileSync(`${ROOT}kernels/wasm/${name}.ts`);
    assert.ok(text === kernelModuleText(bytes), "write it anew: see kernels/wasm/build.ts");
    assert.deepEqual((await kernelBundle(name)).bytes, bytes);
  });
}

Deno.test("pins carry the digest of the kernels", async () => {
  const pins = JSON.parse(Deno.readTextFileSync(`${ROOT}experiments/scaling/pins/standard.json`));
  assert.equal((await kernelBundle()).sha256, pins.kernels);
});

Deno.test("kernels that do not compile are reported with the compiler's message", async () => {
  const sources = { "index.ts": "export function f(): i32 { return nothing; }" };
  await assert.rejects(compileKernels(sources), /do not compile:\n.*Cannot find name 'nothing'/s);
});
