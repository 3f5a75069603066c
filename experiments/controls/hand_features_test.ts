import assert from "node:assert/strict";
import { createEnvironment } from "../../lib/env/registry.ts";
import { handFeatures } from "./hand_features.ts";

const environment = createEnvironment("permutation", {
  group: "S3",
  generators: ["(01)", "rot", "rot^-1"],
  minLength: 2,
  maxLength: 4,
  maxMoves: 2,
  maxMovesBefore: 1,
});

/** The places and values of what is not 0. */
function features(word: string[], moves: string[] = []) {
  const { count, write } = handFeatures(environment);
  const out = new Float64Array(count).fill(NaN);
  write(environment.state(word, moves), out);
  return new Map([...out.entries()].filter(([, x]) => x !== 0));
}

Deno.test("hand features of a state, worked out", () => {
  // 3 steps-left; lengths 0..5; reduced lengths 0..5; counts 2 x 3; exponents 2 + 3; bigrams 9; last three 9.
  const own = 6 + 6 + 6 + 5 + 9 + 9;
  assert.equal(handFeatures(environment).count, 3 + 2 * own);
  // (01) rot rot rot^-1, then rot: length 5; rot rot^-1 cancels, so that (01) rot rot is left; exponents 1 of 2, 2 of 3.
  const expected = new Map([
    [1, 1],
    [3 + 5, 1],
    [9 + 3, 1],
    ...[[15, 1], [16, 2], [17, 1]] as const,
    [18 + 1, 1],
    ...[[21 + 1, 1], [23 + 2, 1]] as const,
    // Bigrams (01) rot, rot rot, rot rot^-1, rot^-1 rot at 3 first + second.
    ...[[26 + 1, 1], [26 + 4, 1], [26 + 5, 1], [26 + 7, 1]] as const,
    // Last rot, before it rot^-1, before it rot.
    ...[[35 + 1, 1], [38 + 2, 1], [41 + 1, 1]] as const,
  ]);
  const got = features(["(01)", "rot", "rot", "rot^-1"], ["rot"]);
  for (const [place, x] of [...expected]) {
    // With one step left, the products with the steps left are the features themselves.
    if (place >= 3) expected.set(place + own, x);
  }
  assert.deepEqual(new Map([...got].sort(([a], [b]) => a - b)), expected);
});

Deno.test("features do not read the element", () => {
  const { count, write } = handFeatures(environment);
  const state = environment.state(["(01)", "rot"]);
  const [a, b] = [new Float64Array(count), new Float64Array(count)];
  write(state, a);
  write({ ...state, element: (state.element + 1) % 6 }, b);
  assert.deepEqual(a, b);
});
