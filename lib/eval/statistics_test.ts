import assert from "node:assert/strict";
import { rankingAccuracy } from "./ranking.ts";
import {
  interquartileMean,
  interquartileMeanInterval,
  leastSquaresSlope,
  meanInterval,
  probabilityOfImprovement,
  probabilityOfImprovementInterval,
  slopePerDecade,
} from "./statistics.ts";
import { near } from "./testdata.ts";

// One stratum per task: 3 tasks, 5 seeds of X and 4 of Y.
const X = [
  [0.61, 0.55, 0.66, 0.58, 0.63],
  [0.70, 0.74, 0.69, 0.81, 0.77],
  [0.42, 0.47, 0.40, 0.42, 0.51],
];
const Y = [[0.57, 0.60, 0.52, 0.58], [0.68, 0.72, 0.66, 0.79], [0.42, 0.39, 0.41, 0.36]];

Deno.test("the interquartile mean equals scipy's trim_mean(scores, 0.25)", () => {
  const scores = [0.31, 0.12, 0.55, 0.47, 0.29, 0.93, 0.08, 0.61, 0.40, 0.77];
  // deno-fmt-ignore
  const expected = [0.31, 0.215, 0.32666666666666666, 0.39, 0.35666666666666663,
    0.40499999999999997, 0.348, 0.40499999999999997, 0.404, 0.4383333333333333];
  expected.forEach((value, i) => near(interquartileMean(scores.slice(0, i + 1)), value));
  assert.equal(scores[0], 0.31);
});

Deno.test("the pooled interquartile mean equals rliable's aggregate_iqm", () => {
  const interval = interquartileMeanInterval(X, { seed: 1 });
  near(interval.estimate, 0.6);
  near(interquartileMeanInterval(Y, { seed: 1 }).estimate!, 0.5583333333333333);
  // 200,000 numpy replicates, each stratum resampled apart.
  near(interval.low, 0.57555556, 0.002);
  near(interval.high, 0.62222222, 0.002);
});

Deno.test("the pooled mean", () => {
  const interval = meanInterval([[1, 3], [5, 7, 9]], { seed: 1 });
  assert.equal(interval.estimate, 5);
  assert.ok(interval.low! > 1 && interval.low! < 5 && interval.high! > 5 && interval.high! < 9);
});

Deno.test("the probability of improvement equals rliable's", () => {
  // rliable.metrics.probability_of_improvement(X, Y); per task by scipy's mannwhitneyu / 20
  near(probabilityOfImprovement(X, Y), 0.775);
  const perTask = [0.775, 0.7, 0.85];
  X.forEach((xs, task) => near(probabilityOfImprovement([xs], [Y[task]!]), perTask[task]!));
  near(probabilityOfImprovement(Y, X), 1 - 0.775);
  assert.equal(probabilityOfImprovement(X, X), 0.5);
  const interval = probabilityOfImprovementInterval(X, Y, { seed: 1 });
  near(interval.estimate, 0.775);
  // 20,000 numpy replicates of rliable's function, both methods resampled.
  near(interval.low, 0.575, 0.01);
  near(interval.high, 0.93333333, 0.01);
});

Deno.test("slopes of single seeds equal numpy's polyfit, and their mean scipy's slope of all", () => {
  const sizes = [3000, 25000, 98000, 787000];
  const seeds = [[0.05, 0.09, 0.10, 0.17], [0.07, 0.10, 0.11, 0.16], [0.06, 0.095, 0.12, 0.18]];
  const slopes = seeds.map((values) => slopePerDecade(sizes, values));
  [0.047711700087929264, 0.03602612717782318, 0.04915285920770206].forEach((expected, i) =>
    near(slopes[i]!, expected)
  );
  near(slopes.reduce((total, slope) => total + slope) / 3, 0.04429689549115153);
  near(slopePerDecade([1e5, 1e3], [0.6, 0.2]), 0.2);
  near(slopePerDecade([1, 10, 100], [0.5, 0.5, 0.5]), 0);
  // numpy.polyfit([0.1, 0.3, 0.2, 0.7], [1, 0.5, 0.9, 0.1], 1)[0]
  near(leastSquaresSlope([0.1, 0.3, 0.2, 0.7], [1, 0.5, 0.9, 0.1]), -1.5060240963855414);
});

Deno.test("ranking accuracy of two classes is the probability of improvement", () => {
  const states = [...X[0]!, ...Y[0]!];
  const classes = states.map((_, i) => i < 5 ? 1 : 0);
  near(rankingAccuracy(states, classes), probabilityOfImprovement([X[0]!], [Y[0]!]));
});

Deno.test("bad input is a RangeError that says what to do", () => {
  const seed = { seed: 1 };
  const cases: [() => unknown, RegExp][] = [
    [() => interquartileMean([]), /^RangeError: scores\[0\]: empty/],
    [() => meanInterval([], seed), /^RangeError: strata: empty/],
    [
      () => probabilityOfImprovement([[1]], []),
      /^RangeError: y: 0 tasks: must be the same 1 tasks/,
    ],
    [() => probabilityOfImprovement([[1]], [[]]), /^RangeError: y\[0\]: empty/],
  ];
  for (const [call, message] of cases) assert.throws(call, message);
});

Deno.test("a slope of other sizes or values is refused", () => {
  const cases: [number[], number[], RegExp][] = [
    [[1, 10], [1], /^RangeError: values: 1: give one for each of the 2 sizes/],
    [[0, 10], [1, 2], /^RangeError: sizes\[0\]: 0: give a positive number/],
    [[10, 10], [1, 2], /^RangeError: sizes: give at least two different ones/],
    [[], [], /^RangeError: sizes: give at least two different ones/],
    [[1, 10], [1, NaN], /^RangeError: values\[1\]: NaN: give a finite number/],
  ];
  for (const [sizes, values, message] of cases) {
    assert.throws(() => slopePerDecade(sizes, values), message);
  }
});
