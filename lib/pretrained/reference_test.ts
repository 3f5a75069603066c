import assert from "node:assert/strict";
import { readPretrained } from "./read_pretrained.ts";
import { referenceLogits } from "../language_model/reference.ts";
import {
  floatsOf,
  largestDifference,
  localModel,
  modelCases,
  modelPath,
  testdata,
  withFiles,
} from "./testing.ts";

for (const [name, model] of modelCases()) {
  Deno.test(`the reference gives transformers' logits: ${name}`, () =>
    withFiles(model.files, (folder) => {
      const { architecture, tensors } = readPretrained(modelPath(folder, model));
      for (const { tokens, positions, logits } of model.prompts) {
        const weight = (name: string) => tensors.get(name)!.read();
        const found = referenceLogits(architecture, weight, tokens, positions);
        const difference = largestDifference(found.flatMap((row) => [...row]), logits);
        // Logits of several units; transformers computes in float32.
        assert.ok(difference < 2e-5, `${tokens.length} tokens: ${difference}`);
      }
    }));
}

const smolLm2 = localModel();
if (!smolLm2) console.error("skipped: SmolLM2's logits (deno task local-model --install-only)");

Deno.test({
  name: "the reference gives transformers' logits of SmolLM2-135M",
  ignore: !smolLm2,
  fn() {
    const { architecture, tensors, parameters } = readPretrained(smolLm2!);
    assert.equal(parameters, 134_515_008);
    const { tokens, at, logits, logSumExp } = testdata("smollm2.json");
    const weight = (name: string) => tensors.get(name)!.readFinite();
    const last = referenceLogits(architecture, weight, tokens).at(-1)!;
    const found = at.map((token: number) => last[token]);
    const difference = largestDifference(found, floatsOf(logits));
    assert.ok(difference < 2e-4, `${difference}`);
    const top = Math.max(...last);
    const total = top + Math.log(last.reduce((sum, v) => sum + Math.exp(v - top), 0));
    assert.ok(Math.abs(total - logSumExp) < 2e-4, `${total}, not ${logSumExp}`);
  },
});
