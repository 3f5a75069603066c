import assert from "node:assert/strict";
import { criticReward } from "./reward.ts";

Deno.test("R_v = 1 - (R - v)^2; a parse failure has reward 0", () => {
  assert.equal(criticReward(1, 1), 1);
  assert.equal(criticReward(0, 1), 0);
  assert.equal(criticReward(1, 0.5), 0.75);
  assert.equal(criticReward(0, 0.25), 0.9375);
  assert.equal(criticReward(1, null), 0);
  assert.equal(criticReward(0, null), 0);
});

Deno.test("the expected reward is largest at the probability of success", () => {
  const p = 0.3;
  const expected = (v: number) => p * criticReward(1, v) + (1 - p) * criticReward(0, v);
  for (let k = 0; k <= 10; k++) if (k !== 3) assert.ok(expected(k / 10) < expected(p), `${k}`);
});
