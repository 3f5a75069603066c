import {
  assertClose,
  assertGradient,
  assertSameBits,
  Bench,
  centralDifferences,
  exp32,
  f32,
  type Matrix,
  normalMatrix,
} from "./testing.ts";

const bench = await Bench.create();
const { attention_forward, attention_backward, attention_decode } = bench.kernels;

interface Shape {
  readonly sequences: number;
  readonly length: number;
  readonly heads: number;
  readonly headDim: number;
}

const SHAPES: Shape[] = [
  { sequences: 1, length: 4, heads: 1, headDim: 16 },
  { sequences: 3, length: 12, heads: 2, headDim: 16 },
  { sequences: 2, length: 20, heads: 3, headDim: 32 },
  { sequences: 2, length: 36, heads: 1, headDim: 48 },
  { sequences: 1, length: 52, heads: 2, headDim: 16 },
  { sequences: 1, length: 64, heads: 1, headDim: 32 },
];

/** Where head h of token t of sequence b stands in row-major q, k, v or o, whose rows are `width` long. */
const at = ({ length, headDim }: Shape, width: number, b: number, t: number, h: number) =>
  (b * length + t) * width + h * headDim;

/**
 * The forward pass in float32 (`round` = f32) or float64 (`round` = identity): scores from scaled queries,
 * softmax with the keys in order, each output the products in order of the keys.
 */
function reference(
  qkv: ArrayLike<number>,
  s: Shape,
  round: (x: number) => number,
  exp: (x: number) => number,
) {
  const d = s.heads * s.headDim, scale = round(1 / round(Math.sqrt(s.headDim)));
  const o = new Float64Array(s.sequences * s.length * d);
  const probabilities: number[][] = [];
  for (let b = 0; b < s.sequences; b++) {
    for (let h = 0; h < s.heads; h++) {
      for (let t = 0; t < s.length; t++) {
        const q = at(s, 3 * d, b, t, h);
        const scores = Array.from({ length: t + 1 }, (_, key) => {
          const k = at(s, 3 * d, b, key, h) + d;
          let sum = 0;
          for (let c = 0; c < s.headDim; c++) {
            sum = round(sum + round(round(qkv[q + c]! * scale) * qkv[k + c]!));
          }
          return sum;
        });
        const top = Math.max(...scores);
        const e = scores.map((x) => exp(round(x - top)));
        const inverse = round(1 / e.reduce((a, b) => round(a + b), 0));
        const p = e.map((x) => round(x * inverse));
        probabilities.push(p);
        const out = at(s, d, b, t, h);
        p.forEach((p, key) => {
          const v = at(s, 3 * d, b, key, h) + 2 * d;
          for (let c = 0; c < s.headDim; c++) {
            o[out + c] = round(o[out + c]! + round(p * qkv[v + c]!));
          }
        });
      }
    }
  }
  return { o, probabilities };
}

/** dqkv in float32, from the probabilities of `reference`: sums over keys and over queries in their order. */
function referenceBackward(
  dout: Float32Array,
  qkv: Float32Array,
  probabilities: number[][],
  s: Shape,
): Float32Array {
  const d = s.heads * s.headDim, scale = f32(1 / f32(Math.sqrt(s.headDim)));
  const dqkv = new Float32Array(qkv.length);
  const add = (i: number, x: number) => dqkv[i] = dqkv[i]! + f32(x);
  let row = 0;
  for (let b = 0; b < s.sequences; b++) {
    for (let h = 0; h < s.heads; h++) {
      for (let t = 0; t < s.length; t++) {
        const p = probabilities[row++]!, q = at(s, 3 * d, b, t, h), out = at(s, d, b, t, h);
        const keys = p.map((_, key) => at(s, 3 * d, b, key, h) + d);
        const dp = keys.map((k) => {
          let sum = 0;
          for (let c = 0; c < s.headDim; c++) {
            sum = f32(sum + f32(qkv[k + d + c]! * dout[out + c]!));
          }
          return sum;
        });
        const mean = dp.reduce((sum, x, key) => f32(sum + f32(p[key]! * x)), 0);
        keys.forEach((k, key) => {
          const ds = f32(f32(p[key]! * scale) * f32(dp[key]! - mean));
          for (let c = 0; c < s.headDim; c++) {
            add(q + c, ds * qkv[k + c]!);
            add(k + c, ds * qkv[q + c]!);
            add(k + d + c, p[key]! * dout[out + c]!);
          }
        });
      }
    }
  }
  return dqkv;
}

