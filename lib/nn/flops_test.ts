import assert from "node:assert/strict";
import { forwardFlops, parameterCount, prefillTokens } from "./flops.ts";
import { smallConfig } from "./testing.ts";

Deno.test("parameters: 12 d^2 + 2 d a layer, a norm, the embedding and the heads", () => {
  const c = smallConfig({ vocabularySize: 190, dModel: 64, layers: 4 });
  assert.equal(parameterCount(c), 4 * (12 * 64 * 64 + 2 * 64) + 64 + 2 * 190 * 64);
  assert.equal(parameterCount(c, { embedding: false }), 4 * (12 * 64 * 64 + 2 * 64));
  const critic = {
    ...c,
    languageHead: false,
    valueHead: { loss: "soft_cross_entropy", outputs: 11 } as const,
  };
  assert.equal(parameterCount(critic), parameterCount(c) - 190 * 64 + 11 * 64);
});

Deno.test("flops: two a weight and token, and attention", () => {
  const c = smallConfig({ vocabularySize: 190, dModel: 64, layers: 4 });
  const used = parameterCount(c) - 190 * 64;
  assert.equal(forwardFlops(c, 1000, 20), 1000 * (2 * used + 4 * 4 * 20 * 64));
});

Deno.test("a loop costs FLOPs of the layers, not parameters", () => {
  const c = smallConfig({ vocabularySize: 190, dModel: 64, layers: 2 });
  const looped = { ...c, loops: 3 };
  assert.equal(parameterCount(looped), parameterCount(c));
  // Three times the layers, once the final norm and the head.
  const unrolled = { ...c, layers: 6 };
  assert.equal(forwardFlops(looped, 1000, 20), forwardFlops(unrolled, 1000, 20));
});

Deno.test("a GRU has 7 d^2 where attention has 4, and no cost that grows with length", () => {
  const c = smallConfig({ vocabularySize: 190, dModel: 64, layers: 2, mixer: "gru" });
  assert.equal(parameterCount(c, { embedding: false }), 2 * (15 * 64 * 64 + 2 * 64));
  const used = parameterCount(c) - 190 * 64;
  assert.equal(forwardFlops(c, 1000, 20), 1000 * 2 * used);
  assert.equal(forwardFlops(c, 1000, 40), 1000 * 2 * used);
});

Deno.test("shared starts of prompts are read once", () => {
  assert.equal(prefillTokens([]), 0);
  assert.equal(prefillTokens([[1, 2, 3], [1, 2, 3]]), 3);
  assert.equal(prefillTokens([[1, 2, 3], [1, 2], [1, 4, 3], [2, 2, 3]]), 3 + 0 + 2 + 3);
});
