import torch from "./testdata/gru.json" with { type: "json" };
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
  tanh32,
} from "./testing.ts";

const bench = await Bench.create();
const { gru_forward, gru_backward } = bench.kernels;

interface Shape {
  readonly sequences: number;
  readonly length: number;
  readonly d: number;
}

const SHAPES: Shape[] = [
  { sequences: 1, length: 1, d: 16 },
  { sequences: 4, length: 4, d: 16 },
  { sequences: 3, length: 20, d: 48 },
  { sequences: 5, length: 17, d: 32 },
  { sequences: 9, length: 3, d: 64 },
];

/** Elementary functions and rounding: float32 as the kernel's, or float64. */
interface Arithmetic {
  readonly round: (x: number) => number;
  readonly sigmoid: (x: number) => number;
  readonly tanh: (x: number) => number;
}

const FLOAT32: Arithmetic = { round: f32, sigmoid: sigmoid32, tanh: tanh32 };
const FLOAT64: Arithmetic = {
  round: (x) => x,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
};

/** The forward pass by its formulas, sums in the order of the state's elements. x is (rows, 3 d), u is (d, 3 d). */
function reference(
  x: ArrayLike<number>,
  u: ArrayLike<number>,
  { sequences, length, d }: Shape,
  { round, sigmoid, tanh }: Arithmetic,
) {
  const rows = sequences * length, make = (cols: number) => new Float64Array(rows * cols);
  const h = make(d), previous = make(d), q = make(d), gates = make(3 * d);
  for (let row = 0; row < rows; row++) {
    const state = row % length === 0 ? new Float64Array(d) : h.slice((row - 1) * d, row * d);
    const products = Array.from({ length: 3 * d }, (_, c) => {
      let sum = 0;
      for (let k = 0; k < d; k++) sum = round(sum + round(state[k]! * u[k * 3 * d + c]!));
      return sum;
    });
    for (let c = 0; c < d; c++) {
      const at = row * 3 * d + c, i = row * d + c;
      const r = sigmoid(round(x[at]! + products[c]!));
      const z = sigmoid(round(x[at + d]! + products[d + c]!));
      const n = tanh(round(x[at + 2 * d]! + round(r * products[2 * d + c]!)));
      gates[at] = r;
      gates[at + d] = z;
      gates[at + 2 * d] = n;
      q[i] = products[2 * d + c]!;
      previous[i] = state[c]!;
      h[i] = round(round(round(1 - z) * n) + round(z * state[c]!));
    }
  }
  return { h, previous, q, gates };
}

/** dx and dp in float32 by the formulas of assembly/gru.ts; sums start from g z and go through dp in order. */
function referenceBackward(
  dh: ArrayLike<number>,
  u: ArrayLike<number>,
  { h: _, previous, q, gates }: ReturnType<typeof reference>,
  { sequences, length, d }: Shape,
) {
  const dx = new Float32Array(gates.length), dp = new Float32Array(gates.length);
  for (let s = 0; s < sequences; s++) {
    let carry = new Float32Array(d);
    for (let t = length - 1; t >= 0; t--) {
      const row = s * length + t, next = new Float32Array(d);
      for (let c = 0; c < d; c++) {
        const at = row * 3 * d + c, i = row * d + c;
        const [r, z, n] = [gates[at]!, gates[at + d]!, gates[at + 2 * d]!];
        const g = f32(dh[i]! + carry[c]!);
        const dn = f32(f32(g * f32(1 - z)) * f32(1 - f32(n * n)));
        const dz = f32(f32(g * f32(previous[i]! - n)) * f32(z * f32(1 - z)));
        const dr = f32(f32(dn * q[i]!) * f32(r * f32(1 - r)));
        dx.set([dr], at);
        dx.set([dz], at + d);
        dx.set([dn], at + 2 * d);
        dp.set([dr], at);
        dp.set([dz], at + d);
        dp.set([dn * r], at + 2 * d);
        next[c] = g * z;
      }
      for (let k = 0; k < d; k++) {
        for (let c = 0; c < 3 * d; c++) {
          next[k] = next[k]! + f32(dp[row * 3 * d + c]! * u[k * 3 * d + c]!);
        }
      }
      carry = next;
    }
  }
  return { dx, dp };
}

function transposed({ rows, cols, data }: Matrix): Matrix {
  return {
    rows: cols,
    cols: rows,
    data: Float32Array.from(
      { length: rows * cols },
      (_, i) => data[(i % rows) * cols + Math.floor(i / rows)]!,
    ),
  };
}

/** a^T b in float64. */
function product(a: Matrix, b: Matrix): Float64Array {
  const out = new Float64Array(a.cols * b.cols);
  for (let r = 0; r < a.rows; r++) {
    for (let i = 0; i < a.cols; i++) {
      for (let j = 0; j < b.cols; j++) {
        out[i * b.cols + j]! += a.data[r * a.cols + i]! * b.data[r * b.cols + j]!;
      }
    }
  }
  return out;
}

