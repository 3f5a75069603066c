import assert from "node:assert/strict";
import {
  difference,
  everywhere,
  opposite,
  pairedDifference,
  ratio,
  side,
  verdictOfSide,
} from "./verdicts.ts";

const bootstrap = { seed: 1, replicates: 500 };

function interval(low: number | null, high: number | null) {
  return { estimate: 0.5, low, high, level: 0.95, replicates: 500 };
}

Deno.test("an interval lies on a side of the reference, on neither, or is none", () => {
  assert.equal(side(interval(-2, -1)), -1);
  assert.equal(side(interval(-1, 1)), 0);
  assert.equal(side(interval(1, 2)), 1);
  assert.equal(side(interval(0.1, 0.4), 0.5), -1);
  assert.equal(side(interval(null, null)), undefined);
});

Deno.test("difference and ratio of means", () => {
  // IQM over four scores is the mean of the middle two: 2.5 and 1.25.
  const a = [1, 2, 3, 40], b = [0.5, 1, 1.5, 20];
  assert.equal(difference(a, b).estimate, 1.25);
  assert.equal(ratio(a, b).estimate, 2);
  assert.equal(ratio(a, [0, 0]).estimate, null);
  const apart = difference([1, 1.1, 1.2], [3, 3.1, 3.2]);
  assert.equal(side(apart), -1);
  assert.ok(apart.low! >= -2.2 && apart.high! <= -1.8);
});

Deno.test("what paired seeds have in common does not widen the interval of their difference", () => {
  const b = [0, 10, 20, 30, 40], a = b.map((x, i) => x + 1 + 0.01 * i);
  const paired = pairedDifference(a, b), apart = difference(a, b);
  assert.ok(Math.abs(paired.estimate! - 1.02) < 1e-12, String(paired.estimate));
  assert.equal(side(paired), 1);
  assert.ok(paired.low! >= 1 && paired.high! <= 1.04);
  assert.equal(side(apart), 0);
  assert.throws(() => pairedDifference([1], [1, 2]), RangeError);
});

Deno.test("a statement about every comparison", () => {
  const up = interval(0.6, 0.9), down = interval(0.1, 0.4), open = interval(0.4, 0.6);
  const verdict = (intervals: Record<string, ReturnType<typeof interval>>) =>
    everywhere(intervals, 0.5, (parts) => parts);
  assert.equal(verdict({ a: up, b: up }).verdict, "supported");
  assert.equal(verdict({ a: up, b: open }).verdict, "undecided");
  assert.equal(verdict({ a: up, b: interval(null, null) }).verdict, "undecided");
  assert.equal(verdict({}).verdict, "undecided");
  const below = (intervals: Record<string, ReturnType<typeof interval>>) =>
    everywhere(intervals, 0.5, (parts) => parts, undefined, -1).verdict;
  assert.equal(below({ a: down, b: down }), "supported");
  assert.equal(below({ a: down, b: open }), "undecided");
  assert.equal(below({ a: down, b: up }), "contradicted");
  const mixed = verdict({ a: up, b: down, c: open });
  assert.equal(mixed.verdict, "contradicted");
  assert.equal(mixed.reading, "higher at a; undecided at c; lower at b");
});

Deno.test("the side of one interval decides, the interval of -x lies on the other side", () => {
  for (const wanted of [1, -1] as const) {
    assert.equal(verdictOfSide(wanted, wanted), "supported");
    assert.equal(verdictOfSide(wanted === 1 ? -1 : 1, wanted), "contradicted");
    assert.equal(verdictOfSide(0, wanted), "undecided");
    assert.equal(verdictOfSide(undefined, wanted), "undecided");
  }
  assert.deepEqual(opposite(interval(-2, -1)), { ...interval(1, 2), estimate: -0.5 });
  assert.equal(side(opposite(interval(null, null))), undefined);
});
