import { assertSameBits, Bench, f32, normalMatrix } from "./testing.ts";

const bench = await Bench.create("pretrained");
const { add_bias, add_bias_backward, scale } = bench.kernels;

const SHAPES = [[4, 16], [12, 48], [20, 32], [52, 80]] as const;

Deno.test("add_bias adds the vector to every row", () => {
  for (const [m, n] of SHAPES) {
    for (const gap of [0, 64, 208]) {
      const what = `add_bias ${m}x${n} gap ${gap}`;
      bench.reset();
      const y = normalMatrix(1, what, m, n), b = normalMatrix(2, what, 1, n);
      const py = bench.matrix(y, gap), pb = bench.matrix(b, 64);
      add_bias!(py.at, py.stride, pb.at, pb.stride, m, n);
      bench.check(what);
      assertSameBits(bench.unpack(py).data, y.data.map((v, i) => v + b.data[i % n]!), what);
    }
  }
});

// Linear, so that the gradient is the sum itself.
Deno.test("add_bias_backward adds the rows in order to what is there, to the bit", () => {
  for (const [m, n] of SHAPES) {
    for (const gap of [0, 64, 208]) {
      const what = `add_bias_backward ${m}x${n} gap ${gap}`;
      bench.reset();
      const dy = normalMatrix(1, what, m, n), before = normalMatrix(2, what, 1, n);
      const pdy = bench.matrix(dy, gap), pdb = bench.matrix(before, 64);
      add_bias_backward!(pdb.at, pdb.stride, pdy.at, pdy.stride, m, n);
      bench.check(what);
      const expected = before.data.slice();
      dy.data.forEach((v, i) => expected[i % n] = f32(expected[i % n]! + v));
      assertSameBits(bench.unpack(pdb).data, expected, what);
    }
  }
});

Deno.test("scale multiplies every element", () => {
  for (const [m, n] of SHAPES) {
    const what = `scale ${m}x${n}`, by = f32(16 / 7);
    bench.reset();
    const x = normalMatrix(1, what, m, n), px = bench.matrix(x, 48);
    scale!(px.at, px.stride, by, m, n);
    bench.check(what);
    assertSameBits(bench.unpack(px).data, x.data.map((v) => v * by), what);
  }
});
