import assert from "node:assert/strict";
import type { PermutationState } from "../../lib/env/permutation.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { chainReport, firstWrongToken, stillRight } from "./chains.ts";

const environment = createEnvironment("permutation", { group: "S3", minLength: 2, maxLength: 4 });

/** A state, its value, and an answer whose chain is wrong at `wrongAt` (and right after it). */
function answer(word: string[], wrongAt: number | null, value: number | null) {
  const state = environment.state(word);
  const response = [...environment.reasoningTrace(state), environment.vocabulary.valueToken(0.5)];
  if (wrongAt !== null) response[wrongAt] = environment.vocabulary.filler;
  return {
    labelled: { state, context: {}, value: 0.5 },
    prediction: { value, expectation: null, responses: [response] },
  };
}

function report(answers: ReturnType<typeof answer>[]) {
  return chainReport<PermutationState>(
    environment,
    answers.map((a) => a.labelled),
    answers.map((a) => a.prediction),
  );
}

Deno.test("the first wrong token is found, a short response is wrong where it ends", () => {
  assert.equal(firstWrongToken([1, 2, 3], [1, 2, 3, 9]), null);
  assert.equal(firstWrongToken([1, 2, 3], [1, 9, 9, 9]), 1);
  assert.equal(firstWrongToken([1, 2, 3], [1, 2]), 2);
  assert.equal(firstWrongToken([1, 2, 3], undefined), 0);
});

Deno.test("chains are counted by the place of their first wrong token", () => {
  // The chain of a word of n generators has n + 2 tokens: n products, SEP's, the distance.
  const { reached, firstWrong, firstWrongByTenth, afterRight, afterWrong } = report([
    answer(["(01)", "rot"], null, 0.6),
    answer(["(01)", "rot", "rot"], 0, null),
    answer(["(01)", "rot", "(12)"], 4, 0.1),
    answer(["(01)", "rot", "rot", "(12)"], 3, 0.5),
  ]);
  assert.deepEqual(reached, [4, 3, 3, 3, 1, 0]);
  assert.deepEqual(firstWrong, [1, 0, 0, 1, 1, 0]);
  // Tokens 0 of 5, 4 of 5, 3 of 6.
  assert.deepEqual(firstWrongByTenth, [1, 0, 0, 0, 0, 1, 0, 0, 1, 0]);
  assert.equal(afterRight.count, 1);
  assert.ok(Math.abs(afterRight.squares - 0.01) < 1e-12);
  assert.equal(afterWrong.count, 3);
  assert.ok(Math.abs(afterWrong.squares - (1 + 0.16 + 0)) < 1e-12);
});

Deno.test("the share of chains still right multiplies over tokens, ended chains left out", () => {
  const chains = {
    firstWrongByTenth: [],
    afterRight: { count: 0, squares: 0 },
    afterWrong: { count: 0, squares: 0 },
  };
  // Of 10 chains 2 go wrong at token 1; 4 of the other 8 end after it; 1 of the last 4 goes wrong; then 0 of 0.
  assert.deepEqual(
    stillRight({ ...chains, reached: [10, 10, 4, 0], firstWrong: [0, 2, 1, 0] }),
    [1, 0.8, 0.8 * 0.75, 0.8 * 0.75],
  );
  assert.deepEqual(stillRight({ ...chains, reached: [3, 0], firstWrong: [3, 0] }), [0, 0]);
});

Deno.test("any number of chains is counted", () => {
  const { reached, firstWrong } = report(new Array(130_000).fill(answer(["(01)", "rot"], 1, 0)));
  assert.deepEqual(reached, [130_000, 130_000, 0, 0]);
  assert.deepEqual(firstWrong, [0, 130_000, 0, 0]);
});
