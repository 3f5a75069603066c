import assert from "node:assert/strict";
import { hlGaussMean, hlGaussTarget } from "./hl_gauss.ts";

Deno.test("HL-Gauss targets: the values of scipy.stats.norm", () => {
  // e = np.linspace(0, 1, 6); c = norm.cdf((e - 0.37) / (0.75 * 0.2)); p = np.diff(c) / (c[-1] - c[0])
  const expected = [
    0.12255561251083245,
    0.4538231744283123,
    0.3606071609065137,
    0.0609391231934777,
    0.0020749289608638327,
  ];
  hlGaussTarget(0.37, 5).forEach((p, k) =>
    assert.ok(Math.abs(p - expected[k]!) < 1e-12, `${k}: ${p}`)
  );
});

Deno.test("HL-Gauss targets sum to 1 and keep their mean away from the ends", () => {
  for (const y of [0, 0.1, 0.25, 0.5, 0.731, 1]) {
    const p = hlGaussTarget(y, 50);
    assert.ok(Math.abs(p.reduce((a, b) => a + b) - 1) < 1e-12);
    const mean = p.reduce((sum, x, k) => sum + x * (k + 0.5) / 50, 0);
    assert.ok(Math.abs(mean - y) < (y === 0 || y === 1 ? 0.02 : 1e-3), `${y}: ${mean}`);
  }
});

Deno.test("the mean of logits is that of their softmax", () => {
  assert.equal(hlGaussMean([0, 0]), 0.5);
  assert.ok(Math.abs(hlGaussMean([0, Math.log(3)]) - (0.25 * 0.25 + 0.75 * 0.75)) < 1e-12);
});
