import assert from "node:assert/strict";
import type { Pins } from "./pins.ts";
import { compareWithinTolerance, SPREADS, spreads } from "./tolerance.ts";

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
        metrics: { tests: { easy: { rmse: value, other: 7 } }, steps: 3, curve: [2, 1] },
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

const rmse = { names: ["rmse"] };

Deno.test("within four spreads is within tolerance, beyond is named", () => {
  const near = pins({ "a/1": 0.2, "a/2": 0.3, "b/1": 0.2, "b/2": 0.8, "c/1": 9 });
  const check = compareWithinTolerance("pins", pinned, near, rmse);
  assert.deepEqual(check.failures, []);
  assert.equal(check.compared, 5);
  // 0.1, 0, 0.3, 0.3 and 0 off, in units of 0.1.
  assert.ok(Math.abs(check.largest - 3) < 1e-9 && Math.abs(check.median - 1) < 1e-9);
  assert.equal(check.cells[0]!.metric, "tests: easy: rmse");
  const far = compareWithinTolerance("pins", pinned, pins({ "a/1": 0.6 }), rmse);
  assert.equal(far.failures.length, 1);
  assert.equal(far.failures[0]!.where, "pins: a/1: tests: easy: rmse");
});

Deno.test("a metric that is the same for every seed may still be off by a hundredth", () => {
  const one = pins({ "a/1": 1, "a/2": 1, "b/1": 0, "b/2": 0 });
  const check = (got: Record<string, number>) =>
    compareWithinTolerance("pins", one, pins(got), rmse).failures.length;
  assert.equal(check({ "a/1": 0.991 }), 0);
  assert.equal(check({ "a/1": 0.989 }), 1);
  assert.equal(check({ "b/1": 0 }), 0);
  assert.equal(check({ "b/1": 1e-9 }), 1);
});

Deno.test("the first loss must be nearer than any seed would bring it", () => {
  const curve = { names: [], lossCurve: "curve" };
  const got = (first: number) => {
    const other = pins({ "a/1": 0.1 });
    other.cells["a/1"]!.metrics["curve"] = [first, 5];
    return compareWithinTolerance("pins", pinned, other, curve);
  };
  const near = got(2 * (1 + 5e-6));
  assert.deepEqual(near.failures, []);
  assert.ok(Math.abs(near.cells[0]!.start! - 5e-6) < 1e-12);
  assert.equal(near.compared, 0);
  assert.equal(got(2.0001).failures[0]!.where, "pins: a/1: curve: 0");
  const without = pins({ "a/1": 0.1 });
  delete without.cells["a/1"]!.metrics["curve"];
  const { failures } = compareWithinTolerance("pins", pinned, without, curve);
  assert.equal(failures[0]!.got, "nothing");
  assert.deepEqual(compareWithinTolerance("pins", without, pinned, curve).cells, []);
});

Deno.test("a metric that is missing fails", () => {
  const other = pins({ "a/1": 0.1 });
  other.cells["a/1"]!.metrics["tests"] = {};
  const { failures, largest } = compareWithinTolerance("pins", pinned, other, rmse);
  assert.equal(failures[0]!.got, "nothing");
  assert.ok(largest < SPREADS);
});

Deno.test("cells of other configurations, and metrics without a spread, are not compared", () => {
  const other = pins({ "d/1": 5 });
  assert.equal(compareWithinTolerance("pins", pinned, other, rmse).compared, 0);
  assert.equal(compareWithinTolerance("pins", pinned, pinned, { names: [] }).compared, 0);
  const single = pins({ "a/1": 1 });
  assert.equal(compareWithinTolerance("pins", single, single, rmse).compared, 0);
});
