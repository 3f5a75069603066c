import {
  ALL_NUMBERS,
  assertSameBits,
  Bench,
  normalMatrix,
  randomIntegers,
  STORAGES,
  stored,
} from "./testing.ts";

const bench = await Bench.create("pretrained");

// Rows, width, vocabulary.
const SHAPES = [[4, 16, 3], [12, 48, 21], [20, 32, 190], [36, 16, 1], [52, 80, 5]] as const;

Deno.test("frozen_embedding copies the columns of the tokens, in every storage", () => {
  for (const [m, d, vocabulary] of SHAPES) {
    for (const storage of STORAGES) {
      const what = `frozen_embedding ${m}x${d} of ${vocabulary}, ${storage}`;
      bench.reset();
      const w = stored(normalMatrix(1, what, d, vocabulary), storage);
      const tokens = randomIntegers(2, what, m, vocabulary);
      const pw = bench.frozen(w, storage, 32), px = bench.space(m, d, 128);
      bench.kernels.frozen_embedding!(
        ...[px.at, px.stride, pw.at, pw.stride, STORAGES.indexOf(storage)],
        ...[bench.integers(tokens), m, d],
      );
      bench.check(what);
      const expected = Float32Array.from(
        { length: m * d },
        (_, i) => w.data[i % d * vocabulary + tokens[Math.floor(i / d)]!]!,
      );
      assertSameBits(bench.unpack(px).data, expected, what);
    }
  }
});

Deno.test("every number of 16 bits is widened exactly, infinities and NaN, too", () => {
  for (const storage of ["float16", "bfloat16"] as const) {
    bench.reset();
    const m = 4096, w = { rows: 16, cols: m, data: ALL_NUMBERS[storage] };
    const pw = bench.frozen(w, storage), px = bench.space(m, 16);
    const tokens = bench.integers(Int32Array.from({ length: m }, (_, i) => i));
    bench.kernels.frozen_embedding!(
      ...[px.at, px.stride, pw.at, pw.stride, STORAGES.indexOf(storage), tokens, m, 16],
    );
    bench.check(storage);
    const expected = w.data.map((_, i) => w.data[i % 16 * m + Math.floor(i / 16)]!);
    assertSameBits(bench.unpack(px).data, expected, storage);
  }
});
