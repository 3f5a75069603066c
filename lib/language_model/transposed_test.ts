import assert from "node:assert/strict";
import { transposed } from "./transposed.ts";

Deno.test("a transposed matrix has its rows as columns", () => {
  for (const [rows, cols] of [[1, 1], [3, 2], [64, 5], [130, 7], [1, 9], [200, 1]] as const) {
    const values = Float32Array.from({ length: rows * cols }, (_, i) => i);
    const out = transposed(values, rows, cols);
    const expected = Array.from(
      { length: cols },
      (_, c) => Array.from({ length: rows }, (_, r) => r * cols + c),
    ).flat();
    assert.deepEqual([...out], expected);
  }
});
