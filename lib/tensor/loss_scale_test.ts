import assert from "node:assert/strict";
import { lossScale } from "./loss_scale.ts";

Deno.test("the default normalizer is the sum of the weights", () => {
  assert.equal(lossScale([1, 0, 0.5, 1.5]), Math.fround(1 / 3));
  assert.equal(lossScale([0, 0]), 0);
  assert.equal(lossScale(undefined), 0);
});

Deno.test("a given normalizer counts, whatever the weights", () => {
  assert.equal(lossScale([1, -1, -2], 7), Math.fround(1 / 7));
  assert.equal(lossScale(undefined, 2), 0.5);
  for (const bad of [0, -1, NaN, Infinity]) {
    assert.throws(() => lossScale([1], bad), /normalizer: .*: give a positive number/);
  }
});

Deno.test("negative weights without a normalizer are refused, also where their sum is positive", () => {
  assert.throws(
    () => lossScale([3, -1]),
    /weights: -1 at row 1: negative weights need a normalizer/,
  );
});
