import assert from "node:assert/strict";
import { philox4x32, purposeId, RandomStream } from "./random.ts";

const word = (text: string) => parseInt(text, 16);

Deno.test("philox4x32 gives Random123's published vectors", () => {
  const vectors = [
    [
      "00000000 00000000 00000000 00000000",
      "00000000 00000000",
      "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ],
    [
      "ffffffff ffffffff ffffffff ffffffff",
      "ffffffff ffffffff",
      "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ],
    [
      "243f6a88 85a308d3 13198a2e 03707344",
      "a4093822 299f31d0",
      "d16cfe09 94fdcceb 5001e420 24126ea1",
    ],
  ];
  for (const [counter, key, expected] of vectors) {
    const [c0, c1, c2, c3] = counter!.split(" ").map(word);
    const [k0, k1] = key!.split(" ").map(word);
    const out = new Uint32Array(4);
    philox4x32([c0!, c1!, c2!, c3!], [k0!, k1!], out);
    assert.deepEqual([...out], expected!.split(" ").map(word));
  }
});

Deno.test("purposeId is FNV-1a-32 of the UTF-8 bytes", () => {
  // Vectors from the FNV reference code.
  assert.equal(purposeId(""), 0x811c9dc5);
  assert.equal(purposeId("a"), 0xe40c292c);
  assert.equal(purposeId("foobar"), 0xbf9cf968);
  assert.notEqual(purposeId("é"), purposeId("e"));
});

Deno.test("a stream is Philox with counter (block, row, step, 0) and key (seed, purpose)", () => {
  const stream = new RandomStream({ seed: 7, purpose: "train", step: 3, row: 11 });
  const out = new Uint32Array(4);
  for (let block = 0; block < 3; block++) {
    philox4x32([block, 11, 3, 0], [7, purposeId("train")], out);
    for (const expected of out) assert.equal(stream.uint32(), expected);
  }
});

Deno.test("streams do not depend on one another", () => {
  const key = { seed: 1, purpose: "p", step: 2, row: 3 };
  const alone = Array.from({ length: 10 }, draw(new RandomStream(key)));
  const a = draw(new RandomStream(key));
  const b = draw(new RandomStream({ ...key, row: 4 }));
  const mixed = Array.from({ length: 10 }, () => (b(), a()));
  assert.deepEqual(mixed, alone);
  for (const other of [{ seed: 2 }, { purpose: "q" }, { step: 3 }, { row: 2 }]) {
    assert.notEqual(new RandomStream({ ...key, ...other }).uint32(), alone[0]);
  }
  function draw(stream: RandomStream) {
    return () => stream.uint32();
  }
});

Deno.test("uniform is in [0, 1) and exact in float32", () => {
  const stream = new RandomStream({ seed: 1, purpose: "uniform" });
  let sum = 0;
  const n = 100_000;
  for (let i = 0; i < n; i++) {
    const u = stream.uniform();
    assert.ok(u >= 0 && u < 1 && Math.fround(u) === u);
    sum += u;
  }
  assert.ok(Math.abs(sum / n - 0.5) < 4 * Math.sqrt(1 / 12 / n));
});

Deno.test("integer is uniform for bounds that do not divide 2^32", () => {
  const stream = new RandomStream({ seed: 1, purpose: "integer" });
  const n = 60_000;
  const counts = new Array<number>(6).fill(0);
  for (let i = 0; i < n; i++) counts[stream.integer(6)]!++;
  const chiSquare = counts.reduce((sum, c) => sum + (c - n / 6) ** 2 / (n / 6), 0);
  assert.ok(chiSquare < 20.5, `chi-square with 5 degrees of freedom: ${chiSquare}`); // p = 0.001
  // For bound 3 * 2^30 a quarter of the words is rejected; without that, small numbers come twice as often.
  let small = 0;
  for (let i = 0; i < n; i++) small += stream.integer(3 * 2 ** 30) < 2 ** 30 ? 1 : 0;
  assert.ok(Math.abs(small / n - 1 / 3) < 0.01);
  assert.equal(stream.integer(1), 0);
  assert.ok(stream.integer(2 ** 32) < 2 ** 32);
});

Deno.test("normal has the moments of a standard normal", () => {
  const stream = new RandomStream({ seed: 1, purpose: "normal" });
  const n = 200_000;
  const moments = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const z = stream.normal();
    moments.forEach((m, k) => moments[k] = m + z ** (k + 1) / n);
  }
  // Four standard errors of each moment.
  [0, 1, 0, 3].forEach((expected, k) => {
    const error = 4 * Math.sqrt([1, 2, 15, 96][k]! / n);
    assert.ok(Math.abs(moments[k]! - expected) < error, `moment ${k + 1}: ${moments[k]}`);
  });
});

Deno.test("normal uses two words, so what is drawn next does not depend on its parity", () => {
  const a = new RandomStream({ seed: 1, purpose: "normal" });
  const b = new RandomStream({ seed: 1, purpose: "normal" });
  a.normal();
  b.uint32();
  b.uint32();
  assert.equal(a.uint32(), b.uint32());
});

Deno.test("permutation reaches every order about equally often", () => {
  const counts = new Map<string, number>();
  const n = 12_000;
  for (let row = 0; row < n; row++) {
    const order = new RandomStream({ seed: 1, purpose: "permutation", row }).permutation(4).join(
      "",
    );
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 24);
  let chiSquare = 0;
  for (const c of counts.values()) chiSquare += (c - n / 24) ** 2 / (n / 24);
  assert.ok(chiSquare < 49.7, `chi-square with 23 degrees of freedom: ${chiSquare}`); // p = 0.001
});

Deno.test("shuffle keeps the items, choice picks one of them", () => {
  const stream = new RandomStream({ seed: 1, purpose: "shuffle" });
  assert.deepEqual(stream.shuffle(["a", "b", "c"]).toSorted(), ["a", "b", "c"]);
  assert.deepEqual(stream.permutation(0), new Int32Array(0));
  const seen = new Set(Array.from({ length: 100 }, () => stream.choice([5, 6, 7])));
  assert.deepEqual([...seen].toSorted(), [5, 6, 7]);
});

Deno.test("the streams' numbers never change", () => {
  // Pinned: a change here changes every result of the kit.
  const stream = new RandomStream({ seed: 1, purpose: "pin", step: 2, row: 3 });
  assert.deepEqual(
    [stream.uint32(), stream.uniform(), stream.integer(1000), stream.normal()],
    PINNED,
  );
  assert.deepEqual([...stream.permutation(8)], PINNED_ORDER);
});

Deno.test("errors name the field, the value and the range", () => {
  assert.throws(() => new RandomStream({ seed: -1, purpose: "p" }), {
    name: "UsageError",
    message: "seed: -1: must be an integer in 0..4294967295",
  });
  assert.throws(() => new RandomStream({ seed: 1.5, purpose: "p" }), { name: "UsageError" });
  assert.throws(() => new RandomStream({ seed: 1, purpose: "p", row: 2 ** 32 }), /row: 4294967296/);
  assert.throws(() => new RandomStream({ seed: 1, purpose: "p", step: NaN }), /step: NaN/);
  const stream = new RandomStream({ seed: 1, purpose: "p" });
  assert.throws(() => stream.integer(0), /bound: 0/);
  assert.throws(() => stream.choice([]), /at least one item/);
});

const PINNED = [282289177, 0.6136754751205444, 722, 0.34922833466908176];
const PINNED_ORDER = [4, 0, 3, 2, 6, 5, 7, 1];
