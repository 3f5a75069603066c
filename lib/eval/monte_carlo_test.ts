import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { mean } from "../numeric/sums.ts";
import {
  debiasedMse,
  explainedVariance,
  explainedVarianceCeiling,
  monteCarloNoise,
} from "./monte_carlo.ts";
import { exact, near, outcomes, predictions, someUnparsed } from "./testdata.ts";
import { mse } from "./value_errors.ts";

/** In Python: n = [8 + i % 25 for i in range(60)]. */
const counts = exact.map((_, i) => 8 + i % 25);

Deno.test("noise and debiased error equal numpy's", () => {
  near(monteCarloNoise(exact, counts), 0.012362159532976195); // mean(e*(1-e)/(n-1))
  near(debiasedMse(predictions, exact, counts), 0.019804507133690467);
  near(debiasedMse(someUnparsed, exact, counts), 0.01956070378213589); // states with i % 6 != 5
});

Deno.test("explained variance equals scikit-learn's, its ceiling numpy's", () => {
  near(explainedVariance(predictions, outcomes), 0.13678025851938924); // explained_variance_score
  near(explainedVariance(someUnparsed, outcomes), 0.3497536945812807);
  near(explainedVariance(predictions.map((p) => p + 3), outcomes), 0.13678025851938924);
  near(explainedVarianceCeiling(exact, counts, outcomes), 0.17214597612372007);
});

Deno.test("the debiased error is the error against the true values, the ceiling what they reach", () => {
  const states = 4000, n = 4, random = new RandomStream({ seed: 1, purpose: "test/debiased" });
  const truth = Array.from({ length: states }, () => random.uniform());
  const predicted = truth.map((v) => 0.5 * v + 0.1);
  const draw = (v: number) => +(random.uniform() < v);
  const means = truth.map((v) => mean(Array.from({ length: n }, () => draw(v))));
  const returns = truth.map(draw);
  const ns = truth.map(() => n);
  const real = mse(predicted, truth)!;
  near(debiasedMse(predicted, means, ns), real, 0.005);
  assert.ok(mse(predicted, means)! > real + 0.03, "what the noise of four continuations adds");
  near(explainedVarianceCeiling(means, ns, returns), explainedVariance(truth, returns)!, 0.03);
});

Deno.test("one continuation has no spread; what is undefined is null", () => {
  assert.equal(monteCarloNoise([0, 0.5], [1, 2]), null);
  assert.equal(debiasedMse([0.5, 0.5], [1, 0.5], [1, 4]), null);
  near(debiasedMse([null, 0.5], [1, 0.5], [1, 4]), -0.25 / 3);
  assert.equal(debiasedMse([null], [0.5], [4]), null);
  assert.equal(explainedVariance([0.1, 0.2], [1, 1]), null);
  assert.equal(explainedVariance([null, NaN], [0, 1]), null);
  assert.equal(explainedVarianceCeiling([0.5, 0.5], [2, 1], [0, 1]), null);
  assert.equal(explainedVarianceCeiling([0.5, 0.5], [2, 2], [1, 1]), null);
});

Deno.test("bad input is a RangeError that says what to do", () => {
  assert.throws(() => monteCarloNoise([0.5], [2, 2]), /^RangeError: counts: length 2/);
  assert.throws(() => monteCarloNoise([1.5], [2]), /^RangeError: means\[0\]: 1.5/);
  assert.throws(() => monteCarloNoise([0.5], [0]), /^RangeError: counts\[0\]: 0/);
  assert.throws(() => debiasedMse([0.5], [0.5], [2.5]), /^RangeError: counts\[0\]: 2.5/);
});
