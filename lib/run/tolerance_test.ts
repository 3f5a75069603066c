import assert from "node:assert/strict";
import type { Pins } from "./pins.ts";
import { compareWithinTolerance, spreads } from "./tolerance.ts";

/** Pins of cells "config/seed" with one metric. */
function pins(rmse: Record<string, number>): Pins {
  return {
    experiment: "x",
    profile: "smoke",
    configHash: "",
    kernels: "",
    cells: Object.fromEntries(
      Object.entries(rmse).map(([id, value]) => [id, {
        seed: 1,
        configHash: id.split("/")[0]!,
        metrics: { tests: { easy: { rmse: value, other: 7 } }, steps: 3 },
        digests: { parameters: id },
      }]),
    ),
    summary: null,
    verdicts: {},
  };
}

const pinned = pins({ "a/1": 0.1, "a/2": 0.3, "b/1": 0.5, "b/2": 0.5, "c/1": 9 });

Deno.test("the spread is pooled over configurations with two seeds", () => {
  const all = spreads(pinned, new Set(["rmse"]));
  assert.deepEqual([...all.keys()], ["tests: easy: rmse"]);
  assert.ok(Math.abs(all.get("tests: easy: rmse")! - Math.sqrt(0.02 / 2)) < 1e-12);
});

Deno.test("within four spreads is within tolerance, beyond is named", () => {
  const near = pins({ "a/1": 0.2, "a/2": 0.3, "b/1": 0.2, "b/2": 0.8, "c/1": 9 });
  const check = compareWithinTolerance("pins", pinned, near, ["rmse"]);
  assert.deepEqual(check.failures, []);
  assert.equal(check.compared, 5);
  assert.ok(Math.abs(check.largest - 0.75) < 1e-9);
  const far = compareWithinTolerance("pins", pinned, pins({ "a/1": 0.6 }), ["rmse"]);
  assert.equal(far.failures.length, 1);
  assert.equal(far.failures[0]!.where, "pins: a/1: tests: easy: rmse");
});

Deno.test("cells of other configurations, and metrics without a spread, are not compared", () => {
  const other = pins({ "d/1": 5 });
  assert.equal(compareWithinTolerance("pins", pinned, other, ["rmse"]).compared, 0);
  assert.equal(compareWithinTolerance("pins", pinned, pinned, []).compared, 0);
  const single = pins({ "a/1": 1 });
  assert.equal(compareWithinTolerance("pins", single, single, ["rmse"]).compared, 0);
});
