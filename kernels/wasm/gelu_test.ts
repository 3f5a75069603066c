import {
  assertClose,
  assertGradient,
  assertSameBits,
  Bench,
  centralDifferences,
  exp32,
  f32,
  normalMatrix,
} from "./testing.ts";

const bench = await Bench.create();
const { gelu_forward, gelu_backward } = bench.kernels;

const SHAPES = [[4, 16, 1], [12, 48, 3], [20, 128, 0.01], [36, 32, 10], [52, 80, 100]] as const;

/** u / (1 + exp(-2 z)) with z = sqrt(2 / pi) (u + 0.044715 u^3), in float64. */
const exactGelu = (u: number) => {
  const z = Math.sqrt(2 / Math.PI) * (u + 0.044715 * u ** 3);
  return u / (1 + Math.exp(-2 * z));
};

function forward(u: ReturnType<typeof normalMatrix>, gap = 64) {
  bench.reset();
  const pu = bench.matrix(u, gap), py = bench.space(u.rows, u.cols, gap);
  gelu_forward!(py.at, pu.at, pu.stride, u.rows, u.cols);
  bench.check("gelu_forward");
  return { y: bench.unpack(py).data, slope: bench.unpack(pu).data };
}

Deno.test("gelu_forward: operation by operation, to the bit, and near float64", () => {
  for (const [m, n, scale] of SHAPES) {
    for (const gap of [0, 64, 208]) {
      const what = `gelu_forward ${m}x${n} scale ${scale} gap ${gap}`;
      const u = normalMatrix(1, what, m, n, scale);
      const { y, slope } = forward(u, gap);
      const c1 = f32(1.5957691216057308),
        c2 = f32(0.07135481282652102),
        d2 = f32(0.21406443847956306);
      const expected = { y: new Float32Array(m * n), slope: new Float32Array(m * n) };
      u.data.forEach((u, i) => {
        const square = f32(u * u);
        const z = Math.min(87, f32(u * f32(f32(-c2 * square) - c1)));
        const s = f32(1 / f32(1 + exp32(z))), y = f32(u * s);
        expected.y[i] = y;
        expected.slope[i] = s + f32(f32(y * f32(1 - s)) * f32(c1 + f32(d2 * square)));
      });
      assertSameBits(y, expected.y, what);
      assertSameBits(slope, expected.slope, `${what}: slope`);
      assertClose(
        y,
        u.data.map(exactGelu),
        { relative: 2e-6, absolute: 1e-7 },
        `${what} against float64`,
      );
    }
  }
});

Deno.test("gelu_backward multiplies by the slope, which is the derivative", () => {
  for (const [m, n, scale] of SHAPES) {
    const what = `gelu_backward ${m}x${n} scale ${scale}`;
    const u = normalMatrix(1, what, m, n, scale), dy = normalMatrix(2, what, m, n);
    const { slope } = forward(u);
    bench.reset();
    const pdy = bench.matrix(dy), ps = bench.matrix({ ...u, data: slope });
    gelu_backward!(pdy.at, ps.at, pdy.stride, m, n);
    bench.check(what);
    const actual = bench.unpack(pdy).data;
    assertSameBits(actual, dy.data.map((v, i) => v * slope[i]!), what);
    const loss = (u: ArrayLike<number>, i: number) => exactGelu(u[i]!) * dy.data[i]!;
    const expected = Float64Array.from(
      u.data,
      (v, i) => centralDifferences((u) => loss({ length: m * n, [i]: u[0]! }, i), [v])[0]!,
    );
    assertGradient(actual, expected, { relative: 1e-5, absolute: 1e-5 }, what);
  }
});

Deno.test("gelu far out is u or 0, its slope 1 or 0", () => {
  const data = Float32Array.of(
    1e6,
    -1e6,
    1e3,
    -1e3,
    50,
    -50,
    13,
    -13,
    0,
    -0,
    1e-30,
    -1e-30,
    6,
    -6,
    3,
    -3,
  );
  const { y, slope } = forward({ rows: 1, cols: 16, data });
  assertClose(y, data.map(exactGelu), { relative: 1e-6, absolute: 1e-6 }, "gelu");
  assertClose(slope.subarray(0, 8), [1, 0, 1, 0, 1, 0, 1, 0], { absolute: 1e-18 }, "slope far out");
  assertSameBits(slope.subarray(8, 10), [0.5, 0.5], "slope at 0");
});
