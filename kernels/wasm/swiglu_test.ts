import {
  assertClose,
  assertGradient,
  assertSameBits,
  Bench,
  centralDifferences,
  f32,
  type Matrix,
  normalMatrix,
  sigmoid32,
} from "./testing.ts";

const bench = await Bench.create("pretrained");
const { swiglu_forward, swiglu_backward } = bench.kernels;

const SHAPES = [[4, 16, 1], [12, 48, 3], [20, 128, 0.01], [36, 32, 10], [52, 80, 100]] as const;

const exactSwiglu = (gate: number, up: number) => gate / (1 + Math.exp(-gate)) * up;

function forward(gate: Matrix, up: Matrix, gap: number) {
  bench.reset();
  const pg = bench.matrix(gate, gap), pu = bench.matrix(up, gap);
  const py = bench.space(gate.rows, gate.cols, gap);
  swiglu_forward!(py.at, pg.at, pu.at, py.stride, gate.rows, gate.cols);
  bench.check("swiglu_forward");
  assertSameBits(bench.unpack(pg).data, gate.data, "gate after swiglu_forward");
  assertSameBits(bench.unpack(pu).data, up.data, "up after swiglu_forward");
  return bench.unpack(py).data;
}

function backward(dy: Matrix, gate: Matrix, up: Matrix, gap: number) {
  bench.reset();
  const pdy = bench.matrix(dy, gap), pg = bench.matrix(gate, gap), pu = bench.matrix(up, gap);
  swiglu_backward!(pdy.at, pg.at, pu.at, pdy.stride, dy.rows, dy.cols);
  bench.check("swiglu_backward");
  return { dGate: bench.unpack(pg).data, dUp: bench.unpack(pu).data };
}

Deno.test("swiglu: operation by operation, to the bit, and near float64", () => {
  for (const [m, n, size] of SHAPES) {
    for (const gap of [0, 64, 208]) {
      const what = `swiglu ${m}x${n} of ${size} gap ${gap}`;
      const gate = normalMatrix(1, what, m, n, size), up = normalMatrix(2, what, m, n);
      const dy = normalMatrix(3, what, m, n);
      const y = forward(gate, up, gap), { dGate, dUp } = backward(dy, gate, up, gap);
      const expected = { y: y.slice(), dGate: y.slice(), dUp: y.slice() };
      gate.data.forEach((g, i) => {
        const s = sigmoid32(g), a = f32(g * s), u = up.data[i]!, d = dy.data[i]!;
        expected.y[i] = a * u;
        expected.dGate[i] = f32(d * u) * f32(s + f32(a * f32(1 - s)));
        expected.dUp[i] = d * a;
      });
      assertSameBits(y, expected.y, what);
      assertSameBits(dGate, expected.dGate, `${what}: gradient of the gate`);
      assertSameBits(dUp, expected.dUp, `${what}: gradient of up`);
      const exact = gate.data.map((g, i) => exactSwiglu(g, up.data[i]!));
      assertClose(y, exact, { relative: 2e-6, absolute: 1e-30 }, `${what} against float64`);
    }
  }
});

Deno.test("swiglu_backward is the gradient of swiglu_forward", () => {
  for (const [m, n, size] of SHAPES) {
    const what = `gradient of swiglu ${m}x${n} of ${size}`;
    const gate = normalMatrix(1, what, m, n, size), up = normalMatrix(2, what, m, n);
    const dy = normalMatrix(3, what, m, n), { dGate, dUp } = backward(dy, gate, up, 64);
    const slope = (f: (x: number) => number, x: number) =>
      centralDifferences(([x]) => f(x!), [x])[0]!;
    const tolerance = { relative: 1e-5, absolute: 1e-5 };
    const gates = Float64Array.from(
      gate.data,
      (g, i) => dy.data[i]! * slope((x) => exactSwiglu(x, up.data[i]!), g),
    );
    assertGradient(dGate, gates, tolerance, what);
    const ups = Float64Array.from(
      up.data,
      (u, i) => dy.data[i]! * slope((x) => exactSwiglu(gate.data[i]!, x), u),
    );
    assertGradient(dUp, ups, { relative: 1e-5, absolute: 1e-5 * size }, what);
  }
});

Deno.test("swiglu far out is the product, or 0", () => {
  const row = (data: Float32Array): Matrix => ({ rows: 1, cols: 16, data });
  const gate = new Float32Array(16).map((_, i) => (i % 2 ? -1 : 1) * 10 ** (i + 2));
  const up = new Float32Array(16).fill(3);
  const y = forward(row(gate), row(up), 64);
  assertClose(
    y,
    gate.map((g) => g > 0 ? 3 * g : 0),
    { relative: 1e-6, absolute: 1e-19 },
    "swiglu",
  );
});
