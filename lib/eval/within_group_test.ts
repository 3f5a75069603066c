import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { rankingAccuracy, rocAuc } from "./ranking.ts";
import { exact, outcomes, predictions, uncalibrated } from "./testdata.ts";
import { groupMembers, rankedPairsWithin, rankingByGap } from "./within_group.ts";

const groups = exact.map((_, i) => `problem ${i % 7}`);

Deno.test("pairs within groups equal a double loop", () => {
  // From a Python double loop over fractions.Fraction.
  assert.deepEqual(rankedPairsWithin(predictions, outcomes, groups), {
    correct: 83.5,
    compared: 106,
  });
  assert.deepEqual(rankedPairsWithin(predictions, exact, groups), {
    correct: 196.5,
    compared: 223,
  });
  assert.deepEqual(rankedPairsWithin(predictions, exact, groups, 0.2), {
    correct: 124,
    compared: 129,
  });
});

Deno.test("against outcomes it is scikit-learn's AUC of each group, weighted by pairs", () => {
  const { correct, compared } = rankedPairsWithin(uncalibrated, outcomes, groups);
  assert.equal(correct / compared, 0.4716981132075472); // roc_auc_score(o, q)
});

Deno.test("knowing which problems are hard is worth nothing within them", () => {
  const random = new RandomStream({ seed: 1, purpose: "test/within" });
  const problems = Array.from({ length: 400 }, (_, i) => `${Math.floor(i / 8)}`);
  const rates = new Map([...new Set(problems)].map((p) => [p, random.uniform()]));
  const won = problems.map((p) => +(random.uniform() < rates.get(p)!));
  const offset = problems.map((p) => rates.get(p)!);
  assert.ok(rocAuc(offset, won)! > 0.75);
  const { correct, compared } = rankedPairsWithin(offset, won, problems);
  assert.equal(correct / compared, 0.5);
});

Deno.test("one group is all states; a pair with an unparsed prediction counts one half", () => {
  const one = exact.map(() => "only");
  const { correct, compared } = rankedPairsWithin(predictions, exact, one, 0.1);
  assert.equal(correct / compared, rankingAccuracy(predictions, exact, 0.1));
  const asked = rankedPairsWithin([null, 0.3, 0.5, NaN], [0, 1, 0, 1], ["a", "a", "b", "b"]);
  assert.deepEqual(asked, { correct: 1, compared: 2 });
  const alone = rankedPairsWithin([0.1, 0.9], [0, 1], ["a", "b"]);
  assert.deepEqual(alone, { correct: 0, compared: 0 });
});

Deno.test("ranges of differences part the pairs, and wide ones are easier", () => {
  const parts = rankingByGap(predictions, exact, groups, [0, 0.1, 0.2, 0.5]);
  // Python's double loop, differences of the four margins.
  assert.deepEqual(parts.map(({ correct }) => correct), [
    196.5 - 159.5,
    159.5 - 124,
    124 - 26,
    26,
  ]);
  assert.deepEqual(parts.map(({ compared }) => compared), [223 - 169, 169 - 129, 129 - 26, 26]);
  assert.deepEqual(parts.map(({ above, upTo }) => [above, upTo]), [
    [0, 0.1],
    [0.1, 0.2],
    [0.2, 0.5],
    [0.5, 1],
  ]);
});

Deno.test("groups are in order of appearance", () => {
  assert.deepEqual([...groupMembers(["b", "a", "b"])], [["b", [0, 2]], ["a", [1]]]);
});

Deno.test("bad input is a RangeError that says what to do", () => {
  assert.throws(() => rankedPairsWithin([1], [1], ["a", "b"]), /^RangeError: groups: length 2/);
  assert.throws(() => rankedPairsWithin([1], [1, 2], ["a"]), /^RangeError: exact: length 2/);
  assert.throws(() => rankingByGap([1], [1], ["a"], [0, 0]), /^RangeError: edges\[1\]: 0/);
});
