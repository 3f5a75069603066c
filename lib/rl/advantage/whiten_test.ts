import assert from "node:assert/strict";
import { UsageError } from "../../errors.ts";
import { nearAll } from "../testing.ts";
import { standardDeviation, whiten } from "./whiten.ts";

Deno.test("whitening by hand, over all tokens", () => {
  // Mean 2, sample variance (4 + 0 + 1 + 1) / 3 = 2.
  const [a, b, c] = whiten([[0, 2], [], [3, 3]], 0);
  const s = Math.sqrt(2);
  nearAll(a!, [-2 / s, 0]);
  assert.deepEqual(b, []);
  nearAll(c!, [1 / s, 1 / s]);
});

Deno.test("what has no spread is 0, not divided by epsilon", () => {
  assert.deepEqual(whiten([[0.1, 0.1], [0.1]]), [[0, 0], [0]]);
  assert.deepEqual(whiten([[5]]), [[0]]);
  assert.deepEqual(whiten([[], []]), [[], []]);
  assert.equal(standardDeviation([0.1, 0.1, 0.1]), 0);
  assert.equal(standardDeviation([]), 0);
});

Deno.test("a number that is not finite is named, not spread", () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    assert.throws(
      () => whiten([[1], [], [0, bad]]),
      (e: Error) => e instanceof UsageError && e.message.startsWith(`advantages[2][1]: ${bad}:`),
    );
  }
});
