import assert from "node:assert/strict";
import { PretrainedTensor } from "./pretrained_tensor.ts";

/** A tensor of 1,500 x 2,000 numbers, which are read in two parts, with this number at a place, after 6 bytes of others. */
function withTensor(
  { at, number }: { readonly at: number; readonly number: number },
  test: (tensor: PretrainedTensor) => void,
): void {
  const path = Deno.makeTempFileSync(), shape = [1500, 2000];
  try {
    const numbers = Float16Array.from({ length: 1500 * 2000 }, (_, i) => i % 2039);
    numbers[at] = number;
    const file = new Uint8Array(6 + numbers.byteLength);
    file.set(new Uint8Array(numbers.buffer), 6);
    Deno.writeFileSync(path, file);
    test(
      new PretrainedTensor("w", shape, "F16", numbers.byteLength, { path, offset: 6, name: "w" }),
    );
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("a large tensor comes in parts of whole rows, which together are the tensor", () => {
  withTensor({ at: 2_500_000, number: 0.5 }, (tensor) => {
    const parts = [...tensor.finiteParts()], whole = tensor.readFinite();
    assert.deepEqual(parts.map(({ length }) => length), [1048 * 2000, 452 * 2000]);
    assert.equal(tensor.partSize, 1048 * 2000);
    let at = 0;
    for (const part of parts) {
      assert.deepEqual(part, whole.subarray(at, at += part.length));
    }
    assert.equal(whole[2_500_000], 0.5);
  });
});

Deno.test("the place of a number that is not finite is its place in the tensor", () => {
  for (const at of [2_000 * 1047 + 1_999, 2_000 * 1048, 2_000 * 1499 + 7]) {
    withTensor({ at, number: Infinity }, (tensor) => {
      const place = `w \\[${Math.floor(at / 2000)},${at % 2000}\\]: Infinity`;
      assert.throws(() => [...tensor.finiteParts()], { message: new RegExp(place) });
      assert.throws(() => tensor.readFinite(), { message: new RegExp(place) });
    });
  }
});

Deno.test("rows that are interleaved in the file are read together", () => {
  const source = { path: "w", offset: 0, name: "w", interleavedHeads: 4 };
  const tensor = new PretrainedTensor("w", [4096, 4096], "F16", 2 * 4096 * 4096, source);
  assert.equal(tensor.partSize, 4096 * 4096);
});
