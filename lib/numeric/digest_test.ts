import assert from "node:assert/strict";
import {
  canonicalBytes,
  canonicalJson,
  portableSha256,
  portableSha256OfParts,
  sha256,
  sha256OfParts,
} from "./digest.ts";

Deno.test("sha256 gives the standard's vectors", () => {
  assert.equal(
    sha256(new TextEncoder().encode("abc")),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  assert.equal(
    sha256(new Uint8Array(0)),
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
});

Deno.test("sha256 reads a view, not the buffer under it", () => {
  const whole = new TextEncoder().encode("xabcx");
  assert.equal(sha256(whole.subarray(1, 4)), sha256(new TextEncoder().encode("abc")));
});

Deno.test("sha256 of parts is that of the whole", () => {
  const whole = Uint8Array.from({ length: 300 }, (_, i) => 7 * i);
  for (const hash of [sha256OfParts(), portableSha256OfParts()]) {
    for (const [from, to] of [[0, 1], [1, 1], [1, 200], [200, 300]]) {
      hash.update(whole.subarray(from, to));
    }
    assert.equal(hash.hex(), sha256(whole));
  }
});

Deno.test("sha256 in plain JavaScript is the same at every length around a block", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => 7 * i);
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000]) {
    const part = bytes.subarray(0, length);
    assert.equal(portableSha256(part), sha256(part), `${length} bytes`);
  }
});

Deno.test("canonicalJson does not depend on the order of keys", () => {
  const a = { b: [1, 2.5, -0, 1e21], a: { y: null, x: "é\n" } };
  const b = { a: { x: "é\n", y: null }, b: [1, 2.5, 0, 1e21] };
  assert.equal(canonicalJson(a), '{"a":{"x":"é\\n","y":null},"b":[1,2.5,0,1e+21]}');
  assert.equal(canonicalJson(a), canonicalJson(b));
  assert.deepEqual(JSON.parse(canonicalJson(b)), b);
  assert.equal(canonicalJson({ 10: 1, 9: 2 }), '{"10":1,"9":2}');
});

Deno.test("canonicalJson refuses what JSON would drop or alter, and says where", () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const cases: [unknown, RegExp][] = [
    [{ a: { b: NaN } }, /^TypeError: \$\.a\.b: NaN has no canonical JSON: use null/],
    [[1, Infinity], /^TypeError: \$\[1\]: Infinity has/],
    [{ a: undefined }, /^TypeError: \$\.a: undefined has/],
    [[, 1], /^TypeError: \$\[0\]: undefined has/],
    [{ f: () => 1 }, /^TypeError: \$\.f: function has/],
    [{ n: 1n }, /^TypeError: \$\.n: bigint has/],
    [Symbol("s"), /^TypeError: \$: symbol has/],
    [{ m: new Map() }, /^TypeError: \$\.m: Map has/],
    [{ t: new Float32Array(1) }, /^TypeError: \$\.t: Float32Array has/],
    [cycle, /^TypeError: \$\.self: a cycle has/],
  ];
  for (const [value, message] of cases) assert.throws(() => canonicalJson(value), message);
});

Deno.test("canonicalJson accepts an object that occurs twice", () => {
  const shared = { x: 1 };
  assert.equal(canonicalJson([shared, shared]), '[{"x":1},{"x":1}]');
});

Deno.test("canonicalBytes is little-endian and has one NaN", () => {
  const values = new Float32Array(5);
  const bits = new Uint32Array(values.buffer);
  bits.set([0x3f800000, 0x7f800001, 0xffc12345, 0x80000000, 0x7f800000]);
  const hex = canonicalBytes(values).toHex();
  assert.equal(hex, "0000803f" + "0000c07f" + "0000c07f" + "00000080" + "0000807f");
  assert.equal(canonicalBytes(values.subarray(3, 4)).toHex(), "00000080");
});
