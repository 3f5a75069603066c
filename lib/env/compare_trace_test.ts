import assert from "node:assert/strict";
import { compareTrace } from "./compare_trace.ts";

Deno.test("what was written stands beside what is right, in columns, up to the longer of the two", () => {
  assert.equal(
    compareTrace(["a", "long"], ["first", "2nd"], [0, 0, 7], [0, 1]),
    [
      "first  a    right",
      "2nd    a    wrong, should be long",
      "       <7>  wrong, should be nothing",
    ].join("\n"),
  );
});

Deno.test("a trace may have any length", () => {
  const trace = new Array<number>(130_000).fill(0);
  assert.equal(compareTrace(["a"], [], trace, trace).split("\n").length, trace.length);
});
