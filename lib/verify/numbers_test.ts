import assert from "node:assert/strict";
import { leadingNumbers, numbersOf } from "./numbers.ts";

const METRICS = {
  curve: [0.5, 0.25],
  name: "cot",
  none: null,
  done: true,
  tests: { near: { rmse: 0.1, states: 300 }, far: { rmse: null } },
  parameters: 7296,
};

Deno.test("the numbers of metrics, wherever they are, are named by their path", () => {
  assert.deepEqual(numbersOf(METRICS), [
    ["curve / 0", 0.5],
    ["curve / 1", 0.25],
    ["none", null],
    ["tests / near / rmse", 0.1],
    ["tests / near / states", 300],
    ["tests / far / rmse", null],
    ["parameters", 7296],
  ]);
});

Deno.test("of too many numbers those asked for come first, then the least deep, in their order", () => {
  const names = (count: number) => leadingNumbers(METRICS, ["rmse"], count).map(([path]) => path);
  const first = ["tests / near / rmse", "tests / far / rmse", "none", "parameters"];
  assert.deepEqual(names(4), first);
  assert.equal(names(100).length, 7);
});
