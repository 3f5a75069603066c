import assert from "node:assert/strict";
import { maximum, minimum } from "./extrema.ts";

Deno.test("extrema are those of Math, also of nothing, NaN and signed zeros", () => {
  const cases = [[], [3], [1, -7, 4], [NaN, 1], [1, NaN], [-0, 0], [0, -0], [-Infinity, Infinity]];
  for (const values of cases) {
    assert.ok(Object.is(maximum(values), Math.max(...values)), `maximum of ${values}`);
    assert.ok(Object.is(minimum(values), Math.min(...values)), `minimum of ${values}`);
  }
});

Deno.test("extrema of more values than a call can have as arguments", () => {
  const values = Float64Array.from({ length: 1_000_000 }, (_, i) => (i * 7919) % 1_000_003);
  assert.throws(() => Math.max(...values), RangeError);
  assert.equal(maximum(values), values.toSorted().at(-1));
  assert.equal(minimum(values), 0);
});
