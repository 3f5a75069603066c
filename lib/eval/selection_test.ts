import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { near } from "./testdata.ts";
import { selections } from "./selection.ts";

Deno.test("what is picked, and what it costs", () => {
  const values = [0.2, 0.9, 0.5, 0.1, 0.4];
  const sets = ["a", "a", "a", "b", "b"];
  const [first, second] = selections([0.8, 0.1, 0.3, 0.5, 0.6], values, sets);
  assert.equal(first!.set, "a");
  assert.equal(first!.accuracy, 0);
  near(first!.regret, 0.7);
  near(first!.gain, 0.2 - 1.6 / 3);
  assert.deepEqual(second, {
    set: "b",
    candidates: 2,
    accuracy: 1,
    regret: 0,
    gain: 0.4 - 0.25,
  });
});

Deno.test("equal predictions are picked equally often: the mean of many random breaks of ties", () => {
  const values = [0, 0.25, 0.5, 1, 0.5, 1];
  const given = [0.3, 0.9, 0.9, 0.9, 0.1, 0.9];
  const [one] = selections(given, values, values.map(() => "all"));
  const random = new RandomStream({ seed: 1, purpose: "test/selection" });
  let regret = 0, best = 0;
  for (let i = 0; i < 4000; i++) {
    const order = [...random.permutation(values.length)];
    const picked = values[order.reduce((a, b) => given[b]! > given[a]! ? b : a)]!;
    regret += (1 - picked) / 4000;
    best += +(picked === 1) / 4000;
  }
  near(one!.regret, regret, 0.03);
  near(one!.accuracy, best, 0.03);
  assert.equal(one!.accuracy, 0.5);
});

Deno.test("a critic that says the same of all gains nothing, nor one that does not answer", () => {
  const values = [0.2, 0.9, 0.5];
  for (const given of [[0.4, 0.4, 0.4], [null, NaN, null]]) {
    const [one] = selections(given, values, ["a", "a", "a"]);
    near(one!.gain, 0);
    near(one!.accuracy, 1 / 3);
  }
  const [some] = selections([null, 0.1, null], values, ["a", "a", "a"]);
  assert.equal(some!.accuracy, 1, "it is picked among the answers");
});

Deno.test("where all values are equal there is nothing to choose", () => {
  assert.deepEqual(selections([0.1, 0.2, 0.3], [0.5, 0.5, 1], ["a", "a", "b"]), []);
  assert.throws(() => selections([1], [1], []), /^RangeError: sets: length 0/);
});
