import assert from "node:assert/strict";
import { smoothSuccessRate } from "./success_rate.ts";

Deno.test("the first rate is the batch's, later ones are moving averages", () => {
  const first = smoothSuccessRate(undefined, 0.5, 0.75);
  const second = smoothSuccessRate(first, 1, 0.75);
  const third = smoothSuccessRate(second, 0, 0.75);
  assert.deepEqual([first, second, third], [0.5, 0.625, 0.46875]);
  assert.equal(smoothSuccessRate(0, 1), 1 - 0.9);
  assert.equal(smoothSuccessRate(0.2, 0.7, 0), 0.7);
});

Deno.test("a steady rate stays, a steady change is followed with a delay of nine iterations", () => {
  assert.equal(smoothSuccessRate(0.25, 0.25, 0.5), 0.25);
  let rate: number | undefined;
  for (let i = 0; i <= 200; i++) rate = smoothSuccessRate(rate, i / 200);
  // The first batch starts the average, so the delay is reached up to 0.9^200.
  assert.ok(Math.abs(rate! - (200 - 9) / 200) < 1e-9, `${rate}`);
});

Deno.test("bad rates and momenta are refused", () => {
  assert.throws(() => smoothSuccessRate(0.5, 1.1), /batchRate: 1\.1: must lie in 0\.\.1/);
  assert.throws(() => smoothSuccessRate(0.5, NaN), /batchRate: NaN/);
  assert.throws(() => smoothSuccessRate(-1, 0.5), /previous: -1/);
  assert.throws(() => smoothSuccessRate(0.5, 0.5, 1), /momentum: 1: give a number in \[0, 1\)/);
});
