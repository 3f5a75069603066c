import assert from "node:assert/strict";
import { advantageSignAgreement } from "./advantage_sign.ts";

const episodes = ["a", "a", "b", "a", "b", "b"];
const values = [0.5, 0.75, 0.25, 0.75, 0, 1];

Deno.test("signs of the changes along each response, responses apart", () => {
  // a: 0.5 -> 0.75 -> 0.75 (no change); b: 0.25 -> 0 -> 1.
  assert.deepEqual(advantageSignAgreement(values, values, episodes), { agreeing: 3, compared: 3 });
  const inverted = values.map((v) => 1 - v);
  assert.deepEqual(advantageSignAgreement(inverted, values, episodes), {
    agreeing: 0,
    compared: 3,
  });
  // Up in a; in b no change, and one with an unparsed end.
  const some = [0.1, 0.2, 0.3, 0.4, 0.3, null];
  assert.deepEqual(advantageSignAgreement(some, values, episodes), { agreeing: 2, compared: 3 });
});

Deno.test("with standard errors only changes beyond two of them count", () => {
  const errors = values.map(() => 0.1);
  // 2 sqrt(0.02) = 0.283: only b's change from 0 to 1 is beyond.
  assert.deepEqual(advantageSignAgreement(values, values, episodes, errors), {
    agreeing: 1,
    compared: 1,
  });
});

Deno.test("responses of one state have no segment", () => {
  assert.deepEqual(advantageSignAgreement([0, 1], [0, 1], ["a", "b"]), {
    agreeing: 0,
    compared: 0,
  });
  assert.throws(() => advantageSignAgreement([1], [1], []), /^RangeError: episodes: length 0/);
});
