import { assertSameBits, Bench, f32, normalMatrix, randomIntegers } from "./testing.ts";

const bench = await Bench.create();
const { embedding_forward, embedding_backward } = bench.kernels;

// Rows, width, vocabulary.
const SHAPES = [[4, 16, 3], [12, 48, 21], [20, 32, 190], [36, 16, 1], [52, 80, 5]] as const;

Deno.test("embedding_forward copies the rows of the tokens", () => {
  for (const [m, d, vocabulary] of SHAPES) {
    const what = `embedding_forward ${m}x${d} of ${vocabulary}`;
    bench.reset();
    const w = normalMatrix(1, what, vocabulary, d), tokens = randomIntegers(2, what, m, vocabulary);
    const pw = bench.matrix(w, 64), px = bench.space(m, d, 128);
    embedding_forward!(px.at, px.stride, pw.at, pw.stride, bench.integers(tokens), m, d);
    bench.check(what);
    const expected = Float32Array.from(
      { length: m * d },
      (_, i) => w.data[tokens[Math.floor(i / d)]! * d + i % d]!,
    );
    assertSameBits(bench.unpack(px).data, expected, what);
  }
});

// Linear in w, so that its gradient is the sum itself: no differences are needed.
Deno.test("embedding_backward adds the rows of each token in order, to the bit", () => {
  for (const [m, d, vocabulary] of SHAPES) {
    const what = `embedding_backward ${m}x${d} of ${vocabulary}`;
    bench.reset();
    const dw = normalMatrix(1, what, vocabulary, d), dx = normalMatrix(2, what, m, d);
    const tokens = randomIntegers(3, what, m, vocabulary);
    const pdw = bench.matrix(dw, 64), pdx = bench.matrix(dx, 128);
    embedding_backward!(pdw.at, pdw.stride, pdx.at, pdx.stride, bench.integers(tokens), m, d);
    bench.check(what);
    const expected = Float32Array.from(dw.data);
    for (let i = 0; i < m; i++) {
      for (let c = 0; c < d; c++) {
        const at = tokens[i]! * d + c;
        expected[at] = f32(expected[at]! + dx.data[i * d + c]!);
      }
    }
    assertSameBits(bench.unpack(pdw).data, expected, what);
  }
});
