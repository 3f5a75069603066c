import assert from "node:assert/strict";
import { isConstant, mean, populationVariance, sum } from "./sums.ts";
import { exact, near } from "../eval/testdata.ts";

Deno.test("sum compensates what plain addition loses", () => {
  // Neumaier's own example; a plain loop and Kahan's sum both give 0.
  assert.equal(sum([1, 1e100, 1, -1e100]), 2);
  // Python: math.fsum([0.1] * 10)
  assert.equal(sum(new Array(10).fill(0.1)), 1);
  assert.equal(sum([]), 0);
});

Deno.test("mean and population variance", () => {
  near(mean(exact), 0.4083333333333334); // numpy: e.mean()
  near(populationVariance(exact), 0.05826388888888889); // numpy: e.var()
  assert.throws(() => mean([]), /RangeError: values: empty/);
});

Deno.test("the variance of equal values is exactly 0", () => {
  for (const n of [1, 3, 7, 10, 49]) {
    assert.equal(populationVariance(new Array(n).fill(0.1)), 0);
  }
  assert.ok(isConstant([]));
  assert.ok(isConstant([0, -0]));
  assert.ok(!isConstant([0.1, 0.1, 0.1 + 2e-17]));
});
