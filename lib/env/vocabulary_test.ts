import assert from "node:assert/strict";
import { createVocabulary, LEVELS } from "./vocabulary.ts";

const vocabulary = createVocabulary(["SEP", "a"]);

Deno.test("ids, names and the common tokens agree", () => {
  assert.equal(vocabulary.size, 5 + 2 * LEVELS + 2);
  vocabulary.names.forEach((name, id) => assert.equal(vocabulary.id(name), id));
  const { pad, query, think, filler, noRate } = vocabulary;
  assert.deepEqual(
    [pad, query, think, filler, noRate].map((id) => vocabulary.names[id]),
    ["PAD", "Q", "TH", "F", "R?"],
  );
  assert.equal(pad, 0);
  assert.deepEqual(vocabulary.values.map((id) => vocabulary.names[id]).slice(-2), ["V9", "V10"]);
  assert.deepEqual(vocabulary.rates.map((id) => vocabulary.names[id]).slice(0, 2), ["R0", "R1"]);
  assert.equal(new Set([...vocabulary.values, ...vocabulary.rates]).size, 2 * LEVELS);
});

Deno.test("a value goes to the nearest tenth, ties upwards, and back", () => {
  const cases: [number, number][] = [[0, 0], [0.0499, 0], [0.05, 1], [0.449, 4], [0.45, 5], [
    1,
    10,
  ]];
  for (const [value, k] of cases) {
    assert.equal(vocabulary.valueToken(value), vocabulary.values[k]);
    assert.equal(vocabulary.rateToken(value), vocabulary.rates[k]);
  }
  vocabulary.values.forEach((token, k) => {
    assert.equal(vocabulary.valueOf(token), k / 10);
    assert.equal(vocabulary.valueToken(k / 10), token);
  });
});

Deno.test("what is no value token has no value", () => {
  const { pad, think, rates, values, size } = vocabulary;
  for (
    const token of [pad, think, rates[0]!, values[0]! - 1, values[10]! + 1, size, -1, 5.5, NaN]
  ) {
    assert.equal(vocabulary.valueOf(token), undefined);
  }
});

Deno.test("no rate has a token of its own", () => {
  assert.equal(vocabulary.rateToken(undefined), vocabulary.noRate);
});

Deno.test("render is readable, also for ids that do not exist", () => {
  assert.equal(vocabulary.render([vocabulary.think, vocabulary.id("a"), 999]), "TH a <999>");
});

Deno.test("errors name the value", () => {
  assert.throws(() => vocabulary.id("b"), /token: "b": not in this vocabulary/);
  assert.throws(() => vocabulary.valueToken(1.01), /value: 1\.01: must lie in 0\.\.1/);
  assert.throws(() => vocabulary.rateToken(NaN), /successRate: NaN: must lie in 0\.\.1/);
  assert.throws(() => createVocabulary(["a", "Q"]), /symbols: "Q": a token's name must be unique/);
});
