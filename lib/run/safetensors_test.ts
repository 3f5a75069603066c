import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { readSafetensors, type StoredTensor, writeSafetensors } from "./safetensors.ts";

const TENSORS: [string, StoredTensor][] = [
  ["weight", { shape: [2, 3], data: Float32Array.of(1, 2, 3, -4, 0.5, 1e-30) }],
  ["bias", { shape: [], data: Float64Array.of(Math.PI) }],
  ["mask", { shape: [3], data: Uint8Array.of(1, 2, 255) }],
];

// Written by the Python package, safetensors 0.8.0: save({...}, metadata={"step": "12"}).
const REFERENCE =
  "d0000000000000007b225f5f6d657461646174615f5f223a7b2273746570223a223132227d2c2262696173223a7b22" +
  "6474797065223a22463634222c227368617065223a5b5d2c22646174615f6f666673657473223a5b302c385d7d2c22" +
  "776569676874223a7b226474797065223a22463332222c227368617065223a5b322c335d2c22646174615f6f666673" +
  "657473223a5b382c33325d7d2c226d61736b223a7b226474797065223a225538222c227368617065223a5b335d2c22" +
  "646174615f6f666673657473223a5b33322c33355d7d7d2020202020182d4454fb2109400000803f00000040000040" +
  "40000080c00000003f6042a20d0102ff";

Deno.test("a file has the bytes that the reference writer gives it", () => {
  assert.equal(writeSafetensors(TENSORS, { step: "12" }).toHex(), REFERENCE);
});

Deno.test("what is written is read again, whatever the order it was given in", () => {
  const bytes = writeSafetensors(TENSORS.toReversed(), { step: "12" });
  assert.equal(bytes.toHex(), REFERENCE);
  const { tensors, metadata } = readSafetensors(bytes, "file");
  assert.deepEqual(Object.fromEntries(tensors), Object.fromEntries(TENSORS));
  assert.deepEqual(metadata, { step: "12" });
});

Deno.test("the data starts at a multiple of 8 and the header length says so", () => {
  for (const name of ["a", "ab", "abc", "naïve ☃"]) {
    const bytes = writeSafetensors([[name, { shape: [0, 4], data: new Int32Array(0) }]]);
    const header = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    assert.equal(header % 8, 0);
    assert.equal(bytes.length, 8 + header);
    assert.deepEqual(readSafetensors(bytes, "file").tensors.get(name)?.shape, [0, 4]);
  }
});

Deno.test("tensors on shared memory, as the engine has them, can be written", () => {
  const data = new Uint32Array(new SharedArrayBuffer(8));
  data.set([7, 8]);
  const bytes = writeSafetensors([["ids", { shape: [2], data }]]);
  assert.deepEqual(readSafetensors(bytes, "file").tensors.get("ids")?.data, Uint32Array.of(7, 8));
});

Deno.test("a shape that does not hold the values is refused", () => {
  const tensor = { shape: [2, 2], data: new Float32Array(3) };
  assert.throws(() => writeSafetensors([["w", tensor]]), /w: shape \[2,2\] does not hold 3 values/);
});

Deno.test("a file cut anywhere is refused by name", () => {
  const bytes = Uint8Array.fromHex(REFERENCE);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => readSafetensors(bytes.subarray(0, length), "m.safetensors"), (error) => {
      assert(error instanceof UsageError);
      assert.match(error.message, /^m\.safetensors: /);
      return true;
    });
  }
});

/** A file with this header, and so many bytes of data. */
function file(header: string, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const entry = (from: number, to: number, shape = [(to - from) / 4], dtype = "F32") => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

const BAD: Record<string, [object | string, number, RegExp]> = {
  "bytes after the last tensor": [{ a: entry(0, 4) }, 5, /1 bytes after the last tensor/],
  "a gap": [{ a: entry(0, 4), b: entry(8, 12) }, 12, /b: starts at 8, not 4/],
  "an overlap": [{ a: entry(0, 8), b: entry(4, 12) }, 12, /b: starts at 4, not 8/],
  "a shape that does not fit": [{ a: entry(0, 8, [3]) }, 8, /a: 8 bytes for F32 \[3\]/],
  "an end before the start": [{ a: entry(0, -4, [1]) }, 0, /header a\.data_offsets/],
  "an unknown type": [{ a: entry(0, 4, [2], "F16") }, 4, /header a\.dtype/],
  "metadata that are not strings": [{ __metadata__: { step: 1 } }, 0, /header __metadata__\.step/],
  "no JSON": ["{a", 0, /JSON/],
  "no object": ["[]", 0, /header/],
};

for (const [name, [header, dataBytes, message]] of Object.entries(BAD)) {
  Deno.test(`a file with ${name} is refused`, () => {
    const text = typeof header === "string" ? header : JSON.stringify(header);
    assert.throws(() => readSafetensors(file(text, dataBytes), "m.safetensors"), message);
  });
}

Deno.test("a header longer than the file or than the format allows is refused", () => {
  const bytes = Uint8Array.fromHex(REFERENCE);
  new DataView(bytes.buffer).setBigUint64(0, 2n ** 40n, true);
  assert.throws(
    () => readSafetensors(bytes, "m.safetensors"),
    /header of 1099511627776 bytes/,
  );
});
