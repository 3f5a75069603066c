import assert from "node:assert/strict";
import { sha256 } from "./digest.ts";
import { PI } from "./math.ts";
import { noncentralTTail, studentTQuantile, studentTTail } from "./student_t.ts";
import fixture from "./testdata/student_t.json" with { type: "json" };

const { tails, quantiles, noncentralTails } = fixture as unknown as Readonly<{
  tails: [t: number, df: number, value: number][];
  quantiles: [p: number, df: number, value: number][];
  noncentralTails: [t: number, df: number, noncentrality: number, value: number][];
}>;

function relative(actual: number, expected: number): number {
  return actual === expected ? 0 : Math.abs(actual - expected) / Math.abs(expected);
}

Deno.test("tails of Student's t equal mpmath's, far out too", () => {
  assert.equal(tails.length, 13 * 14);
  for (const [t, df, value] of tails) {
    const actual = studentTTail(t, df);
    const tolerance = df > 1000 ? 1e-11 : 1e-12;
    assert.ok(relative(actual, value) < tolerance, `tail(${t}, ${df}) = ${actual}, not ${value}`);
  }
});

Deno.test("quantiles of Student's t equal mpmath's", () => {
  assert.equal(quantiles.length, 13 * 11);
  for (const [p, df, value] of quantiles) {
    const actual = studentTQuantile(p, df);
    assert.ok(relative(actual, value) < 1e-11, `quantile(${p}, ${df}) = ${actual}, not ${value}`);
  }
});

Deno.test("one and two degrees of freedom have closed forms", () => {
  for (const t of [1e-9, 0.02, 0.5, 0.99, 1.01, 3, 50]) {
    assert.ok(relative(studentTTail(t, 1), Math.atan2(1, t) / PI) < 1e-14);
    assert.ok(relative(studentTTail(t, 2), 1 / (2 + t * t + t * Math.sqrt(2 + t * t))) < 1e-14);
  }
  for (const p of [1e-100, 1e-20, 0.25]) {
    assert.ok(relative(studentTQuantile(p, 1), -1 / Math.tan(PI * p)) < 1e-13);
  }
});

Deno.test("special values of Student's t", () => {
  for (const df of [1, 2, 9, 100_000]) {
    assert.equal(studentTTail(0, df), 0.5);
    assert.equal(studentTTail(Infinity, df), 0);
    assert.equal(studentTTail(-Infinity, df), 1);
    assert.ok(Number.isNaN(studentTTail(NaN, df)));
    assert.ok(Object.is(studentTQuantile(0.5, df), 0));
    assert.equal(studentTQuantile(0.75, df), -studentTQuantile(0.25, df));
  }
});

Deno.test("noncentral tails equal mpmath's integral", () => {
  assert.equal(noncentralTails.length, 6 * 7);
  for (const [t, df, noncentrality, value] of noncentralTails) {
    const actual = noncentralTTail(t, df, noncentrality);
    assert.ok(
      Math.abs(actual - value) < 1e-12,
      `tail(${t}, ${df}, ${noncentrality}) = ${actual}, not ${value}`,
    );
  }
});

Deno.test("without noncentrality the two tails agree; signs mirror", () => {
  for (const df of [1, 2, 3, 8, 40, 10_000]) {
    for (const t of [-6, -0.5, 0, 0.01, 1, 2.3, 12]) {
      assert.ok(Math.abs(noncentralTTail(t, df, 0) - studentTTail(t, df)) < 1e-12);
      assert.ok(Math.abs(noncentralTTail(t, df, 2) + noncentralTTail(-t, df, -2) - 1) < 1e-12);
    }
  }
});

Deno.test("bad arguments are RangeErrors that say what to do", () => {
  for (const df of [0, -1, 2.5, NaN, Infinity, 100_001]) {
    assert.throws(
      () => studentTTail(1, df),
      /^RangeError: df: .*: give an integer in 1\.\.100000/,
    );
    assert.throws(() => studentTQuantile(0.1, df), /^RangeError: df/);
    assert.throws(() => noncentralTTail(1, df, 0), /^RangeError: df/);
  }
  for (const p of [0, 1, -0.1, 1e-101, NaN]) {
    assert.throws(
      () => studentTQuantile(p, 3),
      /^RangeError: p: .*: give a number in \[1e-100, 1\)/,
    );
  }
  assert.throws(() => noncentralTTail(Infinity, 3, 0), /^RangeError: t: Infinity: give a finite/);
  for (const noncentrality of [1001, NaN]) {
    assert.throws(
      () => noncentralTTail(1, 3, noncentrality),
      /^RangeError: noncentrality: .*: give a number in -1000\.\.1000/,
    );
  }
});

Deno.test("results never change", () => {
  // Pinned bits: they enter intervals and verdicts.
  const results: number[] = [];
  for (let df = 1; df < 40; df++) {
    for (let t = -4; t < 8; t += 0.3) {
      results.push(studentTTail(t, df), noncentralTTail(t, df, 1.5));
    }
    for (const p of [0.001, 0.025, 0.1, 0.4]) results.push(studentTQuantile(p, df));
  }
  assert.equal(
    sha256(new Uint8Array(new Float64Array(results).buffer)),
    "cc52583960f3e23bca99ae8ec8d9061aa336045da4413c2a5c82323852fa2e8c",
  );
});
