import assert from "node:assert/strict";
import { parsedPairs } from "./pairs.ts";

Deno.test("parsedPairs leaves out null and NaN, and nothing else", () => {
  const pairs = parsedPairs([0, null, 0.5, NaN, -2], [1, 2, 3, 4, 5]);
  assert.deepEqual([...pairs.predicted], [0, 0.5, -2]);
  assert.deepEqual([...pairs.exact], [1, 3, 5]);
  assert.equal(pairs.total, 5);
  assert.equal(parsedPairs(new Float32Array([NaN, NaN]), [0, 1]).predicted.length, 0);
});

Deno.test("parsedPairs names the bad argument and the remedy", () => {
  const cases: [() => unknown, RegExp][] = [
    [() => parsedPairs([1, 2], [1]), /^RangeError: exact: length 1: must equal the 2 predictions/],
    [() => parsedPairs([1], [1, 2], "outcomes"), /^RangeError: outcomes: length 2:/],
    [() => parsedPairs([], []), /^RangeError: predictions: empty: give at least one state/],
    [() => parsedPairs([0, Infinity], [0, 1]), /^RangeError: predictions\[1\]: Infinity: .*null/],
    [() => parsedPairs([0, 1e200], [0, 1]), /^RangeError: predictions\[1\]: 1e\+200/],
    [() => parsedPairs([null, 1], [NaN, 1]), /^RangeError: exact\[0\]: NaN: give a finite number/],
    [() => parsedPairs(new Array<number>(1), [1]), /^RangeError: predictions\[0\]: undefined/],
  ];
  for (const [call, message] of cases) assert.throws(call, message);
});
