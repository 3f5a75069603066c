import assert from "node:assert/strict";
import { exp, log } from "../../numeric/math.ts";
import { centralDifferences, nearAll } from "../testing.ts";
import { isClipped, ppoClipWeight } from "./ppo_clip.ts";

const clip = { clipLow: 0.2, clipHigh: 0.28 };

/** Equation 7. */
function surrogate(ratio: number, A: number): number {
  const clipped = Math.min(Math.max(ratio, 1 - clip.clipLow), 1 + clip.clipHigh);
  return Math.min(ratio * A, clipped * A);
}

Deno.test("weights are the derivative of the clipped surrogate in log pi", () => {
  const logMu = -1.3;
  for (const ratio of [0.1, 0.5, 0.79, 0.81, 0.99, 1, 1.19, 1.21, 1.27, 1.29, 2, 5]) {
    for (const A of [1.5, 0.01, 0, -0.01, -0.7]) {
      const slope = centralDifferences(
        [logMu + log(ratio)],
        ([p]) => surrogate(exp(p! - logMu), A),
      );
      nearAll([ppoClipWeight(ratio, A, clip)], slope, `ratio ${ratio}, A ${A}`, 1e-8);
    }
  }
});

Deno.test("only movement in the advantage's direction is clipped", () => {
  assert.equal(ppoClipWeight(1.5, 2, clip), 0);
  assert.equal(ppoClipWeight(0.5, 2, clip), 1);
  assert.equal(ppoClipWeight(0.5, -2, clip), 0);
  assert.equal(ppoClipWeight(1.5, -2, clip), -3);
  // The upper clip is 0.28, the lower 0.2.
  assert.equal(isClipped(1.25, 1, clip), false);
  assert.equal(isClipped(0.75, -1, clip), true);
  assert.equal(isClipped(9, 0, clip), false);
});

Deno.test("an advantage of 0 has weight 0 at every ratio", () => {
  for (const ratio of [0, 1, 1e300, Infinity, NaN]) {
    for (const A of [0, -0]) {
      for (const dualClip of [undefined, 3]) {
        assert.ok(ppoClipWeight(ratio, A, { ...clip, dualClip }) === 0, `${ratio}`);
      }
    }
  }
});

Deno.test("dual clip: a token of negative advantage stops at its ratio c, and no other changes", () => {
  const dual = { ...clip, dualClip: 3 };
  assert.equal(ppoClipWeight(2.9, -2, dual), -5.8);
  assert.equal(ppoClipWeight(3.1, -2, dual), 0);
  for (const ratio of [0.1, 0.9, 1, 1.2, 2.9, 5]) {
    for (const A of ratio > 3 ? [2, 0] : [2, 0, -2]) {
      assert.equal(ppoClipWeight(ratio, A, dual), ppoClipWeight(ratio, A, clip), `${ratio}, ${A}`);
    }
  }
  const logMu = -1.3;
  for (const ratio of [0.5, 1, 2.9, 3.1, 8]) {
    const slope = centralDifferences(
      [logMu + log(ratio)],
      ([p]) => Math.max(surrogate(exp(p! - logMu), -0.7), 3 * -0.7),
    );
    nearAll([ppoClipWeight(ratio, -0.7, dual)], slope, `ratio ${ratio}`, 1e-8);
  }
});