/** Both passes on the kernels. */
function run(qkv: Matrix, dout: Matrix, s: Shape, gap = 64) {
  bench.reset();
  const { sequences, length, heads, headDim } = s, dims = [sequences, length, heads, headDim];
  const px = bench.matrix(qkv, gap), po = bench.space(qkv.rows, heads * headDim, gap);
  const p = bench.floats(sequences * heads * Math.ceil(length / 16) * 16 * length);
  const scratch = bench.floats((headDim + length) * 16);
  attention_forward!(po.at, p, px.at, px.stride, scratch, ...dims);
  bench.check("attention_forward");
  const pdo = bench.matrix(dout, gap), pdx = bench.space(qkv.rows, qkv.cols, gap);
  const other = bench.floats((headDim + length) * 16);
  attention_backward!(pdx.at, pdo.at, p, px.at, px.stride, other, ...dims);
  bench.check("attention_backward");
  return { o: bench.unpack(po).data, dqkv: bench.unpack(pdx).data };
}

function operands(what: string, { sequences, length, heads, headDim }: Shape, scale: number) {
  const rows = sequences * length, d = heads * headDim;
  return { qkv: normalMatrix(1, what, rows, 3 * d, scale), dout: normalMatrix(2, what, rows, d) };
}

Deno.test("attention: documented order, to the bit, and near float64", () => {
  for (const s of SHAPES) {
    for (const [scale, gap] of [[1, 64], [4, 0], [0.1, 208]] as const) {
      const what = `attention ${JSON.stringify(s)} scale ${scale} gap ${gap}`;
      const { qkv, dout } = operands(what, s, scale);
      const actual = run(qkv, dout, s, gap);
      const expected = reference(qkv.data, s, f32, exp32);
      assertSameBits(actual.o, expected.o, what);
      const dqkv = referenceBackward(dout.data, qkv.data, expected.probabilities, s);
      // 0 and -0 both mean that nothing was added: a hidden key's term may have either sign.
      assertSameBits(actual.dqkv.map((x) => x + 0), dqkv.map((x) => x + 0), `${what}: dqkv`);
      const exact = reference(qkv.data, s, (x) => x, Math.exp).o;
      assertClose(actual.o, exact, { absolute: 1e-5 * scale }, `${what} against float64`);
    }
  }
});

Deno.test("attention_backward is the gradient of attention_forward", () => {
  for (const s of SHAPES.slice(0, 5)) {
    const what = `gradient of attention ${JSON.stringify(s)}`;
    const { qkv, dout } = operands(what, s, 1);
    const loss = (x: ArrayLike<number>) =>
      reference(x, s, (x) => x, Math.exp).o.reduce((sum, o, i) => sum + o * dout.data[i]!, 0);
    const every = Math.max(1, Math.floor(qkv.data.length / 30)) | 1;
    const expected = centralDifferences(loss, qkv.data, { every });
    assertGradient(run(qkv, dout, s).dqkv, expected, { absolute: 1e-5, relative: 1e-5 }, what);
  }
});

Deno.test("attention_decode gives the bits of attention_forward, whatever the cache held", () => {
  for (const s of SHAPES) {
    // Keys beyond the last hold NaN in a new cache, and another sequence's numbers in a used one.
    for (const [room, stale] of [[0, NaN], [8, NaN], [8, 30], [0, -30]] as const) {
      const { sequences: rows, length, heads, headDim } = s, d = heads * headDim;
      const what = `attention_decode ${JSON.stringify(s)} room ${room} stale ${stale}`;
      const { qkv, dout } = operands(what, s, 2);
      const expected = run(qkv, dout, s).o;
      bench.reset();
      const capacity = length + room, size = rows * heads * 2 * capacity * headDim;
      const cache = bench.floats(new Float32Array(size).fill(stale));
      const scratch = bench.floats(4 * capacity), po = bench.space(rows, d);
      for (let t = 0; t < length; t++) {
        const step = (width: number, from: ArrayLike<number>) =>
          Float32Array.from({ length: rows * width }, (_, i) => {
            const row = Math.floor(i / width);
            return from[(row * length + t) * width + i % width]!;
          });
        const px = bench.matrix({ rows, cols: 3 * d, data: step(3 * d, qkv.data) });
        attention_decode!(
          po.at,
          cache,
          px.at,
          px.stride,
          scratch,
          rows,
          t,
          capacity,
          heads,
          headDim,
        );
        assertSameBits(bench.unpack(po).data, step(d, expected), `${what}: token ${t}`);
      }
      bench.check(what);
    }
  }
});
