import assert from "node:assert/strict";
import { kernelBundle } from "../../lib/backend/wasm/bundle.ts";
import { CONTROL, ERROR, ERROR_BYTES, HEAP } from "../../lib/backend/wasm/control.ts";

Deno.test("the modules' constants stand side by side, away from the control block and the heap", async () => {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true });
  const used = async (name: "core" | "pretrained") => {
    const before = new Uint8Array(memory.buffer).slice();
    await WebAssembly.instantiate((await kernelBundle(name)).bytes, { env: { memory } });
    const after = new Uint8Array(memory.buffer);
    const changed = [...after.keys()].filter((i) => after[i] !== before[i]);
    for (const i of changed) assert.equal(before[i], 0, `${name}: byte ${i} was taken`);
    return { first: changed[0]!, last: changed.at(-1)! };
  };
  const core = await used("core"), pretrained = await used("pretrained");
  assert.ok(core.last < CONTROL, `the core's constants reach to ${core.last}`);
  assert.ok(pretrained.first >= ERROR + ERROR_BYTES && pretrained.last < HEAP);
});
