import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { UsageError } from "../errors.ts";
import { type DType, readSafetensors, type StoredTensor, writeSafetensors } from "./safetensors.ts";

/** See testdata/make_safetensors.py. Values are text: not all of them are JSON. */
const REFERENCE_CASES: {
  bfloat16: [number, number][];
  cases: {
    name: string;
    file: string;
    refused?: string;
    metadata: [string, string][];
    tensors: [string, DType, number[], string[]][];
    saved: string | null;
  }[];
} = JSON.parse(Deno.readTextFileSync(new URL("testdata/safetensors.json", import.meta.url)));

for (const { name, file, refused, metadata, tensors, saved } of REFERENCE_CASES.cases) {
  Deno.test(`as in the reference: ${name}`, () => {
    const bytes = Uint8Array.fromHex(file);
    if (refused || name.startsWith("above 2^53 - 1")) {
      assert.throws(
        () => readSafetensors(bytes, "m.safetensors"),
        (error) => error instanceof UsageError && error.message.startsWith("m.safetensors: "),
      );
      return;
    }
    const found = readSafetensors(bytes, "m.safetensors");
    assert.deepEqual(Object.entries(found.metadata).sort(), metadata);
    const expected = tensors.map(([key, dtype, shape, values]) => {
      const parse: (x: string) => number | bigint = /^[IU]64/.test(dtype) ? BigInt : Number;
      return [key, { dtype, shape, data: values.map(parse) }] as const;
    });
    const read = [...found.tensors].map(([key, tensor]) =>
      [key, { ...tensor, data: Array.from<number | bigint>(tensor.data) }] as const
    );
    assert.deepEqual(new Map(read), new Map(expected));
    const written = writeSafetensors(found.tensors, found.metadata);
    if (saved !== null) assert.equal(written.toHex(), saved);
    assert.deepEqual(readSafetensors(written, "again"), readSafetensors(bytes, "first"));
  });
}

Deno.test("lists in each other, any number of them, are refused", () => {
  for (const depth of [128, 1000, 100_000]) {
    const deep = `{"a":{"x":${"[".repeat(depth)}${"]".repeat(depth)}}}`;
    assert.throws(() => readSafetensors(file(deep, 0), "m.safetensors"), UsageError);
  }
});

Deno.test("floats are rounded to bfloat16 as in ml_dtypes", () => {
  const bits = Uint32Array.from(REFERENCE_CASES.bfloat16, ([from]) => from);
  const data = new Float32Array(bits.buffer);
  const bytes = writeSafetensors([["a", { dtype: "BF16", shape: [data.length], data }]]);
  const halves = new Uint16Array(bytes.slice(-2 * data.length).buffer);
  assert.deepEqual([...halves], REFERENCE_CASES.bfloat16.map(([, to]) => to));
});

for (const dtype of ["F16", "BF16"]) {
  Deno.test(`every bit pattern of ${dtype} is written as it was read, NaNs too`, () => {
    const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const header = JSON.stringify({ a: { dtype, shape: [65536], data_offsets: [0, 131072] } });
    const bytes = file(header.padEnd(Math.ceil(header.length / 8) * 8), 131072);
    bytes.set(new Uint8Array(patterns.buffer), bytes.length - 131072);
    assert.deepEqual(writeSafetensors(readSafetensors(bytes, "file").tensors), bytes);
  });
}

const TENSORS: [string, Required<StoredTensor>][] = [
  ["weight", { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, -4, 0.5, 1e-30) }],
  ["bias", { dtype: "F64", shape: [], data: Float64Array.of(Math.PI) }],
  ["mask", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 255) }],
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

Deno.test("a file may lie in a part of a Node Buffer, in shared memory, or anywhere", () => {
  const bytes = Uint8Array.fromHex(REFERENCE), length = bytes.length;
  const shared = new Uint8Array(new SharedArrayBuffer(length + 3), 3);
  shared.set(bytes);
  const pooled = Buffer.concat([Buffer.from("xyz"), bytes]).subarray(3);
  for (const copy of [shared, pooled]) {
    const { tensors } = readSafetensors(copy, "file");
    assert.deepEqual(Object.fromEntries(tensors), Object.fromEntries(TENSORS));
    copy.fill(0);
    assert.deepEqual(tensors.get("mask")!.data, Uint8Array.of(1, 2, 255), "it was not copied");
  }
});

Deno.test("a tensor that would not be read again is not written", () => {
  const refused = (tensor: StoredTensor, message: RegExp, name = "w", metadata = {}) =>
    assert.throws(() => writeSafetensors([[name, tensor]], metadata), (error) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, message);
      return true;
    });
  const two = new Float32Array(2), none = new Float32Array(0);
  refused({ shape: [2, 2], data: two }, /w: shape \[2,2\] does not hold 2 values/);
  refused({ shape: [-1, -2], data: two }, /w: shape \[-1,-2\]: -1 is no integer in 0\.\.2\^53-1/);
  refused({ shape: [0.5, 4], data: two }, /w: shape \[0\.5,4\]: 0\.5 is no integer/);
  refused({ shape: [NaN, 0], data: none }, /w: shape \[NaN,0\]: NaN is no integer/);
  refused({ shape: [2 ** 53, 0], data: none }, /w: .* is no integer/);
  refused({ shape: [2 ** 32, 2 ** 32, 0], data: none }, /w: .* overflows 64 bits/);
  refused({ shape: [1], data: new Uint8Array(1), dtype: "F4" }, /w: .* ends within a byte/);
  refused({ shape: [2], data: two, dtype: "F16" }, /w: F16 is written from Float16Array/);
  refused({ shape: [2], data: two, dtype: "C64" }, /w: shape \[2\] does not hold 2 values/);
  const clamped = new Uint8ClampedArray(2) as unknown as Uint8Array;
  refused({ shape: [2], data: clamped }, /Uint8ClampedArray has no safetensors type/);
  refused({ shape: [2], data: two }, /may not be named __metadata__/, "__metadata__");
  refused({ shape: [2], data: two }, /"\\ud800" is no well-formed string/, "\ud800");
  refused({ shape: [2], data: two }, /"\\udc00" is no well-formed string/, "w", { x: "\udc00" });
  refused({ shape: [2], data: two }, /12 is no well-formed string/, "w", { step: 12 });
  refused({ shape: [2], data: two }, /header of \d+ bytes/, "w", { x: " ".repeat(100_000_000) });
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
  "an end before the start": [{ a: entry(0, -4, [1]) }, 0, /header a: data_offsets/],
  "an unknown type": [{ a: entry(0, 4, [2], "F17") }, 4, /header a: dtype is none of BOOL, /],
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
