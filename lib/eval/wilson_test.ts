import assert from "node:assert/strict";
import { near } from "./testdata.ts";
import { wilsonInterval } from "./wilson.ts";

Deno.test("Wilson's intervals equal scipy's", () => {
  // scipy 1.17: binomtest(k, n).proportion_ci(level, "wilson")
  for (
    const [k, n, level, low, high] of [
      [0, 8, 0.95, 0.0, 0.32440756488388023],
      [6, 8, 0.95, 0.40927543031016883, 0.9285207872478909],
      [8, 8, 0.95, 0.6755924351161198, 1.0],
      [1, 1, 0.9, 0.2698659487840541, 1.0],
      [16, 32, 0.95, 0.33630882869327483, 0.6636911713067252],
      [31, 32, 0.99, 0.7801796877590521, 0.9963203844375181],
      [7, 1000, 0.95, 0.0033948684009907646, 0.014378315465766588],
      [500, 100000, 0.999, 0.004317733968238354, 0.005789447331725033],
    ] as const
  ) {
    const interval = wilsonInterval(k, n, level);
    near(interval.low, low, 1e-13);
    near(interval.high, high, 1e-13);
    assert.deepEqual([interval.estimate, interval.n, interval.level], [k / n, n, level]);
  }
});

Deno.test("a share's interval mirrors, holds its estimate and has exact ends", () => {
  for (let n = 1; n <= 40; n++) {
    for (let k = 0; k <= n; k += 0.5) {
      const { estimate, low, high } = wilsonInterval(k, n);
      assert.ok(0 <= low && low <= estimate && estimate <= high && high <= 1, `${k} of ${n}`);
      near(low, 1 - wilsonInterval(n - k, n).high, 1e-15);
    }
    assert.equal(wilsonInterval(0, n).low, 0);
    assert.equal(wilsonInterval(n, n).high, 1);
  }
});

/** Exact coverage and mean of the estimate where batches are added until the interval is narrow: every count's probability. */
function stoppedEarly(p: number, batch: number, most: number, halfWidth: number) {
  const choose = (n: number, k: number): number => k === 0 ? 1 : choose(n - 1, k - 1) * n / k;
  const inBatch = Array.from({ length: batch + 1 }, (_, k) => {
    return choose(batch, k) * p ** k * (1 - p) ** (batch - k);
  });
  let alive = new Map([[0, 1]]), covered = 0, mean = 0;
  for (let n = batch; n <= most; n += batch) {
    const next = new Map<number, number>();
    for (const [k, probability] of alive) {
      inBatch.forEach((more, j) => next.set(k + j, (next.get(k + j) ?? 0) + probability * more));
    }
    for (const [k, probability] of next) {
      const { estimate, low, high } = wilsonInterval(k, n);
      if ((high - low) / 2 > halfWidth && n < most) continue;
      if (low <= p && p <= high) covered += probability;
      mean += probability * estimate;
      next.delete(k);
    }
    alive = next;
  }
  return { covered, mean };
}

Deno.test("stopping at a half-width costs what the docstring says", () => {
  const rates = Array.from({ length: 99 }, (_, i) => (i + 1) / 100);
  const stopped = rates.map((p) => stoppedEarly(p, 8, 128, 0.1));
  near(Math.min(...stopped.map(({ covered }) => covered)), 0.911, 5e-4);
  near(Math.max(...stopped.map(({ mean }, i) => Math.abs(mean - rates[i]!))), 0.0197, 5e-5);
  const fixed = rates.map((p) => stoppedEarly(p, 128, 128, 0));
  near(Math.min(...fixed.map(({ covered }) => covered)), 0.939, 5e-4);
  fixed.forEach(({ mean }, i) => near(mean, rates[i]!, 1e-12));
});

Deno.test("what is no share or no level is refused", () => {
  assert.throws(() => wilsonInterval(0, 0), /^RangeError: n: 0: give a positive integer/);
  assert.throws(() => wilsonInterval(3, 2), /^RangeError: successes: 3: give a number in 0..2/);
  assert.throws(() => wilsonInterval(NaN, 2), /^RangeError: successes: NaN/);
  assert.throws(() => wilsonInterval(1, 2, 1), /^RangeError: level: 1: give a number between/);
});
