import assert from "node:assert/strict";
import { batchLength, checkShape, packBatch } from "./batch.ts";

Deno.test("packBatch pads ragged sequences with token 0 of weight 0", () => {
  const batch = packBatch([
    { tokens: [5, 6, 7], targets: [6, 7, 8], weights: [1, 0.5, 0] },
    { tokens: [9], positions: [40] },
    { tokens: [1, 2], targets: [2, 3], weights: [2, 2] },
  ], 4);
  assert.deepEqual(batch, {
    tokens: Int32Array.of(5, 6, 7, 0, 9, 0, 0, 0, 1, 2, 0, 0),
    positions: Int32Array.of(0, 1, 2, 0, 40, 0, 0, 0, 0, 1, 0, 0),
    targets: Int32Array.of(6, 7, 8, 0, 0, 0, 0, 0, 2, 3, 0, 0),
    weights: Float32Array.of(1, 0.5, 0, 0, 0, 0, 0, 0, 2, 2, 0, 0),
  });
});

Deno.test("packBatch keeps several value targets a token together", () => {
  const { valueTargets, valueWeights } = packBatch([
    { tokens: [1], valueTargets: [0.25, 0.75], valueWeights: [1] },
    { tokens: [1, 2], valueTargets: [1, 2, 3, 4], valueWeights: [0, 1] },
  ], 4);
  assert.deepEqual(
    valueTargets,
    Float32Array.of(0.25, 0.75, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0),
  );
  assert.deepEqual(valueWeights, Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0));
});

Deno.test("packBatch refuses by number and name what does not fit", () => {
  const pack = (...sequences: Parameters<typeof packBatch>[0]) => () => packBatch(sequences, 4);
  assert.throws(
    pack({ tokens: [1] }, { tokens: [1, 2, 3, 4, 5] }),
    /sequence 1 has 5 tokens, the batch has room for 4/,
  );
  assert.throws(
    pack({ tokens: [1, 2, 3], weights: [1, 1] }),
    /weights of sequence 0 has 2 entries for 3 tokens/,
  );
  assert.throws(
    pack({ tokens: [1, 2], positions: [1, 2, 3] }),
    /positions of sequence 0 has 3 entries for 2 tokens/,
  );
  assert.throws(
    pack({ tokens: [1], valueTargets: [1] }, { tokens: [1], valueTargets: [1, 2] }),
    /valueTargets of sequence 1 has 2 entries for 1 tokens, those before it 1 a token/,
  );
  assert.throws(pack({ tokens: [] }), /sequence 0 has no tokens/);
  for (const x of [NaN, 1.5, Infinity, 2 ** 31]) {
    for (const label of ["tokens", "positions", "targets"]) {
      assert.throws(
        pack({ tokens: [1, 2] }, { tokens: [1, 2], [label]: [2, x] }),
        new RegExp(`^RangeError: ${label} of sequence 1: ${x} is not an int32`),
      );
    }
  }
});

Deno.test("a batch has at least one sequence, and a length that is a multiple of 4", () => {
  for (const length of [NaN, 0, -4, 3, 13, 4.5, Infinity]) {
    assert.throws(
      () => packBatch([{ tokens: [1] }], length),
      new RegExp(`^UsageError: length: ${length}: give a positive multiple of 4`),
    );
  }
  assert.throws(() => packBatch([], 4), /^UsageError: sequences: 0: give one or more/);
  for (const sequences of [NaN, 0, -1, 1.5]) {
    assert.throws(() => checkShape(sequences, 4), /^UsageError: sequences: .*: give one or more/);
  }
});

Deno.test("batchLength is the smallest multiple of 4 that holds every sequence", () => {
  const of = (...lengths: number[]) =>
    batchLength(lengths.map((n) => ({ tokens: new Array(n).fill(0) })));
  assert.deepEqual([of(1), of(4), of(5), of(3, 9, 2), of(52)], [4, 4, 8, 12, 52]);
});