/** Both passes on the kernels. */
function run(x: Matrix, u: Matrix, dh: Matrix, { sequences, length, d }: Shape, gap = 64) {
  bench.reset();
  const rows = sequences * length;
  const px = bench.matrix(x, gap), pu = bench.matrix(u, 64);
  const [h, previous, q] = [0, 1, 2].map(() => bench.space(rows, d, gap));
  const dims = [sequences, length, d];
  gru_forward!(
    ...[h!.at, previous!.at, q!.at, px.at, px.stride, pu.at, pu.stride, bench.floats(16 * d)],
    ...dims,
  );
  bench.check("gru_forward");
  const gates = bench.unpack(px), dp = bench.space(rows, 3 * d, gap), pdh = bench.matrix(dh, gap);
  const ut = bench.matrix(transposed(u), 128);
  gru_backward!(
    ...[px.at, px.stride, dp.at, pdh.at, previous!.at, q!.at, ut.at, ut.stride],
    ...[bench.floats(16 * d), ...dims],
  );
  bench.check("gru_backward");
  const [outH, outPrevious, outQ] = [h!, previous!, q!].map((p) => bench.unpack(p));
  return {
    ...{ h: outH!, previous: outPrevious!, q: outQ!, gates },
    ...{ dx: bench.unpack(px), dp: bench.unpack(dp) },
  };
}

function operands(what: string, { sequences, length, d }: Shape, scale: number) {
  const rows = sequences * length;
  return {
    x: normalMatrix(1, what, rows, 3 * d, scale),
    u: normalMatrix(2, what, d, 3 * d, 1 / Math.sqrt(d)),
    dh: normalMatrix(3, what, rows, d),
  };
}

Deno.test("GRU: documented order, to the bit, and near float64", () => {
  for (const s of SHAPES) {
    for (const [scale, gap] of [[1, 64], [10, 0], [0.1, 208]] as const) {
      const what = `gru ${JSON.stringify(s)} scale ${scale} gap ${gap}`;
      const { x, u, dh } = operands(what, s, scale);
      const actual = run(x, u, dh, s, gap);
      const expected = reference(x.data, u.data, s, FLOAT32);
      for (const name of ["h", "previous", "q", "gates"] as const) {
        assertSameBits(actual[name].data, expected[name], `${what}: ${name}`);
      }
      const { dx, dp } = referenceBackward(dh.data, u.data, expected, s);
      assertSameBits(actual.dx.data, dx, `${what}: dx`);
      assertSameBits(actual.dp.data, dp, `${what}: dp`);
      const exact = reference(x.data, u.data, s, FLOAT64).h;
      assertClose(actual.h.data, exact, { absolute: 3e-6 }, `${what} against float64`);
    }
  }
});

Deno.test("gru_backward is the gradient of gru_forward", () => {
  for (const s of SHAPES) {
    const what = `gradient of gru ${JSON.stringify(s)}`;
    const { x, u, dh } = operands(what, s, 1);
    const actual = run(x, u, dh, s);
    const loss = (x: ArrayLike<number>, u: ArrayLike<number>) =>
      reference(x, u, s, FLOAT64).h.reduce((sum, h, i) => sum + h * dh.data[i]!, 0);
    const tolerance = { absolute: 1e-5, relative: 1e-5 };
    // About forty entries of each, in all columns in turn.
    const every = (m: Matrix) => Math.floor(m.data.length / 40) | 1;
    const dx = centralDifferences((x) => loss(x, u.data), x.data, { every: every(x) });
    assertGradient(actual.dx.data, dx, tolerance, `${what}: dx`);
    const du = centralDifferences((u) => loss(x.data, u), u.data, { every: every(u) });
    assertGradient(
      Float32Array.from(product(actual.previous, actual.dp)),
      du,
      tolerance,
      `${what}: dU`,
    );
  }
});

Deno.test("a sequence's states depend neither on its neighbours nor on what follows", () => {
  const s = { sequences: 7, length: 9, d: 32 };
  const { x, u, dh } = operands("neighbours", s, 1);
  const { h } = run(x, u, dh, s);
  for (const b of [0, 3, 4, 6]) {
    const length = 5, from = b * s.length;
    const part = (m: Matrix) => ({
      ...m,
      rows: length,
      data: m.data.slice(from * m.cols, (from + length) * m.cols),
    });
    const alone = run(part(x), u, part(dh), { ...s, sequences: 1, length });
    assertSameBits(alone.h.data, part(h).data, `sequence ${b}`);
  }
});

// testdata/gru.json holds what make_gru.py beside it computed with nn.GRU(bias=False) in float64.
Deno.test("outputs and gradients are those of PyTorch's nn.GRU", () => {
  const { sequences, length, d } = torch, rows = sequences * length;
  const matrix = (rows: number, cols: number, data: number[]): Matrix => ({
    rows,
    cols,
    data: Float32Array.from(data),
  });
  const input = matrix(rows, d, torch.x);
  // PyTorch keeps weights as (out, in).
  const wIh = matrix(3 * d, d, torch.wIh), u = transposed(matrix(3 * d, d, torch.wHh));
  const x = {
    ...matrix(rows, 3 * d, []),
    data: Float32Array.from(product(transposed(input), transposed(wIh))),
  };
  const actual = run(x, u, matrix(rows, d, torch.dh), torch);
  const tolerance = { absolute: 2e-6, relative: 2e-6 };
  assertClose(actual.h.data, torch.h, tolerance, "h");
  assertClose(product(transposed(actual.dx), wIh), torch.dx, tolerance, "gradient of the input");
  assertClose(product(actual.dx, input), torch.dWIh, tolerance, "gradient of W_ih");
  assertClose(product(actual.dp, actual.previous), torch.dWHh, tolerance, "gradient of W_hh");
});
