import {
  assertClose,
  assertGradient,
  assertSameBits,
  Bench,
  centralDifferences,
  f32,
  type Matrix,
  normalMatrix,
  sumLanes,
} from "./testing.ts";

const bench = await Bench.create();
const { rmsnorm_forward, rmsnorm_backward } = bench.kernels;
const EPS = 1e-5;

/** Sum of terms c = 0..d-1 of one row: 16 lanes run over the panels, then are added. */
function rowSum(d: number, term: (c: number) => number): number {
  const lanes = new Float32Array(16);
  for (let c = 0; c < d; c++) lanes[c & 15] = lanes[c & 15]! + term(c);
  return sumLanes(lanes);
}

function referenceForward(x: Matrix, g: Float32Array) {
  const { rows, cols: d } = x;
  const y = new Float32Array(x.data.length), rstd = new Float32Array(rows);
  for (let i = 0; i < rows; i++) {
    const row = x.data.subarray(i * d, (i + 1) * d);
    const mean = f32(rowSum(d, (c) => f32(row[c]! * row[c]!)) * f32(1 / d));
    rstd[i] = 1 / f32(Math.sqrt(f32(mean + f32(EPS))));
    for (let c = 0; c < d; c++) y[i * d + c] = f32(row[c]! * rstd[i]!) * g[c]!;
  }
  return { y, rstd };
}

function referenceBackward(
  { dy, x, g, rstd, dg, init }: {
    dy: Matrix;
    x: Matrix;
    g: Float32Array;
    rstd: Float32Array;
    dg: Float32Array;
    init?: Float32Array | undefined;
  },
) {
  const { rows, cols: d } = x;
  const dx = new Float32Array(x.data.length), sums = Float32Array.from(dg);
  for (let i = 0; i < rows; i++) {
    const at = (c: number) => i * d + c, r = rstd[i]!;
    const s = rowSum(d, (c) => f32(f32(dy.data[at(c)]! * g[c]!) * x.data[at(c)]!));
    const k = f32(f32(f32(r * r) * r) * f32(s * f32(1 / d)));
    for (let c = 0; c < d; c++) {
      const y = f32(dy.data[at(c)]! * r);
      sums[c] = sums[c]! + f32(y * x.data[at(c)]!);
      const z = f32(f32(y * g[c]!) - f32(x.data[at(c)]! * k));
      dx[at(c)] = init ? z + init[at(c)]! : z;
    }
  }
  return { dx, dg: sums };
}

const SHAPES = [[4, 16], [12, 32], [20, 48], [36, 80], [52, 128], [7, 16]] as const;

Deno.test("rmsnorm_forward: documented order, to the bit, and near float64", () => {
  for (const [m, d] of SHAPES) {
    for (const [scale, gap] of [[1, 64], [1e-4, 0], [300, 208]] as const) {
      const what = `rmsnorm_forward ${m}x${d} scale ${scale}`;
      bench.reset();
      const x = normalMatrix(1, what, m, d, scale), g = normalMatrix(2, what, 1, d);
      const px = bench.matrix(x, gap), pg = bench.matrix(g), py = bench.space(m, d, gap);
      const rstd = bench.floats(m);
      rmsnorm_forward!(py.at, rstd, px.at, px.stride, pg.at, pg.stride, m, d, EPS);
      bench.check(what);
      const expected = referenceForward(x, g.data);
      assertSameBits(bench.read(rstd, m), expected.rstd, `${what}: rstd`);
      assertSameBits(bench.unpack(py).data, expected.y, what);
      const exact = x.data.map((v, i) => {
        const row = x.data.subarray(Math.floor(i / d) * d).subarray(0, d);
        const mean = Array.from(row).reduce((s, v) => s + v * v, 0) / d;
        return v / Math.sqrt(mean + EPS) * g.data[i % d]!;
      });
      assertClose(bench.unpack(py).data, exact, { relative: 1e-6 }, `${what} against float64`);
    }
  }
});

Deno.test("rmsnorm_backward: documented order, to the bit", () => {
  for (const [m, d] of SHAPES) {
    for (const mode of ["none", "other", "itself"]) {
      const what = `rmsnorm_backward ${m}x${d} init ${mode}`;
      bench.reset();
      const x = normalMatrix(1, what, m, d), g = normalMatrix(2, what, 1, d);
      const dy = normalMatrix(3, what, m, d), dg = normalMatrix(4, what, 1, d);
      const init = mode === "none" ? undefined : normalMatrix(5, what, m, d);
      const { rstd } = referenceForward(x, g.data);
      const px = bench.matrix(x),
        pg = bench.matrix(g),
        pdy = bench.matrix(dy),
        pdg = bench.matrix(dg);
      const pi = init && bench.matrix(init), pdx = mode === "itself" ? pi! : bench.space(m, d);
      rmsnorm_backward!(
        ...[pdx.at, pi?.at ?? 0, pdg.at, pdy.at, px.at, px.stride, bench.floats(rstd)],
        ...[pg.at, pg.stride, bench.floats(m), m, d],
      );
      bench.check(what);
      const expected = referenceBackward({ dy, x, g: g.data, rstd, dg: dg.data, init: init?.data });
      assertSameBits(bench.unpack(pdx).data, expected.dx, `${what}: dx`);
      assertSameBits(bench.unpack(pdg).data, expected.dg, `${what}: dg`);
    }
  }
});

Deno.test("rmsnorm_backward is the gradient of rmsnorm_forward", () => {
  const m = 8, d = 48;
  const x = normalMatrix(1, "x", m, d),
    g = normalMatrix(2, "g", 1, d),
    dy = normalMatrix(3, "dy", m, d);
  const loss = (x: ArrayLike<number>, g: ArrayLike<number>) => {
    let sum = 0;
    for (let i = 0; i < m; i++) {
      let squares = 0;
      for (let c = 0; c < d; c++) squares += x[i * d + c]! ** 2;
      const r = 1 / Math.sqrt(squares / d + EPS);
      for (let c = 0; c < d; c++) sum += dy.data[i * d + c]! * g[c]! * x[i * d + c]! * r;
    }
    return sum;
  };
  bench.reset();
  const px = bench.matrix(x), pg = bench.matrix(g), pdy = bench.matrix(dy), py = bench.space(m, d);
  const rstd = bench.floats(m), pdx = bench.space(m, d);
  const pdg = bench.matrix({ rows: 1, cols: d, data: new Float32Array(d) });
  rmsnorm_forward!(py.at, rstd, px.at, px.stride, pg.at, pg.stride, m, d, EPS);
  rmsnorm_backward!(
    ...[pdx.at, 0, pdg.at, pdy.at, px.at, px.stride, rstd, pg.at, pg.stride, bench.floats(m), m, d],
  );
  const tolerance = { absolute: 3e-6 };
  const dx = centralDifferences((x) => loss(x, g.data), x.data);
  assertGradient(bench.unpack(pdx).data, dx, tolerance, "dx");
  const dg = centralDifferences((g) => loss(x.data, g), g.data);
  assertGradient(bench.unpack(pdg).data, dg, tolerance, "dg");
});
