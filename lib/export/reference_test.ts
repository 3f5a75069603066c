/**
 * The exports against other implementations: Hugging Face's transformers and tokenizers, and onnx's checker and reference
 * implementation. testdata/reference.json has what they made of these very files (testdata/make_reference.ts). Where a
 * Python has them, they are asked again.
 */
import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { testUnless } from "../testing.ts";
import {
  architectures,
  digestsOf,
  formulaModel,
  jumpingSequences,
  outputsOf,
  pythonWith,
  type ReferenceCase,
  referenceFiles,
  relativeError,
  runReference,
} from "./testing.ts";

const RECORDED: Record<string, ReferenceCase & { files: Record<string, string> }> = JSON.parse(
  Deno.readTextFileSync(new URL("testdata/reference.json", import.meta.url)),
).cases;

/** Logits differ by less, over the largest of them. */
const TOLERANCE = 1e-6;

Deno.test("the exported files are those which the others were given", async () => {
  const files = Object.entries(await referenceFiles());
  assert.deepEqual(
    Object.fromEntries(files.map(([name, own]) => [name, digestsOf(own)])),
    Object.fromEntries(Object.entries(RECORDED).map(([name, { files }]) => [name, files])),
  );
});

for (const [name, config] of Object.entries(architectures)) {
  Deno.test(`${name}: what the others compute is what the kit computes`, async () => {
    const engine = await WasmEngine.create({ threads: 1 });
    const kit = await outputsOf(formulaModel(engine, config), jumpingSequences(config));
    engine.close();
    const recorded = Object.entries(RECORDED).filter(([key]) => key.startsWith(`${name} `));
    assert.ok(recorded.length > 0);
    for (const [key, { outputs }] of recorded) {
      assert.deepEqual(Object.keys(outputs!).sort(), Object.keys(kit).sort(), key);
      for (const [head, expected] of Object.entries(outputs!)) {
        assert.equal(kit[head]!.length, expected.length);
        const error = relativeError(kit[head]!, expected);
        assert.ok(error < TOLERANCE, `${key}, ${head}: ${error}`);
      }
    }
  });
}

Deno.test("a tokenizer gives every name its id, and no other word any", () => {
  for (const name of ["permutation", "sat"]) {
    const { ids, refusesUnknown } = RECORDED[`${name} tokenizer`]!.tokenizer!;
    assert.deepEqual(ids, ids.map((_, id) => id));
    assert.ok(refusesUnknown);
  }
});

const found = await pythonWith("transformers", "torch", "onnx", "tokenizers");

testUnless(
  "reason" in found ? found.reason : undefined,
  "asked again, the others say the same",
  async () => {
    if ("reason" in found) return;
    const { cases } = await runReference(found.python, await referenceFiles());
    assert.deepEqual(Object.keys(cases).sort(), Object.keys(RECORDED).sort());
    for (const [name, { outputs = {}, tokenizer }] of Object.entries(cases)) {
      const recorded = RECORDED[name]!;
      assert.deepEqual(tokenizer, recorded.tokenizer);
      for (const [head, now] of Object.entries(outputs)) {
        assert.ok(relativeError(now, recorded.outputs![head]!) < TOLERANCE, `${name}, ${head}`);
      }
    }
  },
);
