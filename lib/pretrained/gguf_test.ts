import assert from "node:assert/strict";
import { type GgufValue, readGgufHeader } from "./gguf.ts";

/** The bytes of a GGUF file with this metadata: each value with its type. */
function gguf(entries: readonly [string, number, readonly number[]][], version = 3): Uint8Array {
  return new Uint8Array([
    ...utf8("GGUF"),
    ...littleEndian(version, 4),
    ...littleEndian(0, 8),
    ...littleEndian(entries.length, 8),
    ...entries.flatMap(([key, type, value]) => [
      ...text(key),
      ...littleEndian(type, 4),
      ...value,
    ]),
  ]);
}

function utf8(value: string): number[] {
  return [...new TextEncoder().encode(value)];
}

function littleEndian(value: number, bytes: number): number[] {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, BigInt(value), true);
  return [...new Uint8Array(view.buffer, 0, bytes)];
}

function text(value: string): number[] {
  const bytes = utf8(value);
  return [...littleEndian(bytes.length, 8), ...bytes];
}

function float(value: number, bytes: 4 | 8): number[] {
  const view = new DataView(new ArrayBuffer(8));
  if (bytes === 4) view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  return [...new Uint8Array(view.buffer, 0, bytes)];
}

function read(bytes: Uint8Array): ReadonlyMap<string, GgufValue> {
  const path = Deno.makeTempFileSync({ suffix: ".gguf" });
  try {
    Deno.writeFileSync(path, bytes);
    return readGgufHeader(path).metadata;
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("values of every type are read from a GGUF file", () => {
  const strings = [...littleEndian(8, 4), ...littleEndian(2, 8), ...text("Ġt"), ...text("")];
  const nested = [
    ...[...littleEndian(9, 4), ...littleEndian(1, 8)],
    ...[...littleEndian(5, 4), ...littleEndian(2, 8)],
    ...[...littleEndian(-1, 4), ...littleEndian(7, 4)],
  ];
  const metadata = read(gguf([
    ["uint8", 0, [250]],
    ["int8", 1, [250]],
    ["uint16", 2, littleEndian(65000, 2)],
    ["int16", 3, littleEndian(-2, 2)],
    ["uint32", 4, littleEndian(4e9, 4)],
    ["int32", 5, littleEndian(-3, 4)],
    ["float32", 6, float(0.5, 4)],
    ["yes", 7, [1]],
    ["no", 7, [0]],
    ["näme", 8, text("日本")],
    ["strings", 9, strings],
    ["nested", 9, nested],
    ["uint64", 10, littleEndian(2 ** 40, 8)],
    ["int64", 11, littleEndian(-(2 ** 40), 8)],
    ["float64", 12, float(0.1, 8)],
  ]));
  assert.deepEqual(Object.fromEntries(metadata), {
    uint8: 250,
    int8: -6,
    uint16: 65000,
    int16: -2,
    uint32: 4e9,
    int32: -3,
    float32: 0.5,
    yes: true,
    no: false,
    näme: "日本",
    strings: ["Ġt", ""],
    nested: [[-1, 7]],
    uint64: 2 ** 40,
    int64: -(2 ** 40),
    float64: 0.1,
  });
});

Deno.test("a file of another kind, version or type, or one cut short, is refused", () => {
  assert.throws(
    () => read(new Uint8Array([...utf8("PK"), ...new Array(30).fill(0)])),
    /not a GGUF/,
  );
  assert.throws(() => read(gguf([], 2)), /not a GGUF file of version 3/);
  assert.throws(() => read(gguf([["later", 13, [0]]])), /no GGUF type: 13/);
  const whole = gguf([["name", 8, text("SmolLM2")], ["size", 10, littleEndian(1, 8)]]);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => read(whole.subarray(0, length)), `${length} bytes of ${whole.length}`);
  }
});
