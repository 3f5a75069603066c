import assert from "node:assert/strict";
import { UsageError } from "../../errors.ts";
import { exp, expm1, LN2, log } from "../../numeric/math.ts";
import { centralDifferences, nearAll, rolloutOf } from "../testing.ts";
import { klEstimate, type KlEstimator, klWeight, withKlPenalty } from "./kl.ts";

const logits = [0.3, -0.8, 1.1], reference = [-0.5, 0.2, 0.4];

function logSoftmax(z: readonly number[]): number[] {
  const total = log(z.reduce((sum, x) => sum + exp(x), 0));
  return z.map((x) => x - total);
}
const logPi = logSoftmax(logits), logRef = logSoftmax(reference), pi = logPi.map(exp);
const divergence = (p: readonly number[], q: readonly number[]) =>
  p.reduce((sum, x, k) => sum + exp(x) * (x - q[k]!), 0);

/** E_pi[w(y) grad log pi(y)] in the logits. */
function expectedGradient(w: (y: number) => number): number[] {
  return logits.map((_, k) =>
    pi.reduce((sum, p, y) => sum + p * w(y) * ((y === k ? 1 : 0) - pi[k]!), 0)
  );
}

Deno.test("the estimators by hand", () => {
  assert.equal(klEstimate("k1", LN2), LN2);
  assert.equal(klEstimate("k2", -3), 4.5);
  nearAll([klEstimate("k3", LN2), klEstimate("k3", -LN2)], [LN2 - 0.5, 1 - LN2]);
  assert.equal(klEstimate("k3", 0), 0);
  // Where 1 + x is 1 the plain formula would give 0.
  assert.ok(klEstimate("k3", 1e-9) >= 0);
});

Deno.test("k1 and k3 are unbiased, k2 is not", () => {
  const expected = divergence(logPi, logRef);
  const estimate = (kind: KlEstimator) =>
    pi.reduce((sum, p, y) => sum + p * klEstimate(kind, logPi[y]! - logRef[y]!), 0);
  nearAll([estimate("k1"), estimate("k3")], [expected, expected]);
  assert.ok(Math.abs(estimate("k2") - expected) > 1e-3);
});

Deno.test("weights are minus the derivatives of the estimates in log pi", () => {
  for (const x of [-2, -0.3, 0, 0.01, 0.7, 3]) {
    for (const loss of ["k2", "k3"] as const) {
      const slope = centralDifferences([x], ([p]) => -klEstimate(loss, p!));
      nearAll([klWeight(loss, x)], slope, `${loss} at ${x}`, 1e-8);
    }
  }
});

Deno.test("as a loss k2 descends KL(pi || ref), k3 KL(ref || pi), k1 nothing", () => {
  const x = (y: number) => logPi[y]! - logRef[y]!;
  const slopes = (f: (z: number[]) => number) => centralDifferences(logits, f).map((g) => -g);
  const reverse = slopes((z) => divergence(logSoftmax(z), logRef));
  const forward = slopes((z) => divergence(logRef, logSoftmax(z)));
  nearAll(expectedGradient((y) => klWeight("k2", x(y))), reverse, "k2", 1e-9);
  nearAll(expectedGradient((y) => klWeight("k3", x(y))), forward, "k3", 1e-9);
  nearAll(expectedGradient(() => -1), [0, 0, 0], "k1");
});

Deno.test("k3 is clamped as in verl, its loss where it would overflow or as asked", () => {
  assert.equal(klEstimate("k3", -5), 10);
  assert.equal(klEstimate("k3", -1e300), 10);
  assert.equal(klEstimate("k3", 1e300), 10);
  assert.equal(klEstimate("k2", -5), 12.5);
  assert.equal(klWeight("k3", -5), expm1(5));
  assert.equal(klWeight("k3", -5, 10), 0);
  assert.equal(klWeight("k3", -2, 10), expm1(2));
  // x = 20 has k3 = 19.
  assert.equal(klWeight("k3", 20, 10), 0);
  assert.equal(klWeight("k3", -20), expm1(20));
  assert.equal(klWeight("k3", -21), 0);
  assert.equal(klWeight("k3", 1e300), -1);
});

Deno.test("the penalty is added to the tokens' rewards", () => {
  const rollout = rolloutOf([0, 0], { referenceLogProbabilities: [log(0.25), log(0.5)] });
  nearAll(withKlPenalty(rollout, 0.1).tokenRewards!, [-0.1 * LN2, 0]);
  const twice = withKlPenalty({ ...rollout, tokenRewards: [1, 2] }, 0.1);
  nearAll(twice.tokenRewards!, [1 - 0.1 * LN2, 2]);
  assert.equal(rollout.tokenRewards, undefined);
  assert.throws(() => withKlPenalty(rolloutOf([0, 0]), 0.1), UsageError);
  const bad = { ...rollout, referenceLogProbabilities: [0, -Infinity] };
  assert.throws(
    () => withKlPenalty(bad, 0.1),
    (e: Error) =>
      e instanceof UsageError && /referenceLogProbabilities\[1\]: -Infinity/.test(e.message),
  );
});
