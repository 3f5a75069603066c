import {
  assertGradient,
  assertSameBits,
  Bench,
  centralDifferences,
  f32,
  type Matrix,
  normalMatrix,
} from "./testing.ts";

const bench = await Bench.create();
const { gemm_nn, gemm_tn } = bench.kernels;

/** init + A B, the products added one by one in the order of the reduction index. */
function referenceNN(a: Matrix, b: Matrix, init?: Matrix): Float32Array {
  const out = new Float32Array(a.rows * b.cols);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.cols; j++) {
      let sum = init ? init.data[i * b.cols + j]! : 0;
      for (let k = 0; k < a.cols; k++) {
        sum = f32(sum + f32(a.data[i * a.cols + k]! * b.data[k * b.cols + j]!));
      }
      out[i * b.cols + j] = sum;
    }
  }
  return out;
}

function transposed({ rows, cols, data }: Matrix): Matrix {
  const out = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) out[c * rows + r] = data[r * cols + c]!;
  }
  return { rows: cols, cols: rows, data: out };
}

const SHAPES = [
  [4, 16, 16],
  [12, 16, 48],
  [20, 48, 16],
  [36, 32, 80],
  [52, 112, 32],
  [256, 16, 32],
] as const;

Deno.test("gemm_nn adds init and products in order, to the bit", () => {
  for (const [m, k, n] of SHAPES) {
    for (const gap of [0, 64, 208]) {
      for (const mode of ["none", "other", "itself"]) {
        const what = `gemm_nn ${m}x${k}x${n} gap ${gap} init ${mode}`;
        bench.reset();
        const a = normalMatrix(1, what, m, k), b = normalMatrix(2, what, k, n);
        const init = mode === "none" ? undefined : normalMatrix(3, what, m, n);
        const pa = bench.matrix(a, gap), pb = bench.matrix(b, 64);
        // A third stride: the kernel must not take one operand's for another's.
        const pi = init && bench.matrix(init, mode === "itself" ? 32 : 128);
        const pc = mode === "itself" ? pi! : bench.space(m, n, 32);
        const args = [pc.at, pc.stride, pa.at, pa.stride, pb.at, pb.stride];
        gemm_nn!(...args, pi?.at ?? 0, pi?.stride ?? 0, m, k, n);
        bench.check(what);
        assertSameBits(bench.unpack(pc).data, referenceNN(a, b, init), what);
        assertSameBits(bench.unpack(pa).data, a.data, `${what}: A`);
      }
    }
  }
});

Deno.test("gemm_tn adds the products of rows in order to what is there, to the bit", () => {
  for (const [m, k, n] of SHAPES) {
    for (const gap of [0, 64, 208]) {
      const what = `gemm_tn ${m}x${k}x${n} gap ${gap}`;
      bench.reset();
      const a = normalMatrix(1, what, m, k), b = normalMatrix(2, what, m, n);
      const before = normalMatrix(3, what, k, n);
      const pa = bench.matrix(a, gap), pb = bench.matrix(b, 32), pc = bench.matrix(before, 64);
      gemm_tn!(pc.at, pc.stride, pa.at, pa.stride, pb.at, pb.stride, m, k, n);
      bench.check(what);
      assertSameBits(bench.unpack(pc).data, referenceNN(transposed(a), b, before), what);
    }
  }
});

Deno.test("gemm_tn and gemm_nn with W^T are the gradients of X W", () => {
  const m = 12, k = 16, n = 32;
  const x = normalMatrix(1, "x", m, k),
    w = normalMatrix(2, "w", k, n),
    dy = normalMatrix(3, "dy", m, n);
  const loss = (x: ArrayLike<number>, w: ArrayLike<number>) => {
    let sum = 0;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let y = 0;
        for (let c = 0; c < k; c++) y += x[i * k + c]! * w[c * n + j]!;
        // Not linear in y, so that the gradient depends on it; dL/dy = dy * 2 y.
        sum += dy.data[i * n + j]! * y * y;
      }
    }
    return sum;
  };
  bench.reset();
  const px = bench.matrix(x),
    pw = bench.matrix(w),
    pwt = bench.matrix(transposed(w)),
    py = bench.space(m, n);
  gemm_nn!(py.at, py.stride, px.at, px.stride, pw.at, pw.stride, 0, 0, m, k, n);
  const y = bench.unpack(py).data;
  const pdy = bench.matrix({ rows: m, cols: n, data: y.map((v, i) => 2 * v * dy.data[i]!) });
  const pdx = bench.space(m, k),
    pdw = bench.matrix({ rows: k, cols: n, data: new Float32Array(k * n) });
  gemm_nn!(pdx.at, pdx.stride, pdy.at, pdy.stride, pwt.at, pwt.stride, 0, 0, m, n, k);
  gemm_tn!(pdw.at, pdw.stride, px.at, px.stride, pdy.at, pdy.stride, m, k, n);
  const tolerance = { relative: 1e-5, absolute: 1e-4 };
  const dx = centralDifferences((x) => loss(x, w.data), x.data, { every: 3 });
  assertGradient(bench.unpack(pdx).data, dx, tolerance, "dX");
  const dw = centralDifferences((w) => loss(x.data, w), w.data, { every: 7 });
  assertGradient(bench.unpack(pdw).data, dw, tolerance, "dW");
});
