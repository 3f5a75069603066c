import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { sparseValuePositions } from "./value_positions.ts";

Deno.test("positions by hand", () => {
  assert.deepEqual(sparseValuePositions(11), [3, 6, 9]);
  assert.deepEqual(sparseValuePositions(16), [5, 9, 14]);
  assert.deepEqual(sparseValuePositions(101), [30, 60, 90]);
  assert.deepEqual(sparseValuePositions(11, [1, 0, 0.5]), [0, 5, 10]);
});

Deno.test("short responses: no position twice, the last token only if it is the only one", () => {
  assert.deepEqual(sparseValuePositions(0), []);
  assert.deepEqual(sparseValuePositions(1), [0]);
  assert.deepEqual(sparseValuePositions(2), [0]);
  assert.deepEqual(sparseValuePositions(3), [1]);
  assert.deepEqual(sparseValuePositions(4), [1, 2]);
});

Deno.test("a share outside 0..1 is a usage error", () => {
  assert.throws(() => sparseValuePositions(9, [0.5, 1.5]), UsageError);
  assert.throws(() => sparseValuePositions(9, [NaN]), UsageError);
});
