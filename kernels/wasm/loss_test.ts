import {
  assertClose,
  assertGradient,
  assertSameBits,
  Bench,
  centralDifferences,
  exp32,
  f32,
  log32,
  type Matrix,
  normalMatrix,
  randomIntegers,
  sumLanes,
} from "./testing.ts";

const bench = await Bench.create();

// Rows and classes; the logits' spread.
const SHAPES = [[4, 1, 1], [12, 21, 3], [20, 16, 30], [36, 190, 5], [5, 51, 1], [
  8,
  33,
  80,
]] as const;
const SCALE = f32(1 / 7.3);

/** Weights, of which every fourth is 0. */
const weightsOf = (what: string, m: number) =>
  normalMatrix(9, what, 1, m).data.map((w, i) => i % 4 === 1 ? 0 : Math.abs(w) + 0.1);

/** Rows that sum to about 1. */
function distributions(what: string, m: number, n: number): Float32Array {
  const p = normalMatrix(8, what, m, n).data.map((x) => x * x);
  for (let i = 0; i < m; i++) {
    const row = p.subarray(i * n, (i + 1) * n);
    const sum = row.reduce((s, x) => s + x, 0);
    row.forEach((x, k) => row[k] = x / sum);
  }
  return p;
}

/** The row's largest entry, exp(x - top), and their sum: panel by panel in 16 lanes, which are then added. */
function expRow(row: Float32Array) {
  const top = Math.max(...row), lanes = new Float32Array(16);
  const e = row.map((x, k) => {
    const value = exp32(f32(x - top));
    lanes[k & 15] = lanes[k & 15]! + value;
    return value;
  });
  return { top, e, sum: sumLanes(lanes) };
}

/** What a kernel computes, and what the same loss is in float64. */
interface Case {
  readonly run: (x: Matrix, gap?: number) => { loss: Float32Array; dx: Float32Array };
  readonly expected: (x: Matrix) => { loss: Float32Array; dx: Float32Array };
  /** Loss of each row, weighted. */
  readonly exact: (x: ArrayLike<number>) => number[];
}

/** Runs a kernel on logits, its padding full of what a matrix product may leave there. */
function runOn(
  kernel: string,
  targets: (b: Bench) => number,
  weights: Float32Array,
  width: number,
) {
  return (x: Matrix, gap = 64) => {
    bench.reset();
    const px = bench.matrix(x, gap, 1e6), loss = bench.floats(x.rows);
    bench.kernels[kernel]!(
      loss,
      px.at,
      px.stride,
      targets(bench),
      bench.floats(weights),
      SCALE,
      x.rows,
      width,
    );
    bench.check(kernel);
    const { data, cols } = bench.unpack(px);
    const dx = new Float32Array(x.data.length);
    data.forEach((value, i) => {
      const r = Math.floor(i / cols), c = i % cols;
      if (c < width) dx[r * width + c] = value;
      else assertSameBits([value + 0], [0], `${kernel}: padding of row ${r}`);
    });
    return { loss: bench.read(loss, x.rows).slice(), dx };
  };
}

const logSumExp = (row: number[]) => {
  const top = Math.max(...row);
  return top + Math.log(row.reduce((s, x) => s + Math.exp(x - top), 0));
};
const rowOf = (x: ArrayLike<number>, i: number, n: number) =>
  Array.from({ length: n }, (_, k) => x[i * n + k]!);

function crossEntropy(what: string, m: number, n: number): Case {
  const weights = weightsOf(what, m), targets = randomIntegers(2, what, m, n);
  return {
    run: runOn("cross_entropy", (b) => b.integers(targets), weights, n),
    expected: ({ data }) => {
      const loss = new Float32Array(m), dx = new Float32Array(m * n);
      for (let i = 0; i < m; i++) {
        const w = weights[i]!, t = targets[i]!;
        if (w === 0) continue;
        const row = data.subarray(i * n, (i + 1) * n), { top, e, sum } = expRow(row);
        loss[i] = w * f32(f32(top - row[t]!) + log32(sum));
        const k = f32(f32(w * SCALE) / sum);
        e.forEach((v, c) => dx[i * n + c] = v * k);
        dx[i * n + t] = dx[i * n + t]! - f32(w * SCALE);
      }
      return { loss, dx };
    },
    exact: (x) =>
      Array.from(weights, (w, i) => w * (logSumExp(rowOf(x, i, n)) - x[i * n + targets[i]!]!)),
  };
}

