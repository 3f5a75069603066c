import assert from "node:assert/strict";
import { bias, brier, mae, mse, parseRate, penalizedMse, r2, rmse } from "./value_errors.ts";
import { exact, near, outcomes, predictions, someUnparsed } from "./testdata.ts";

Deno.test("errors equal scikit-learn's", () => {
  near(mse(predictions, exact), 0.03216666666666666); // mean_squared_error(e, p)
  near(rmse(predictions, exact), 0.17935068069752805); // sqrt of it
  near(mae(predictions, exact), 0.14333333333333337); // mean_absolute_error(e, p)
  near(r2(predictions, exact), 0.44791418355184753); // r2_score(e, p)
  near(brier(predictions, outcomes), 0.2043333333333333); // brier_score_loss(o, p)
  near(bias(predictions, exact), -0.008333333333333333); // numpy: (p - e).mean()
  assert.equal(parseRate(predictions), 1);
  assert.equal(penalizedMse(predictions, exact), mse(predictions, exact));
});

Deno.test("unparsed predictions are charged 1 in the penalized MSE and left out of the rest", () => {
  // The same functions on the 50 states with i % 6 != 5.
  near(mse(someUnparsed, exact), 0.0321);
  near(mae(someUnparsed, exact), 0.14);
  near(r2(someUnparsed, exact), 0.4436356073211314);
  near(penalizedMse(someUnparsed, exact), (50 * 0.0321 + 10) / 60);
  assert.equal(parseRate(someUnparsed), 50 / 60);
});

Deno.test("with nothing parsed the errors are null and the penalized MSE is 1", () => {
  for (const metric of [mse, rmse, mae, bias, r2]) assert.equal(metric([null, NaN], [0, 1]), null);
  assert.equal(brier([null], [1]), null);
  assert.equal(penalizedMse([null, NaN], [0, 1]), 1);
  assert.equal(parseRate([null, NaN]), 0);
});

Deno.test("r2 is 0 for the mean, negative for worse, null for constant exact values", () => {
  assert.equal(r2([0.5, 0.5], [0, 1]), 0);
  assert.equal(r2([1, 0], [0, 1]), -3);
  assert.equal(r2([0, 1], [0.1, 0.1]), null);
  assert.equal(r2([0, 1, null], [0.1, 0.1, 0.7]), null);
  assert.equal(r2([0, 1], [0, 5e-324]), null);
});

Deno.test("float32 predictions are read as the float64 values they are", () => {
  near(mse(new Float32Array([0.1]), [0.1]), (Math.fround(0.1) - 0.1) ** 2, 0);
});

Deno.test("bad input is a RangeError that says what to do", () => {
  assert.throws(() => mse([1], []), /^RangeError: exact: length 0/);
  assert.throws(() => penalizedMse([], []), /^RangeError: predictions: empty/);
  assert.throws(() => parseRate([]), /^RangeError: predictions: empty/);
  assert.throws(() => brier([1], [0.5]), /^RangeError: outcomes\[0\]: 0.5: give 0 .* or 1/);
  assert.throws(() => brier([1], [1, 0]), /^RangeError: outcomes: length 2/);
});
