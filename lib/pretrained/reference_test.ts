import assert from "node:assert/strict";
import { readPretrained } from "./read_pretrained.ts";
import { referenceLogits } from "../language_model/reference.ts";
import { largestDifference, modelCases, modelPath, withFiles } from "./testing.ts";

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
