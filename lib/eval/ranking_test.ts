import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import {
  averageRanks,
  kendall,
  pearson,
  rankingAccuracy,
  rocAuc,
  snapTies,
  spearman,
} from "./ranking.ts";
import { exact, near, outcomes, predictions, someUnparsed } from "./testdata.ts";

Deno.test("correlations equal scipy's", () => {
  near(pearson(predictions, exact), 0.8763690630439366); // pearsonr(p, e)
  near(spearman(predictions, exact), 0.8564963076770711); // spearmanr(p, e)
  near(kendall(predictions, exact), 0.721932814302746); // kendalltau(p, e), variant b
  // The same on the 50 states with i % 6 != 5.
  near(pearson(someUnparsed, exact), 0.8720795945579705);
  near(spearman(someUnparsed, exact), 0.8547118312642612);
  near(kendall(someUnparsed, exact), 0.7239923729905828);
});

Deno.test("averageRanks equals scipy's rankdata", () => {
  assert.deepEqual([...averageRanks([0.3, 0.1, 0.3, 0.2, 0.3, 0.1])], [5, 1.5, 5, 3, 5, 1.5]);
  assert.deepEqual([...averageRanks([])], []);
});

Deno.test("ranking accuracy equals a double loop over all pairs", () => {
  // From a Python double loop over fractions.Fraction: correct pairs (ties 1/2) and compared pairs.
  assert.equal(rankingAccuracy(predictions, exact), 1415.5 / 1688);
  assert.equal(rankingAccuracy(predictions, exact, 0.125), 1169.5 / 1294);
  assert.equal(rankingAccuracy(predictions, exact, 0.1), 1169.5 / 1294);
  assert.equal(rankingAccuracy(predictions, exact, 0.2), 903 / 945);
  assert.equal(rankingAccuracy(predictions, exact, 0.3), 635 / 640);
  assert.equal(rankingAccuracy(predictions, exact, 0.5), 242 / 242);
});

Deno.test("ranking accuracy and tau-b equal the double loop on random data with ties", () => {
  for (let row = 0; row < 40; row++) {
    const random = new RandomStream({ seed: 1, purpose: "test/ranking", row });
    const n = 1 + random.integer(50);
    const levels = 1 + random.integer(12);
    const x = Array.from({ length: n }, () => random.integer(levels) / 7);
    const tenths = Array.from({ length: n }, () => random.integer(9) - 4);
    const y = tenths.map((k) => k / 10);
    const unparsed = x.map((value) => random.integer(3) === 0 ? null : value);
    for (const margin of [0, 1, 3]) {
      for (const predictions of [x, unparsed, x.map(() => null)]) {
        const { correct, compared } = doubleLoop(predictions, tenths, margin);
        const expected = compared === 0 ? null : correct / compared;
        assert.equal(rankingAccuracy(predictions, y, margin / 10), expected);
      }
    }
    const pairs = doubleLoop(x, y, 0);
    const untied = Math.sqrt(pairs.compared * doubleLoop(y, x, 0).compared);
    const tau = kendall(x, y);
    if (untied === 0) assert.equal(tau, null);
    else near(tau, (2 * pairs.correct - pairs.compared) / untied);
  }
});

/** Pairs with y more than the margin apart, and those of them in the right order; equal or unparsed ones count 1/2. */
function doubleLoop(x: (number | null)[], y: number[], margin: number) {
  let correct = 0;
  let compared = 0;
  for (let i = 0; i < x.length; i++) {
    for (let j = 0; j < x.length; j++) {
      if (!(y[i]! - y[j]! > margin)) continue;
      compared++;
      const [better, worse] = [x[i]!, x[j]!];
      correct += better === null || worse === null || better === worse ? 0.5 : +(better > worse);
    }
  }
  return { correct, compared };
}

Deno.test("a margin is a decimal: neither 0.3, 0.4 nor 0.2, 0.3 differ by more than 0.1", () => {
  for (const denominator of [10, 100, 1000]) {
    for (let margin = 1; margin <= 12; margin++) {
      for (let low = 0; low + margin < denominator; low += 1 + Math.floor(denominator / 100)) {
        for (const sign of [1, -1]) {
          const at = (above: number) => sign * (low + margin + above) / denominator;
          const compared = (above: number) =>
            rankingAccuracy([0, 1], [sign * low / denominator, at(above)], margin / denominator);
          assert.equal(compared(0), null, `${low}, ${margin} of ${denominator}`);
          // Any real difference is seen.
          assert.equal(compared(1e-9), sign > 0 ? 1 : 0, `${low}, ${margin} of ${denominator}`);
        }
      }
    }
  }
  // Without a margin the smallest difference counts.
  assert.equal(rankingAccuracy([0, 1], [1 - 2 ** -53, 1]), 1);
});