function softCrossEntropy(what: string, m: number, n: number): Case {
  const weights = weightsOf(what, m), p = distributions(what, m, n);
  return {
    run: runOn("soft_cross_entropy", (b) => b.floats(p), weights, n),
    expected: ({ data }) => {
      const loss = new Float32Array(m), dx = new Float32Array(m * n);
      for (let i = 0; i < m; i++) {
        const w = weights[i]!;
        if (w === 0) continue;
        const row = data.subarray(i * n, (i + 1) * n), { top, e, sum } = expRow(row);
        const dot = row.reduce((s, x, k) => f32(s + f32(p[i * n + k]! * x)), 0);
        loss[i] = w * f32(f32(top + log32(sum)) - dot);
        const k = f32(f32(w * SCALE) / sum);
        e.forEach((v, c) => dx[i * n + c] = f32(v * k) - f32(f32(w * SCALE) * p[i * n + c]!));
      }
      return { loss, dx };
    },
    // The target may sum to 1 +- 1e-7: the loss is linear in it, its gradient takes the sum for 1.
    exact: (x) =>
      Array.from(weights, (w, i) => {
        const row = rowOf(x, i, n);
        return w * (logSumExp(row) - row.reduce((s, v, k) => s + p[i * n + k]! * v, 0));
      }),
  };
}

function squaredError(what: string, m: number, n: number): Case {
  const weights = weightsOf(what, m), y = normalMatrix(8, what, m, n).data;
  return {
    run: runOn("squared_error", (b) => b.floats(y), weights, n),
    expected: ({ data }) => {
      const loss = new Float32Array(m), dx = new Float32Array(m * n);
      for (let i = 0; i < m; i++) {
        const w = weights[i]!;
        if (w === 0) continue;
        let sum = 0;
        for (let k = i * n; k < (i + 1) * n; k++) {
          const d = f32(data[k]! - y[k]!);
          sum = f32(sum + f32(d * d));
          dx[k] = f32(w * SCALE) * f32(d + d);
        }
        loss[i] = w * sum;
      }
      return { loss, dx };
    },
    exact: (x) =>
      Array.from(
        weights,
        (w, i) => w * rowOf(x, i, n).reduce((s, v, k) => s + (v - y[i * n + k]!) ** 2, 0),
      ),
  };
}

for (
  const [name, make] of Object.entries({
    cross_entropy: crossEntropy,
    soft_cross_entropy: softCrossEntropy,
    squared_error: squaredError,
  })
) {
  Deno.test(`${name}: documented order, to the bit, and near float64`, () => {
    for (const [m, n, spread] of SHAPES) {
      for (const gap of [0, 64, 208]) {
        const what = `${name} ${m}x${n} spread ${spread} gap ${gap}`;
        const x = normalMatrix(1, what, m, n, spread);
        const c = make(what, m, n), actual = c.run(x, gap), expected = c.expected(x);
        assertSameBits(actual.loss, expected.loss, `${what}: loss`);
        assertSameBits(actual.dx, expected.dx, `${what}: gradient`);
        const tolerance = { relative: 1e-5, absolute: 1e-6 * spread };
        assertClose(actual.loss, c.exact(x.data), tolerance, `${what}: loss against float64`);
      }
    }
  });

  Deno.test(`${name} gives the gradient of scale * sum of losses`, () => {
    for (const [m, n, spread] of SHAPES) {
      const what = `${name} ${m}x${n} spread ${spread}`;
      const x = normalMatrix(1, what, m, n, spread);
      const c = make(what, m, n);
      const total = (x: ArrayLike<number>) => SCALE * c.exact(x).reduce((a, b) => a + b, 0);
      const expected = centralDifferences(total, x.data, {
        every: m * n > 200 ? 61 : 1,
        step: 1e-4,
      });
      assertGradient(c.run(x).dx, expected, { relative: 1e-4, absolute: 1e-6 * spread }, what);
    }
  });
}

Deno.test("cross-entropies of far apart logits stay finite and exact", () => {
  const x: Matrix = {
    rows: 1,
    cols: 16,
    data: new Float32Array(16).map((_, i) => i === 3 ? 1e4 : -1e4 * i),
  };
  const one = Float32Array.of(1);
  for (const [target, loss] of [[3, 0], [5, 6e4]] as const) {
    const hard = runOn("cross_entropy", (b) => b.integers([target]), one, 16)(x);
    const p = Float32Array.from({ length: 16 }, (_, i) => i === target ? 1 : 0);
    const soft = runOn("soft_cross_entropy", (b) => b.floats(p), one, 16)(x);
    for (const { loss: actual, dx } of [hard, soft]) {
      assertSameBits(actual, [loss], `loss of target ${target}`);
      // exp never gives 0 (simd.ts), but what it gives in place of it is nothing next to 1.
      const expected = Float32Array.from(
        { length: 16 },
        (_, i) => SCALE * (Number(i === 3) - Number(i === target)),
      );
      assertClose(dx, expected, { absolute: 1e-37 }, `gradient of target ${target}`);
    }
  }
});
