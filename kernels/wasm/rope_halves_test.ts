import { cos, sin } from "../../lib/numeric/math.ts";
import {
  assertClose,
  assertGradient,
  assertSameBits,
  Bench,
  centralDifferences,
  f32,
  type Matrix,
  normalMatrix,
  randomIntegers,
} from "./testing.ts";

const bench = await Bench.create("pretrained");
const POSITIONS = 50;

interface Shape {
  readonly rows: number;
  readonly heads: number;
  readonly headDim: number;
}

// Halves of 8, 16, 24, 32 and 64: pairs inside a panel, and across panels.
const SHAPES: Shape[] = [
  { rows: 4, heads: 1, headDim: 16 },
  { rows: 12, heads: 3, headDim: 16 },
  { rows: 20, heads: 2, headDim: 32 },
  { rows: 8, heads: 2, headDim: 48 },
  { rows: 52, heads: 3, headDim: 64 },
  { rows: 16, heads: 1, headDim: 128 },
];

/** Cosine and sine of position * 10000^(-2 i / headDim), pair by pair. */
function tableOf(headDim: number): Float32Array {
  const table = new Float32Array(POSITIONS * headDim);
  for (let p = 0; p < POSITIONS; p++) {
    for (let i = 0; i < headDim / 2; i++) {
      const angle = p * 10000 ** (-2 * i / headDim);
      table.set([cos(angle), sin(angle)], p * headDim + 2 * i);
    }
  }
  return table;
}

function reference(
  x: ArrayLike<number>,
  { rows, heads, headDim }: Shape,
  positions: Int32Array,
  sign: number,
  round: (x: number) => number,
): Float64Array {
  const y = Float64Array.from(x), table = tableOf(headDim), half = headDim / 2;
  for (let row = 0; row < rows; row++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < half; i++) {
        const at = (row * heads + h) * headDim + i, angle = positions[row]! * headDim + 2 * i;
        const c = table[angle]!, s = table[angle + 1]! * sign, a = x[at]!, b = x[at + half]!;
        y[at] = round(round(a * c) - round(b * s));
        y[at + half] = round(round(b * c) + round(a * s));
      }
    }
  }
  return y;
}

function run(
  x: Matrix,
  { rows, heads, headDim }: Shape,
  positions: Int32Array,
  sign: number,
  gap = 64,
) {
  bench.reset();
  const px = bench.matrix(x, gap);
  const at = [bench.integers(positions), bench.floats(tableOf(headDim))];
  bench.kernels.rope_halves!(px.at, px.stride, ...at, rows, heads, headDim, sign);
  bench.check("rope_halves");
  return bench.unpack(px).data;
}

Deno.test("rope_halves rotates the halves of each head by the position's angles, to the bit", () => {
  for (const shape of SHAPES) {
    for (const [sign, gap] of [[1, 0], [-1, 64], [1, 208]] as const) {
      const what = `rope_halves ${JSON.stringify(shape)} sign ${sign} gap ${gap}`;
      const x = normalMatrix(1, what, shape.rows, shape.heads * shape.headDim);
      const positions = randomIntegers(2, what, shape.rows, POSITIONS);
      const actual = run(x, shape, positions, sign, gap);
      assertSameBits(actual, reference(x.data, shape, positions, sign, f32), what);
    }
  }
});

Deno.test("rope_halves with sign -1 undoes it, and is its gradient", () => {
  for (const shape of SHAPES) {
    const what = JSON.stringify(shape), cols = shape.heads * shape.headDim;
    const x = normalMatrix(1, what, shape.rows, cols), dy = normalMatrix(2, what, shape.rows, cols);
    const positions = randomIntegers(3, what, shape.rows, POSITIONS);
    const there: Matrix = { ...x, data: run(x, shape, positions, 1) };
    assertClose(run(there, shape, positions, -1), x.data, { absolute: 1e-6 }, `${what}: undone`);
    const loss = (x: ArrayLike<number>) =>
      reference(x, shape, positions, 1, (v) => v).reduce((sum, y, i) => sum + y * dy.data[i]!, 0);
    const every = Math.floor(x.data.length / 20) | 1;
    const dx = centralDifferences(loss, x.data, { every, step: 1e-3 });
    assertGradient(run(dy, shape, positions, -1), dx, { absolute: 1e-5 }, `${what}: dx`);
  }
});