Deno.test("a perfect order scores exactly 1, its reverse -1 and 0", () => {
  const values = [0.1, 0.7, 0.30000000000000004, 0.3, 0.9, 1e-9];
  const reversed = values.map((v) => -v);
  for (const correlation of [pearson, spearman, kendall]) {
    assert.equal(correlation(values, values), 1);
    assert.equal(correlation(reversed, values), -1);
  }
  assert.equal(rankingAccuracy(values, values), 1);
  assert.equal(rankingAccuracy(reversed, values), 0);
});

Deno.test("undefined quantities are null", () => {
  const constant = [0.1, 0.1, 0.1];
  for (const correlation of [pearson, spearman, kendall]) {
    assert.equal(correlation(constant, [0, 0.5, 1]), null);
    assert.equal(correlation([0, 0.5, 1], constant), null);
    assert.equal(correlation([null, NaN], [0, 1]), null);
    assert.equal(correlation([0.3], [1]), null);
  }
  assert.equal(rankingAccuracy(constant, [0, 0.5, 1]), 0.5);
  assert.equal(rankingAccuracy([0, 0.5, 1], constant), null);
  assert.equal(rankingAccuracy([0, 1], [0, 0.2], 0.2), null);
  assert.equal(rankingAccuracy([null, null], [1, 1]), null);
});

Deno.test("a pair with an unparsed prediction counts one half", () => {
  assert.equal(rankingAccuracy([null, NaN, null], [0, 0.5, 1]), 0.5);
  // 1 for the pair that was answered, 1/2 for the other two.
  assert.equal(rankingAccuracy([0.2, null, 0.8], [0, 0.5, 1]), 2 / 3);
  // The margin's rounding is that of all exact values, whether or not they were answered.
  assert.equal(rankingAccuracy([0, 1, null], [0, 2 ** -49, 2], 2 ** -50), 0.5);
});

Deno.test("pearson survives very small and very large spreads", () => {
  near(pearson([1e-200, 2e-200, 3e-200], [1, 2, 3]), 1);
  near(pearson([1e99, 2e99, 4e99], [1, 2, 4]), 1);
});

Deno.test("ROC AUC equals scikit-learn's", () => {
  near(rocAuc(predictions, outcomes), 0.7661574618096357); // roc_auc_score(o, p)
  assert.equal(rocAuc([0.1, 0.2], [1, 1]), null);
  assert.equal(rocAuc([null, 0.2], [0, 1]), null);
  assert.equal(rocAuc([0.5, 0.5], [0, 1]), 0.5);
});

Deno.test("snapTies joins values that only rounding keeps apart", () => {
  const sums = [0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1, 0.7];
  assert.notEqual(sums[0], sums[1]);
  const snapped = snapTies(sums, 1e-9);
  assert.equal(snapped[0], snapped[1]);
  assert.equal(snapped[2], 0.7);
  assert.deepEqual([...snapTies([3, 1, 2], 0)], [3, 1, 2]);
});

Deno.test("100,000 states are ranked without sampling", () => {
  const n = 100_000;
  const values = Float64Array.from({ length: n }, (_, i) => (i * 7919) % n);
  assert.equal(kendall(values, values), 1);
  assert.equal(rankingAccuracy(values.map((v) => -v), values, n / 2), 0);
});

Deno.test("bad input is a RangeError that says what to do", () => {
  assert.throws(() => spearman([1], [1, 2]), /^RangeError: exact: length 2/);
  assert.throws(() => rankingAccuracy([1], [1], -1), /^RangeError: margin: -1: give a number >= 0/);
  assert.throws(() => rankingAccuracy([1], [1], NaN), /^RangeError: margin: NaN/);
  assert.throws(() => rocAuc([1], [2]), /^RangeError: outcomes\[0\]: 2/);
  assert.throws(() => snapTies([1], -1), /^RangeError: tolerance: -1/);
});
