import assert from "node:assert/strict";
import { sha256 as digest } from "../../numeric/digest.ts";
import { compileKernels, kernelBundle, kernelSources, loadKernelBundle } from "./bundle.ts";

async function inTemporaryFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const files = (folder: string) => [...Deno.readDirSync(folder)].map((e) => e.name);

/** Loads from a cache folder: the bundle's digest, and how often it was compiled. */
async function load(folder: string): Promise<{ sha256: string; compiled: number }> {
  let compiled = 0;
  const { sha256 } = await loadKernelBundle(folder, async () => {
    compiled++;
    return (await kernelBundle()).bytes;
  });
  return { sha256, compiled };
}

Deno.test("the sources compile to the same bytes each time", async () => {
  const { bytes, sha256 } = await kernelBundle();
  const again = await compileKernels(kernelSources());
  assert.deepEqual(again, bytes);
  assert.equal(digest(again), sha256);
});

Deno.test("the cache is used where it is whole; truncated or changed, it is made again", async () => {
  await inTemporaryFolder(async (parent) => {
    const folder = `${parent}not/there/yet/`, { sha256 } = await kernelBundle();
    assert.deepEqual(await load(folder), { sha256, compiled: 1 });
    const [name, ...others] = files(folder);
    assert.match(name!, /^[0-9a-f]{64}\.wasm$/);
    assert.deepEqual(others, []);
    assert.deepEqual(await load(folder), { sha256, compiled: 0 });
    const whole = Deno.readFileSync(folder + name);
    const flipped = whole.slice();
    flipped[500]! ^= 1;
    for (const damaged of [whole.slice(0, -1), whole.slice(0, 1000), new Uint8Array(0), flipped]) {
      Deno.writeFileSync(folder + name, damaged);
      assert.deepEqual(await load(folder), { sha256, compiled: 1 });
      assert.deepEqual(Deno.readFileSync(folder + name), whole);
    }
  });
});

Deno.test("a cache that cannot be written is done without", async () => {
  const { sha256 } = await kernelBundle();
  await inTemporaryFolder(async (folder) => {
    // A file in the folder's place stops root too, which a mode does not.
    Deno.writeTextFileSync(`${folder}file`, "");
    assert.deepEqual(await load(`${folder}file/kernels/`), { sha256, compiled: 1 });
    Deno.mkdirSync(`${folder}locked`, { mode: 0o555 });
    assert.deepEqual(await load(`${folder}locked/kernels/`), { sha256, compiled: 1 });
    assert.deepEqual(files(folder).sort(), ["file", "locked"]);
  });
});

Deno.test("kernels that do not compile are reported with the compiler's message", async () => {
  const sources = { "index.ts": "export function f(): i32 { return nothing; }" };
  await assert.rejects(compileKernels(sources), /does not compile:\n.*Cannot find name 'nothing'/s);
});
