import assert from "node:assert/strict";
import { holmAdjusted } from "./holm.ts";
import { near } from "./testdata.ts";
import fixture from "./testdata/tests.json" with { type: "json" };

Deno.test("adjusted p-values equal statsmodels' multipletests", () => {
  assert.equal(fixture.families.length, 12);
  for (const { pValues, adjusted } of fixture.families) {
    const actual = holmAdjusted(pValues);
    assert.equal(actual.length, adjusted.length);
    adjusted.forEach((p, i) => near(actual[i], p));
  }
});

Deno.test("adjusted p-values decide as Holm's step-down does", () => {
  // Holm 1979: by rising p, reject while p <= alpha / (hypotheses left); the first that fails ends it.
  for (const { pValues } of fixture.families) {
    for (const alpha of [0.01, 0.05, 0.3]) {
      const rejected = new Set<number>();
      for (const p of pValues.toSorted((a, b) => a - b)) {
        const left = pValues.length - pValues.filter((q) => q < p).length;
        if (p > alpha / left) break;
        rejected.add(p);
      }
      assert.deepEqual(
        holmAdjusted(pValues).map((p) => p <= alpha),
        pValues.map((p) => rejected.has(p)),
      );
    }
  }
});

Deno.test("a single p-value stays, none gives none, and what is no p-value is named", () => {
  assert.deepEqual(holmAdjusted([0.03]), [0.03]);
  assert.deepEqual(holmAdjusted([]), []);
  for (const p of [NaN, -0.1, 1.1]) {
    assert.throws(
      () => holmAdjusted([0.5, p]),
      /^RangeError: pValues\[1\]: .*: give a number in \[0, 1\]/,
    );
  }
});
