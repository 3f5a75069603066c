import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { advantages, type Baseline, BASELINES } from "./baselines.ts";

function near(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((x, i) => assert.ok(Math.abs(x - expected[i]!) < 1e-12, `${i}: ${x}`));
}

const rewards = [1, 0.5, 0.2, 0.7, 0];
const outcomes = [1, 1, 0, 1, 0];

Deno.test("raw: the reward itself", () => {
  assert.deepEqual(advantages("raw", rewards, outcomes), rewards);
  assert.deepEqual(advantages("raw", [0.3], [1]), [0.3]);
});

Deno.test("leave-one-out: less the mean of the others", () => {
  // The sum is 2.4: the others of the first have mean 1.4 / 4.
  near(
    advantages("leave-one-out", rewards, outcomes),
    [1 - 0.35, 0.5 - 0.475, 0.2 - 0.55, 0.7 - 0.425, 0 - 0.6],
  );
});

Deno.test("by outcome: less the mean of the others with the same outcome", () => {
  near(
    advantages("leave-one-out-by-outcome", rewards, outcomes),
    [1 - 0.6, 0.5 - 0.85, 0.2 - 0, 0.7 - 0.75, 0 - 0.2],
  );
});

Deno.test("by outcome: who is alone with an outcome is compared with all others", () => {
  near(advantages("leave-one-out-by-outcome", [1, 0.5, 0.2], [1, 1, 0]), [0.5, -0.5, 0.2 - 0.75]);
});

Deno.test("leave-one-out baselines need two responses", () => {
  for (const baseline of ["leave-one-out", "leave-one-out-by-outcome"] as const) {
    assert.throws(() => advantages(baseline, [1], [1]), UsageError);
  }
});

/**
 * All outcomes of K rollouts and all responses of K policies over three values: the expectation of sum_i A_i d log pi(y_i)
 * with respect to the logits, by enumeration.
 */
function expectedGradient(baseline: Baseline, k: number, pi: number[], p: number): number[] {
  const values = [0, 0.5, 1], gradient = values.map(() => 0);
  for (let code = 0; code < 3 ** k * 2 ** k; code++) {
    const y = Array.from({ length: k }, (_, i) => Math.floor(code / 3 ** i) % 3);
    const o = Array.from({ length: k }, (_, i) => Math.floor(code / 3 ** k / 2 ** i) % 2);
    const probability = y.reduce((q, a) => q * pi[a]!, 1) *
      o.reduce((q, r) => q * (r === 1 ? p : 1 - p), 1);
    const a = advantages(baseline, y.map((c, i) => 1 - (o[i]! - values[c]!) ** 2), o);
    y.forEach((c, i) =>
      gradient.forEach((_, j) => gradient[j]! += probability * a[i]! * ((c === j ? 1 : 0) - pi[j]!))
    );
  }
  return gradient.map((g) => g / k);
}

Deno.test("no baseline changes the expected gradient, which is that of the expected reward", () => {
  const pi = [0.5, 0.2, 0.3], p = 0.8;
  const reward = [0, 0.5, 1].map((v) => p * (1 - (1 - v) ** 2) + (1 - p) * (1 - v * v));
  const average = reward.reduce((sum, r, j) => sum + pi[j]! * r, 0);
  const exact = reward.map((r, j) => pi[j]! * (r - average));
  for (const baseline of BASELINES) {
    for (const k of [2, 3, 4]) near(expectedGradient(baseline, k, pi, p), exact);
  }
  // Value 1 is the best answer to p = 0.8 here, and 0 the worst.
  assert.ok(exact[2]! > 0 && exact[0]! < 0);
});
