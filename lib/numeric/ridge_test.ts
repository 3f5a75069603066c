import assert from "node:assert/strict";
import { RandomStream } from "./random.ts";
import { meanSquaredError, Moments, predict, ridge, solve } from "./ridge.ts";

function near(got: ArrayLike<number>, expected: readonly number[], tolerance = 1e-9) {
  assert.equal(got.length, expected.length);
  expected.forEach((x, i) => assert.ok(Math.abs(got[i]! - x) < tolerance, `${i}: ${got[i]} ${x}`));
}

/** Examples of three features, the last one constant. */
function examples(count: number) {
  const random = new RandomStream({ seed: 1, purpose: "test/ridge" });
  return Array.from({ length: count }, () => {
    const x = Float64Array.of(random.normal(), 3 * random.normal() + 1, 2);
    return { x, y: 0.5 - 2 * x[0]! + 0.25 * x[1]! };
  });
}

function moments(all: ReturnType<typeof examples>) {
  const sums = new Moments(3);
  for (const { x, y } of all) sums.add(x, y);
  return sums;
}

Deno.test("Cholesky solves a system worked out by hand", () => {
  // [4 2; 2 3] x = [2, 5]: x = (-0.5, 2). The upper triangle is not read.
  near(solve(Float64Array.of(4, NaN, 2, 3), Float64Array.of(2, 5)), [-0.5, 2]);
  assert.throws(() => solve(Float64Array.of(1, 0, 2, 1), Float64Array.of(0, 0)), RangeError);
});

Deno.test("almost without penalty a linear function is found; a constant feature has weight 0", () => {
  const { intercept, weights } = ridge(moments(examples(200)), 1e-12);
  near([intercept, ...weights], [0.5, -2, 0.25, 0]);
});

Deno.test("of one feature the weight is cov / (var (1 + penalty)), and the mean is met", () => {
  const all = [[0, 1], [1, 1], [2, 4]].map(([x, y]) => ({ x: Float64Array.of(x!, 0, 0), y: y! }));
  const sums = moments(all);
  const model = ridge(sums, 0.5);
  // var = 2/3, cov = 1, mean y = 2.
  near(model.weights, [1, 0, 0]);
  near([model.intercept], [1]);
  // Residuals 0, -1, 1.
  near([meanSquaredError(model, sums)], [2 / 3]);
});

Deno.test("the error from moments is the error over examples", () => {
  const all = examples(50), sums = moments(all);
  const model = ridge(moments(examples(7)), 0.3);
  const direct = all.reduce((sum, { x, y }) => {
    const error = y - predict(model, x);
    return sum + error * error;
  }, 0) / all.length;
  near([meanSquaredError(model, sums)], [direct]);
});

Deno.test("moments of parts add up", () => {
  const all = examples(20);
  const [whole, sum] = [moments(all), moments(all.slice(0, 9)).plus(moments(all.slice(9)))];
  assert.equal(sum.examples, 20);
  near([sum.y, sum.yy], [whole.y, whole.yy]);
  for (const field of ["products", "sums", "targets"] as const) near(sum[field], [...whole[field]]);
});
