import assert from "node:assert/strict";
import { exact, near, outcomes, predictions, someUnparsed } from "./testdata.ts";
import { valueReport } from "./value_report.ts";

Deno.test("the report collects the metrics, equal to scikit-learn's and scipy's", () => {
  const report = valueReport(predictions, exact, { outcomes });
  const { calibration, slices, ...metrics } = report;
  const reference = {
    n: 60,
    parsed: 60,
    parseRate: 1,
    mse: 0.03216666666666666,
    penalizedMse: 0.03216666666666666,
    rmse: 0.17935068069752805,
    mae: 0.14333333333333337,
    bias: -0.008333333333333333,
    r2: 0.44791418355184753,
    pearson: 0.8763690630439366,
    spearman: 0.8564963076770711,
    kendall: 0.721932814302746,
    rankingAccuracy: 0.8385663507109005,
    ece: 0.11499999999999998,
    brier: 0.2043333333333333,
    auc: 0.7661574618096357,
    meanPrediction: 0.4,
    meanExact: 0.4083333333333334,
    varianceExact: 0.05826388888888889,
  };
  assert.deepEqual(Object.keys(metrics), Object.keys(reference));
  for (const [name, value] of Object.entries(reference)) {
    near(metrics[name as keyof typeof metrics], value);
  }
  assert.equal(calibration.length, 11);
  assert.equal(slices, null);
  assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
});

Deno.test("unparsed predictions", () => {
  const report = valueReport(someUnparsed, exact);
  assert.equal(report.parsed, 50);
  assert.equal(report.parseRate, 50 / 60);
  near(report.penalizedMse, 0.19341666666666668);
  near(report.spearman, 0.8547118312642612);
  near(report.varianceExact, 0.05826388888888889);
  assert.equal(report.brier, null);
  assert.equal(report.auc, null);
});

Deno.test("undefined quantities are null, never NaN, and survive JSON", () => {
  for (
    const report of [
      valueReport([null, NaN], [0, 1]),
      valueReport([0.5, 0.5], [0, 1]),
      valueReport([0.2, 0.9], [0.5, 0.5]),
      valueReport([1], [1]),
    ]
  ) {
    assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
    assert.equal(report.pearson, null);
  }
  const nothing = valueReport([null, NaN], [0, 1]);
  assert.equal(nothing.penalizedMse, 1);
  assert.equal(nothing.mse, null);
  assert.equal(nothing.meanPrediction, null);
});

Deno.test("exact values apart only by rounding are ties", () => {
  const noisy = [0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1];
  const report = valueReport([0.1, 0.9], noisy);
  assert.equal(report.r2, null);
  assert.equal(report.pearson, null);
  assert.equal(report.kendall, null);
  assert.equal(report.rankingAccuracy, null);
  assert.notEqual(valueReport([0.1, 0.9], noisy, { tieTolerance: 0 }).rankingAccuracy, null);
});

Deno.test("slices are reports of their own states", () => {
  const labels = exact.map((_, i) => i % 6 === 5 ? "late" : "early");
  const names = ["early", "middle", "late"];
  const { slices } = valueReport(someUnparsed, exact, {
    outcomes,
    slices: labels,
    sliceNames: names,
  });
  assert.deepEqual(slices!.map(({ slice, count }) => [slice, count]), [
    ["early", 50],
    ["middle", 0],
    ["late", 10],
  ]);
  near(slices![0]!.value!.kendall, 0.7239923729905828);
  assert.equal(slices![1]!.value, null);
  assert.equal(slices![2]!.value!.penalizedMse, 1);
  assert.equal(slices![2]!.value!.auc, null);
  const early = exact.flatMap((_, i) => labels[i] === "early" ? [i] : []);
  const { calibration: _, slices: __, ...alone } = valueReport(
    early.map((i) => predictions[i]!),
    early.map((i) => exact[i]!),
    { outcomes: early.map((i) => outcomes[i]!) },
  );
  assert.deepEqual(slices![0]!.value, alone);
});

Deno.test("bad input is a RangeError that says what to do", () => {
  assert.throws(() => valueReport([1], [1, 2]), /^RangeError: exact: length 2/);
  assert.throws(() => valueReport([], []), /^RangeError: predictions: empty/);
  assert.throws(() => valueReport([1], [1], { outcomes: [] }), /^RangeError: outcomes: length 0/);
  assert.throws(() => valueReport([1], [1], { slices: [] }), /^RangeError: labels and exact/);
  assert.throws(() => valueReport([1], [1], { tieTolerance: -1 }), /^RangeError: tolerance: -1/);
});
