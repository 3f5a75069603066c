import assert from "node:assert/strict";
import { evaluateClaims, SEEDS_FOR_VERDICT } from "./evaluate_claims.ts";
import type { Claim } from "./experiment.ts";

const claims: Claim<{ readonly gain: number }>[] = [{
  id: "C1",
  statement: "It gains.",
  family: "confirmatory",
  sesoi: "0.1 of success",
  evaluate: ({ gain }) => ({
    verdict: gain > 0 ? "supported" : "contradicted",
    reading: `The gain is ${gain}.`,
    evidence: { gain },
  }),
}];

const seeds = (count: number) => ({ seeds: Array.from({ length: count }, (_, i) => i + 1) });

Deno.test("a claim is given with its terms, verdict and numbers", () => {
  assert.deepEqual(evaluateClaims(claims, { gain: 0.2 }, seeds(SEEDS_FOR_VERDICT)), [{
    id: "C1",
    statement: "It gains.",
    family: "confirmatory",
    sesoi: "0.1 of success",
    verdict: "supported",
    reading: "The gain is 0.2.",
    evidence: { gain: 0.2 },
  }]);
});

Deno.test("fewer than five seeds carry numbers, and no verdict", () => {
  assert.equal(SEEDS_FOR_VERDICT, 5);
  for (const gain of [0.2, -0.2]) {
    const [claim] = evaluateClaims(claims, { gain }, seeds(4));
    assert.equal(claim!.verdict, "see standard");
    assert.equal(claim!.reading, `The gain is ${gain}.`);
    assert.deepEqual(claim!.evidence, { gain });
  }
});

Deno.test("a run without a list of seeds is decided as it is", () => {
  for (const config of [{}, undefined]) {
    assert.equal(evaluateClaims(claims, { gain: -1 }, config)[0]!.verdict, "contradicted");
  }
});
