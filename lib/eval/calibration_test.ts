import assert from "node:assert/strict";
import { calibration, equalCountCalibration } from "./calibration.ts";
import { exact, near, outcomes, predictions, uncalibrated } from "./testdata.ts";

Deno.test("bins equal scikit-learn's calibration_curve", () => {
  const { bins } = calibration(uncalibrated, outcomes, 10);
  // calibration_curve(o, q, n_bins=10); counts from np.histogram
  assert.deepEqual(bins.map((bin) => bin.count), [6, 7, 6, 6, 6, 6, 6, 6, 6, 5]);
  // deno-fmt-ignore
  const positives = [0.5, 0.5714285714285714, 0.5, 0.16666666666666666, 0.16666666666666666, 0,
    0.3333333333333333, 0.6666666666666666, 0.6666666666666666, 0.2];
  // deno-fmt-ignore
  const predicted = [0.0390625, 0.15066964285714285, 0.2578125, 0.3515625, 0.4453125, 0.5390625,
    0.6536458333333334, 0.7578125, 0.8515625, 0.9453125];
  bins.forEach((bin, k) => {
    near(bin.meanTarget, positives[k]!);
    near(bin.meanPrediction, predicted[k]!);
  });
  assert.equal(bins[3]!.lower, 0.3);
  assert.equal(bins[3]!.upper, 0.4);
});

Deno.test("the expected calibration error equals numpy's over the same bins", () => {
  near(calibration(uncalibrated, outcomes, 10).ece, 0.34140625);
  near(calibration(uncalibrated, exact, 10).ece, 0.28109375000000003);
  near(calibration(predictions, exact).ece, 0.11499999999999998);
  assert.equal(calibration(exact, exact).ece, 0);
});

Deno.test("a value on an edge belongs to the bin above it, as numpy decides", () => {
  // v = np.arange(101) / 100; t = (37 * np.arange(101)) % 101 / 101; edges = np.arange(bins + 1) / bins
  // k = np.minimum(np.digitize(v, edges) - 1, bins - 1); n = np.bincount(k)
  // ece = sum(abs(v[k == b].sum() - t[k == b].sum()) for b in range(bins)) / 101
  const v = Array.from({ length: 101 }, (_, i) => i / 100);
  const t = v.map((_, i) => (37 * i) % 101 / 101);
  const numpy = [
    { bins: 10, ece: 0.2527203215371042, of: [2, 5, 5] },
    { bins: 11, ece: 0.24574061366532693, of: [3, 6, 6] },
    { bins: 50, ece: 0.26867169885305364, of: [14, 28, 29] },
    { bins: 100, ece: 0.32820507793353604, of: [29, 57, 58] },
  ];
  for (const { bins, ece, of } of numpy) {
    near(calibration(v, t, bins).ece, ece);
    [0.29, 0.57, 0.58].forEach((value, i) => {
      const found = calibration([value], [0], bins).bins.findIndex(({ count }) => count > 0);
      assert.equal(found, of[i], `${value} of ${bins} bins`);
    });
  }
});

Deno.test("a value lies between the edges of its bin, to the last bit", () => {
  for (let bins = 1; bins <= 128; bins++) {
    for (let k = 0; k <= bins; k++) {
      const edge = k / bins;
      for (const value of [edge, edge * (1 - 2 ** -53), edge * (1 + 2 ** -52)]) {
        const { lower, upper } = calibration([value], [0], bins).bins.find((b) => b.count > 0)!;
        if (value >= 1) assert.equal(upper, 1);
        else assert.ok(lower <= value && value < upper, `${value} in ${lower}..${upper}`);
      }
    }
  }
});

Deno.test("each of the eleven values has a bin of its own, in float32 too", () => {
  const values = Array.from({ length: 11 }, (_, k) => k / 10);
  for (const critic of [values, new Float32Array(values), values.map((v) => v + 0.009)]) {
    assert.deepEqual(calibration(critic, values).bins.map((bin) => bin.count), Array(11).fill(1));
  }
});

Deno.test("unparsed predictions are left out, those outside [0, 1] counted in the end bins", () => {
  const { bins, ece } = calibration([null, -0.5, 1.5, NaN, 1], [0, 0, 1, 1, 1], 2);
  assert.deepEqual(bins, [
    { lower: 0, upper: 0.5, count: 1, meanPrediction: -0.5, meanTarget: 0 },
    { lower: 0.5, upper: 1, count: 2, meanPrediction: 1.25, meanTarget: 1 },
  ]);
  near(ece, (0.5 + 0.5) / 3);
  const nothing = calibration([null], [1], 1);
  assert.deepEqual(nothing.bins[0]!.meanPrediction, null);
  assert.equal(nothing.ece, null);
});

Deno.test("bad input is a RangeError that says what to do", () => {
  for (const bins of [0, -1, 2.5, NaN]) {
    assert.throws(() => calibration([1], [1], bins), /^RangeError: bins: .*positive integer/);
  }
  assert.throws(() => calibration([1], []), /^RangeError: targets: length 0/);
});

Deno.test("bins of equal size equal numpy's", () => {
  const distinct = uncalibrated.map((q, i) => q + i / 65536);
  const { bins, ece } = equalCountCalibration(distinct, outcomes);
  // np.array_split(np.argsort(q), 10)
  // deno-fmt-ignore
  const [predicted, target] = [
    [0.03936004638671875, 0.14355977376302084, 0.24245707194010416, 0.33651479085286456,
      0.43020375569661456, 0.523895263671875, 0.6333236694335938, 0.7428766886393229,
      0.8364206949869791, 0.9352645874023438],
    [0.5, 0.5, 0.6666666666666666, 0, 0.16666666666666666, 0.16666666666666666,
      0.16666666666666666, 0.8333333333333334, 0.5, 0.3333333333333333],
  ];
  assert.deepEqual(bins.map(({ count }) => count), predicted!.map(() => 6));
  bins.forEach((bin, k) => {
    near(bin.meanPrediction, predicted![k]!);
    near(bin.meanTarget, target![k]!);
  });
  near(ece, 0.3694035847981771);
});

Deno.test("equal predictions share a bin, whatever the order of the states", () => {
  const given = [0.5, 0.1, 0.5, 0.5, 0.9, 0.5], targets = [1, 0, 0, 1, 1, 0];
  const made = equalCountCalibration(given, targets, 3);
  assert.deepEqual(made.bins.map(({ lower, upper, count }) => [lower, upper, count]), [
    [0.1, 0.5, 5],
    [0.9, 0.9, 1],
  ]);
  const reversed = equalCountCalibration(given.toReversed(), targets.toReversed(), 3);
  assert.deepEqual(reversed.bins.map(({ meanTarget }) => meanTarget), [0.4, 1]);
  assert.deepEqual(equalCountCalibration([0.3, 0.3], [0, 1]).bins.length, 1);
  assert.deepEqual(equalCountCalibration([0.3, null, 0.6], [0, 1, 1], 10).bins.length, 2);
  assert.deepEqual(equalCountCalibration([null], [1]), { bins: [], ece: null });
  assert.throws(() => equalCountCalibration([1], [1], 0), /^RangeError: bins: 0/);
});
