import assert from "node:assert/strict";
import { lostLength } from "./lost_length.ts";

const points = (...ratios: number[]) => ratios.map((ratio, i) => ({ length: 1 + i, ratio }));

Deno.test("the length at which a ratio reaches the threshold lies on a line in its logarithm", () => {
  const between = lostLength(points(0.01, 0.25, 4), 0.5)!;
  // From 2^-2 to 2^2, at 2^-1: a quarter of the way.
  assert.ok(Math.abs(between - 2.25) < 1e-12, String(between));
  assert.ok(Math.abs(lostLength(points(0.1, 0.5, 0.9), 0.5)! - 2) < 1e-12);
});

Deno.test("it is the first such length, the shortest one, or none", () => {
  const again = lostLength(points(0.25, 1, 0.1, 3), 0.5)!;
  assert.ok(Math.abs(again - 1.5) < 1e-12, String(again));
  assert.equal(lostLength(points(0.6, 0.1, 0.7), 0.5), 1);
  assert.equal(lostLength(points(0.1, 0.2, 0.49), 0.5), null);
});
