import assert from "node:assert/strict";
import { keptTokens } from "../nn/testing.ts";
import { RandomStream } from "../numeric/random.ts";
import { FULL_SAMPLING, GREEDY } from "./language_model.ts";
import { checkSampling, drawToken, tokenDistribution } from "./sample_token.ts";

const random = new RandomStream({ seed: 1, purpose: "test logits" });
const LOGITS = Float32Array.from({ length: 40 }, () => 3 * random.normal());
// Equals, which no filter may split by chance.
LOGITS[30] = LOGITS[3]!;

Deno.test("the filters keep what their definitions say", () => {
  for (const temperature of [0.5, 1, 2]) {
    for (const topK of [0, 1, 5, 39]) {
      for (const topP of [0.01, 0.5, 0.9, 1]) {
        const kept = keptTokens(LOGITS, { temperature, topK: topK || undefined, topP });
        const { ids, probabilities } = tokenDistribution(LOGITS, {
          temperature,
          topK,
          topP,
          minP: 0,
        });
        assert.deepEqual(
          [...ids].sort((a, b) => a - b),
          [...kept].sort((a, b) => a - b),
          `${topK} ${topP}`,
        );
        const weights = ids.map((id) => Math.exp(LOGITS[id]! / temperature));
        const total = weights.reduce((a, b) => a + b);
        probabilities.forEach((p, i) => assert.ok(Math.abs(p - weights[i]! / total) < 1e-12));
      }
    }
  }
});

Deno.test("min-p keeps what has that share of the likeliest's probability", () => {
  const { ids } = tokenDistribution(LOGITS, { ...FULL_SAMPLING, minP: 0.1 });
  const top = Math.max(...LOGITS);
  const kept = Array.from(LOGITS.keys()).filter((id) => Math.exp(LOGITS[id]! - top) >= 0.1);
  assert.deepEqual([...ids].sort((a, b) => a - b), kept);
  assert.ok(kept.length > 1 && kept.length < LOGITS.length);
});

Deno.test("tokens are drawn as often as they are likely, from the whole of [0, 1)", () => {
  const logits = [0, 1, -1, 2], counts = [0, 0, 0, 0], draws = 20_000;
  for (let i = 0; i < draws; i++) counts[drawToken(logits, FULL_SAMPLING, (i + 0.5) / draws)]!++;
  const total = logits.reduce((sum, x) => sum + Math.exp(x), 0);
  logits.forEach((x, id) => assert.ok(Math.abs(counts[id]! / draws - Math.exp(x) / total) < 1e-3));
  assert.equal(drawToken(logits, FULL_SAMPLING, 1 - 2 ** -24), 3);
  const few = { ...FULL_SAMPLING, topK: 2 };
  assert.deepEqual(
    new Set([0, 0.3, 0.6, 0.9, 0.999].map((u) => drawToken(logits, few, u))),
    new Set([3, 1]),
  );
});

Deno.test("greedy is the largest logit, of equals the first", () => {
  assert.equal(drawToken([1, 5, -2, 5], GREEDY, 0.9), 1);
  assert.equal(drawToken([-Infinity, -3], GREEDY, 0.9), 1);
});

Deno.test("numbers out of range are named", () => {
  const cases = {
    temperature: [-1, NaN, Infinity],
    topP: [0, 1.1],
    topK: [-1, 1.5],
    minP: [-0.1, 1],
  };
  for (const [field, values] of Object.entries(cases)) {
    for (const value of values) {
      assert.throws(
        () => checkSampling({ ...FULL_SAMPLING, [field]: value }),
        new RegExp(`^UsageError: ${field}: `),
      );
    }
  }
});
