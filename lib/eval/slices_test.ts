import assert from "node:assert/strict";
import { mse } from "./value_errors.ts";
import { EARLY_MIDDLE_LATE, sliceByPosition, summarizeBySlice } from "./slices.ts";

Deno.test("thirds of the episode; a boundary belongs to the later slice", () => {
  const positions = [0, 1, 2, 3, 4, 5, 6].map((moves) => moves / 6);
  assert.deepEqual(sliceByPosition(positions), [
    "early",
    "early",
    "middle",
    "middle",
    "late",
    "late",
    "late",
  ]);
});

Deno.test("other names and boundaries", () => {
  const options = { names: ["rest", "near-limit"], boundaries: [0.95] };
  assert.deepEqual(sliceByPosition([0.5, 0.95, 1], options), ["rest", "near-limit", "near-limit"]);
});

Deno.test("a metric by slice, empty slices included", () => {
  const summary = summarizeBySlice(
    ["late", "early", "late"],
    [0, null, 1],
    [1, 1, 1],
    mse,
    EARLY_MIDDLE_LATE.names,
  );
  assert.deepEqual(summary, [
    { slice: "early", count: 1, value: null },
    { slice: "middle", count: 0, value: null },
    { slice: "late", count: 2, value: 0.5 },
  ]);
  assert.deepEqual(
    summarizeBySlice(["b", "a"], [0, 0], [0, 0], mse).map(({ slice }) => slice),
    ["b", "a"],
  );
});

Deno.test("bad input is a RangeError that says what to do", () => {
  assert.throws(() => sliceByPosition([1.5]), /^RangeError: positions\[0\]: 1.5: .*\[0, 1\]/);
  assert.throws(() => sliceByPosition([NaN]), /^RangeError: positions\[0\]: NaN/);
  assert.throws(
    () => sliceByPosition([0], { names: ["a", "b"] }),
    /^RangeError: boundaries: 2 for 2 names/,
  );
  assert.throws(
    () => sliceByPosition([0], { boundaries: [0.5, 0.5] }),
    /^RangeError: boundaries\[1\]: 0.5: must exceed/,
  );
  assert.throws(
    () => summarizeBySlice(["a"], [0, 1], [0, 1], mse),
    /^RangeError: labels and exact/,
  );
  assert.throws(
    () => summarizeBySlice(["soon"], [0], [0], mse, ["early", "late"]),
    /^RangeError: labels\[0\]: "soon": give one of early, late/,
  );
});
