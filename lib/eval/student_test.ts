import assert from "node:assert/strict";
import { pairedDifferences, seedInterval, studentInterval, studentPValues } from "./student.ts";
import { near } from "./testdata.ts";
import fixture from "./testdata/tests.json" with { type: "json" };

Deno.test("intervals of paired differences equal scipy's ttest_rel", () => {
  assert.equal(fixture.samples.length, 15);
  for (const { a, b, intervals } of fixture.samples) {
    const differences = pairedDifferences(a, b);
    for (const { level, low, high } of intervals) {
      const interval = studentInterval(differences, level);
      // Two seeds at level 0.999 give ends of magnitude 100.
      near(interval.low, low, 1e-10 * Math.max(1, Math.abs(low)));
      near(interval.high, high, 1e-10 * Math.max(1, Math.abs(high)));
      assert.equal(interval.level, level);
      assert.equal(interval.n, a.length);
    }
  }
  // By hand: mean 2, sd 1, 4.302652729749464 / sqrt(3) = 2.484137717...
  const { estimate, sd, low, high, level } = studentInterval([1, 2, 3]);
  assert.deepEqual([estimate, sd, level], [2, 1, 0.95]);
  near(low, 2 - 2.4841377117503, 1e-12);
  near(high, 2 + 2.4841377117503, 1e-12);
});

Deno.test("p-values of paired differences equal scipy's ttest_rel", () => {
  for (const { a, b, reference, pValues } of fixture.samples) {
    const actual = studentPValues(pairedDifferences(a, b), reference);
    near(actual.twoSided, pValues.twoSided, 1e-12);
    near(actual.greater, pValues.greater, 1e-12);
    near(actual.less, pValues.less, 1e-12);
  }
});

Deno.test("a mean over seeds has Student's 95% interval, that of a single seed none", () => {
  const { estimate, low, high } = studentInterval([0.3, -0.1, 0.25]);
  assert.deepEqual(seedInterval([0.3, -0.1, 0.25]), { estimate, low, high });
  assert.deepEqual(seedInterval([0.3]), { estimate: 0.3, low: null, high: null });
  assert.throws(() => seedInterval([]), /^RangeError: values: length 0: give at least one seed/);
  assert.throws(() => seedInterval([NaN]), /^RangeError: values\[0\]: NaN: give a finite/);
});

Deno.test("equal values have an interval of width 0 and no doubt", () => {
  // The rounded mean of three 0.1 is not 0.1.
  assert.deepEqual(studentInterval([0.1, 0.1, 0.1]), {
    estimate: 0.1,
    low: 0.1,
    high: 0.1,
    level: 0.95,
    sd: 0,
    n: 3,
  });
  const values = [0.1, 0.1, 0.1];
  assert.deepEqual(studentPValues(values), { twoSided: 0, greater: 0, less: 1 });
  assert.deepEqual(studentPValues(values, 0.2), { twoSided: 0, greater: 1, less: 0 });
  assert.deepEqual(studentPValues(values, 0.1), { twoSided: 1, greater: 1, less: 1 });
});

Deno.test("signs mirror, and the order of the seeds does not matter", () => {
  const values = [0.3, -0.1, 0.25, 0.4];
  const [p, mirrored] = [values, values.map((x) => -x)].map((x) => studentPValues(x));
  assert.deepEqual(mirrored, { twoSided: p!.twoSided, greater: p!.less, less: p!.greater });
  near(studentPValues(values.toReversed()).twoSided, p!.twoSided);
});

Deno.test("bad input is a RangeError that says what to do", () => {
  const cases: [() => unknown, RegExp][] = [
    [
      () => pairedDifferences([1, 2], [1]),
      /^RangeError: b: 1 seeds: must be the same 2 seeds as a/,
    ],
    [() => pairedDifferences([], []), /^RangeError: a: length 0: give at least one seed/],
    [() => pairedDifferences([1], [NaN]), /^RangeError: b\[0\]: NaN: give a finite number/],
    [() => studentInterval([1]), /^RangeError: values: length 1: give at least two seeds/],
    [() => studentInterval([1, Infinity]), /^RangeError: values\[1\]: Infinity: give a finite/],
    [() => studentInterval([1, 2], 1), /^RangeError: level: 1: give a number between 0 and 1/],
    [() => studentPValues([1, 2], NaN), /^RangeError: reference: NaN: give a finite number/],
  ];
  for (const [call, message] of cases) assert.throws(call, message);
});
