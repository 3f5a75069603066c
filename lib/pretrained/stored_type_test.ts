import assert from "node:assert/strict";
import { rowBytes, STORED_TYPES, widen } from "./stored_type.ts";
import { floatsOf, testdata } from "./testing.ts";

const CASES: Record<string, { shape: [number, number]; stored: string; values: string }> = testdata(
  "quantized.json",
);

for (const type of STORED_TYPES) {
  Deno.test(`numbers stored as ${type} are widened as the package gguf does, to the bit`, () => {
    const { shape: [rows, columns], stored, values } = CASES[type]!;
    const bytes = Uint8Array.fromBase64(stored);
    assert.equal(rows * rowBytes(type, columns)!, bytes.length);
    assert.deepEqual(widen(type, bytes), floatsOf(values));
    // Within other bytes, at an odd place.
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    assert.deepEqual(widen(type, shifted.subarray(1)), floatsOf(values));
  });
}

Deno.test("rows of no whole blocks have no size", () => {
  assert.equal(rowBytes("Q8_0", 48), undefined);
  assert.equal(rowBytes("Q6_K", 128), undefined);
  assert.equal(rowBytes("BF16", 5), 10);
});
