import assert from "node:assert/strict";
import { exp, log } from "../../tensor/math.ts";
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
