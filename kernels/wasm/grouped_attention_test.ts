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
  type Panels,
} from "./testing.ts";

const bench = await Bench.create("pretrained");
const { gqa_forward, gqa_backward, gqa_decode, gqa_prefill } = bench.kernels;

interface Shape {
  readonly sequences: number;
  readonly length: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

// Groups of 1, 2, 3, 4, 5 and 7 heads; lengths below, at and above whole panels.
const SHAPES: Shape[] = [
  { sequences: 1, length: 4, heads: 1, kvHeads: 1, headDim: 16 },
  { sequences: 3, length: 12, heads: 4, kvHeads: 2, headDim: 16 },
  { sequences: 2, length: 20, heads: 9, kvHeads: 3, headDim: 32 },
  { sequences: 2, length: 36, heads: 5, kvHeads: 1, headDim: 48 },
  { sequences: 1, length: 52, heads: 14, kvHeads: 2, headDim: 16 },
  { sequences: 1, length: 64, heads: 4, kvHeads: 1, headDim: 64 },
  { sequences: 1, length: 16, heads: 2, kvHeads: 2, headDim: 128 },
];

interface Operands {
  readonly q: Matrix;
  readonly k: Matrix;
  readonly v: Matrix;
  readonly dout: Matrix;
}

function operands(what: string, s: Shape, scale = 1): Operands {
  const rows = s.sequences * s.length, wide = s.heads * s.headDim, narrow = s.kvHeads * s.headDim;
  return {
    q: normalMatrix(1, what, rows, wide, scale),
    k: normalMatrix(2, what, rows, narrow, scale),
    v: normalMatrix(3, what, rows, narrow),
    dout: normalMatrix(4, what, rows, wide),
  };
}

/** Calls `each` for every query of every head of every sequence, in order, with the places of its numbers and of its keys'. */
function eachQuery(s: Shape, each: (own: number, keys: number[]) => void) {
  for (let b = 0; b < s.sequences; b++) {
    for (let h = 0; h < s.heads; h++) {
      for (let t = 0; t < s.length; t++) {
        const shared = Math.floor(h * s.kvHeads / s.heads), row = b * s.length;
        const keys = Array.from(
          { length: t + 1 },
          (_, key) => ((row + key) * s.kvHeads + shared) * s.headDim,
        );
        each(((row + t) * s.heads + h) * s.headDim, keys);
      }
    }
  }
}

/** Products of two vectors of headDim numbers, added in order; those of the first times `scale`. */
function dot(
  { headDim }: Shape,
  a: ArrayLike<number>,
  i: number,
  b: ArrayLike<number>,
  j: number,
  round: (x: number) => number,
  scale = 1,
): number {
  let sum = 0;
  for (let c = 0; c < headDim; c++) sum = round(sum + round(round(a[i + c]! * scale) * b[j + c]!));
  return sum;
}

/** The forward pass in float32 (`round` = f32) or float64 (`round` = identity). */
function reference(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  s: Shape,
  round: (x: number) => number,
  exp: (x: number) => number,
  log: (x: number) => number,
) {
  const scale = round(1 / round(Math.sqrt(s.headDim)));
  const o = new Float64Array(q.length), lse: number[] = [];
  eachQuery(s, (own, keys) => {
    const scores = keys.map((key) => dot(s, q, own, k, key, round, scale));
    const top = Math.max(...scores), e = scores.map((x) => exp(round(x - top)));
    const z = e.reduce((sum, x) => round(sum + x), 0), inverse = round(1 / z);
    lse.push(round(top + log(z)));
    for (let c = 0; c < s.headDim; c++) {
      const sum = keys.reduce((sum, key, j) => round(sum + round(e[j]! * v[key + c]!)), 0);
      o[own + c] = round(sum * inverse);
    }
  });
  return { o, lse };
}

/** dq, dk and dv in float32: heads of a group one after the other, and within each blocks of 16 queries in order. */
function referenceBackward({ q, k, v, dout }: Operands, lse: ArrayLike<number>, s: Shape) {
  const scale = f32(1 / f32(Math.sqrt(s.headDim)));
  const dq = new Float32Array(q.data.length);
  const dk = new Float32Array(k.data.length), dv = new Float32Array(v.data.length);
  let row = 0;
  eachQuery(s, (own, keys) => {
    const log = lse[row++]!;
    const p = keys.map((key) => exp32(f32(dot(s, q.data, own, k.data, key, f32, scale) - log)));
    const dp = keys.map((key) => dot(s, v.data, key, dout.data, own, f32));
    const mean = dp.reduce((sum, x, j) => f32(sum + f32(p[j]! * x)), 0);
    keys.forEach((key, j) => {
      const ds = f32(f32(p[j]! * scale) * f32(dp[j]! - mean));
      const add = (to: Float32Array, i: number, x: number) => to[i] = to[i]! + f32(x);
      for (let c = 0; c < s.headDim; c++) {
        add(dq, own + c, ds * k.data[key + c]!);
        add(dk, key + c, ds * q.data[own + c]!);
        add(dv, key + c, p[j]! * dout.data[own + c]!);
      }
    });
  });
  return { dq, dk, dv };
}

/** Both passes on the kernels. */
function run({ q, k, v, dout }: Operands, s: Shape, gap = 64) {
  bench.reset();
  const dims = [s.sequences, s.length, s.heads, s.kvHeads, s.headDim];
  const [pq, pk, pv] = [q, k, v].map((x) => bench.matrix(x, gap)) as [Panels, Panels, Panels];
  const po = bench.space(q.rows, q.cols, gap), rows = s.sequences * s.heads * s.length;
  const lse = bench.floats(rows), scratch = bench.floats(32 * (s.headDim + s.length));
  gqa_forward!(po.at, lse, pq.at, pk.at, pv.at, pq.stride, scratch, ...dims);
  bench.check("gqa_forward");
  const pdo = bench.matrix(dout, gap);
  const gradients = [q, k, v].map((x) => bench.matrix(constant(x, 7), gap));
  const other = bench.floats(32 * (s.headDim + s.length));
  gqa_backward!(
    ...[...gradients.map((x) => x.at), pdo.at, lse, pq.at, pk.at, pv.at, pq.stride, other, ...dims],
  );
  bench.check("gqa_backward");
  const [dQ, dK, dV] = gradients.map((x) => bench.unpack(x).data) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  return { o: bench.unpack(po).data, lse: bench.read(lse, rows).slice(), dQ, dK, dV };
}

/** A matrix of this shape that is `value` everywhere. */
const constant = (x: Matrix, value: number): Matrix => ({ ...x, data: x.data.map(() => value) });

Deno.test("grouped attention: documented order, to the bit, and near float64", () => {
  for (const s of SHAPES) {
    for (const [scale, gap] of [[1, 64], [4, 0], [0.1, 208]] as const) {
      const what = `grouped attention ${JSON.stringify(s)} scale ${scale} gap ${gap}`;
      const given = operands(what, s, scale), { q, k, v } = given;
      const actual = run(given, s, gap);
      const expected = reference(q.data, k.data, v.data, s, f32, exp32, log32);
      assertSameBits(actual.o, expected.o, what);
      assertSameBits(actual.lse, expected.lse, `${what}: log of sums`);
      const { dq, dk, dv } = referenceBackward(given, expected.lse, s);
      // 0 and -0 both mean that nothing was added: a hidden key's term may have either sign.
      const positive = (x: Float32Array) => x.map((v) => v + 0);
      assertSameBits(positive(actual.dQ), positive(dq), `${what}: dq`);
      assertSameBits(positive(actual.dK), positive(dk), `${what}: dk`);
      assertSameBits(positive(actual.dV), positive(dv), `${what}: dv`);
      const exact = reference(q.data, k.data, v.data, s, (x) => x, Math.exp, Math.log);
      const tolerance = { absolute: 1e-5 * Math.max(1, scale) };
      assertClose(actual.o, exact.o, tolerance, `${what} against float64`);
    }
  }
});

Deno.test("gqa_backward is the gradient of gqa_forward", () => {
  for (const s of SHAPES) {
    const what = `gradient of grouped attention ${JSON.stringify(s)}`;
    const given = operands(what, s), { q, k, v, dout } = given, actual = run(given, s);
    const loss = (q: ArrayLike<number>, k: ArrayLike<number>, v: ArrayLike<number>) =>
      reference(q, k, v, s, (x) => x, Math.exp, Math.log).o
        .reduce((sum, o, i) => sum + o * dout.data[i]!, 0);
    const check = (x: Matrix, f: (x: Float64Array) => number, gradient: Float32Array) => {
      const every = Math.floor(x.data.length / 3) | 1;
      const expected = centralDifferences(f, x.data, { every });
      assertGradient(gradient, expected, { absolute: 2e-5, relative: 1e-5 }, what);
    };
    check(q, (x) => loss(x, k.data, v.data), actual.dQ);
    check(k, (x) => loss(q.data, x, v.data), actual.dK);
    check(v, (x) => loss(q.data, k.data, x), actual.dV);
  }
});

Deno.test("gqa_decode gives the bits of gqa_forward, whatever the cache held and however it was filled", () => {
  for (const s of SHAPES) {
    // Keys and values beyond the last hold NaN in a new cache, and another sequence's in a used one.
    for (const [room, stale, prompt] of [[0, NaN, 0], [16, NaN, 4], [0, 30, 8], [16, -30, 12]]) {
      const what = `gqa_decode ${JSON.stringify(s)} room ${room} stale ${stale} prompt ${prompt}`;
      const given = operands(what, s, 2), { q, k, v } = given, expected = run(given, s).o;
      const { sequences: rows, length, heads, kvHeads, headDim } = s;
      bench.reset();
      const capacity = Math.ceil(length / 16) * 16 + room!;
      const size = kvHeads * 2 * capacity * headDim;
      const cache = bench.floats(new Float32Array(rows * size).fill(stale!));
      const scratch = bench.floats(4 * (capacity + headDim + 16));
      // Row 0 starts without a prompt, the others after `prompt` tokens: every row has a place of its own.
      const start = Array.from({ length: rows }, (_, i) => i === 0 ? 0 : Math.min(prompt!, length));
      start.forEach((m, row) => {
        if (m === 0) return;
        const rowsOf = (x: Matrix) => {
          const from = row * length * x.cols;
          return bench.matrix({
            rows: m,
            cols: x.cols,
            data: x.data.slice(from, from + m * x.cols),
          });
        };
        const pk = rowsOf(k), pv = rowsOf(v);
        gqa_prefill!(
          cache + row * size * 4,
          pk.at,
          pv.at,
          pk.stride,
          m,
          capacity,
          kvHeads,
          headDim,
        );
      });
      bench.check(`${what}: prefill`);
      const po = bench.space(rows, heads * headDim), filledAt = bench.integers(rows);
      for (let step = 0; step < length; step++) {
        const places = start.map((m) => Math.min(m + step, length - 1));
        const at = (x: Matrix) => {
          const data = new Float32Array(rows * x.cols);
          places.forEach((t, row) => {
            const from = (row * length + t) * x.cols;
            data.set(x.data.subarray(from, from + x.cols), row * x.cols);
          });
          return data;
        };
        const [pq, pk, pv] = [q, k, v].map((x) => bench.matrix({ ...x, rows, data: at(x) })) as [
          Panels,
          Panels,
          Panels,
        ];
        bench.readIntegers(filledAt, rows).set(places);
        gqa_decode!(
          ...[po.at, cache, pq.at, pk.at, pv.at, pq.stride, filledAt, scratch],
          ...[rows, capacity, heads, kvHeads, headDim],
        );
        const o = { ...q, data: Float32Array.from(expected) };
        assertSameBits(bench.unpack(po).data, at(o), `${what}: step ${step}`);
      }
      bench.check(what);
    }
  }
});
