import assert from "node:assert/strict";
import { differences } from "./compare.ts";

Deno.test("equal values have no differences, whatever the order of their fields", () => {
  const value = { a: 1, b: [null, true, "x", { c: 0.1 }] };
  assert.deepEqual(differences("pins", value, { b: value.b, a: 1 }), []);
});

Deno.test("every place that differs is named with both values", () => {
  const expected = { a: 0.1, b: [1, 2], c: "x", d: {}, e: null };
  const got = { a: 0.10000000000000002, b: [1], c: "x", d: [], f: 2 };
  assert.deepEqual(differences("pins", expected, got), [
    { where: "pins: a", expected: "0.1", got: "0.10000000000000002" },
    { where: "pins: b: 1", expected: "2", got: "nothing" },
    { where: "pins: d", expected: "{}", got: "[]" },
    { where: "pins: e", expected: "null", got: "nothing" },
    { where: "pins: f", expected: "nothing", got: "2" },
  ]);
});
