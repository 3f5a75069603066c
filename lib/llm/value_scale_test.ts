import assert from "node:assert/strict";
import { parseValueScale, scaledValue } from "./value_scale.ts";

Deno.test("a head's numbers become values by what they are said to mean", () => {
  const linear = parseValueScale("--scale", "-1, 1");
  assert.deepEqual(linear, { kind: "linear", low: -1, high: 1 });
  assert.deepEqual([-3, -1, 0, 0.5, 1, 7].map((x) => scaledValue(x, linear)), [
    0,
    0,
    0.5,
    0.75,
    1,
    1,
  ]);
  const logit = parseValueScale("--scale", "logit");
  assert.equal(scaledValue(0, logit), 0.5);
  assert.ok(Math.abs(scaledValue(Math.log(3), logit) - 0.75) < 1e-15);
  assert.equal(scaledValue(-800, logit), 0);
});

Deno.test("what they mean is asked for, not guessed", () => {
  for (const text of ["", "sigmoid", "1,0", "0", "0,1,2", ",1", "a,b", "0,inf"]) {
    assert.throws(
      () => parseValueScale("--scale", text),
      /--scale: ".*": what do the head's numbers mean\?/,
    );
  }
});
