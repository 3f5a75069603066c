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

const bench = await Bench.create();
const { rope } = bench.kernels;

interface Shape {
  readonly rows: number;
  readonly heads: number;
  readonly headDim: number;
  readonly rotary: number;
}

const POSITIONS = 50;

/** (POSITIONS, rotary / 2, 2): cosine and sine. */
function table(rotary: number): Float32Array {
  return Float32Array.from({ length: POSITIONS * rotary }, (_, i) => {
    const position = Math.floor(i / rotary), frequency = Math.floor(i % rotary / 2);
    const angle = position * 100 ** (-2 * frequency / rotary);
    return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
  });
}

/** The pairs (first dimension, second dimension, frequency) of one head. */
function pairs(rotary: number): [number, number, number][] {
  const width = Math.min(rotary, 16), half = width / 2;
  return Array.from({ length: rotary / 2 }, (_, f) => {
    const first = Math.floor(f / half) * width + f % half;
    return [first, first + half, f];
  });
}

function reference(
  x: ArrayLike<number>,
  { rows, heads, headDim, rotary }: Shape,
  positions: Int32Array,
  sign: number,
  round: (x: number) => number,
): Float64Array {
  const out = Float64Array.from(x), angles = table(rotary);
  for (let i = 0; i < rows; i++) {
    for (let h = 0; h < heads; h++) {
      for (const [first, second, f] of pairs(rotary)) {
        const at = (i * heads + h) * headDim, row = positions[i]! * rotary + 2 * f;
        const cos = angles[row]!, sin = angles[row + 1]! * sign;
        const a = x[at + first]!, b = x[at + second]!;
        out[at + first] = round(round(a * cos) - round(b * sin));
        out[at + second] = round(round(b * cos) + round(a * sin));
      }
    }
  }
  return out;
}

function run(
  x: Matrix,
  { rows, heads, headDim, rotary }: Shape,
  positions: Int32Array,
  sign: number,
  gap = 64,
) {
  bench.reset();
  const px = bench.matrix(x, gap);
  const at = [bench.integers(positions), bench.floats(table(rotary))];
  rope!(px.at, px.stride, ...at, rows, heads, headDim, rotary, sign);
  bench.check("rope");
  return bench.unpack(px).data;
}

const SHAPES: Shape[] = [
  { rows: 4, heads: 1, headDim: 16, rotary: 8 },
  { rows: 12, heads: 3, headDim: 16, rotary: 16 },
  { rows: 20, heads: 2, headDim: 32, rotary: 8 },
  { rows: 36, heads: 2, headDim: 32, rotary: 16 },
  { rows: 9, heads: 1, headDim: 32, rotary: 32 },
  { rows: 52, heads: 2, headDim: 48, rotary: 32 },
  { rows: 8, heads: 2, headDim: 48, rotary: 48 },
];

Deno.test("rope rotates pairs by the position's angle, to the bit", () => {
  for (const shape of SHAPES) {
    for (const sign of [1, -1]) {
      for (const gap of [0, 64, 208]) {
        const what = `rope ${JSON.stringify(shape)} sign ${sign} gap ${gap}`;
        const x = normalMatrix(1, what, shape.rows, shape.heads * shape.headDim);
        const positions = randomIntegers(2, what, shape.rows, POSITIONS);
        const actual = run(x, shape, positions, sign, gap);
        assertSameBits(actual, reference(x.data, shape, positions, sign, f32), what);
      }
    }
  }
});

Deno.test("rope leaves the dimensions beyond `rotary` alone", () => {
  const shape = SHAPES[5]!;
  const x = normalMatrix(1, "beyond", shape.rows, shape.heads * shape.headDim);
  const y = run(x, shape, randomIntegers(2, "beyond", shape.rows, POSITIONS), 1);
  y.forEach((value, i) => {
    if (i % shape.headDim >= shape.rotary) assertSameBits([value], [x.data[i]!], `element ${i}`);
  });
});

Deno.test("rope with sign -1 undoes rope, and is its gradient", () => {
  for (const shape of SHAPES) {
    const what = JSON.stringify(shape), cols = shape.heads * shape.headDim;
    const x = normalMatrix(1, what, shape.rows, cols), dy = normalMatrix(2, what, shape.rows, cols);
    const positions = randomIntegers(3, what, shape.rows, POSITIONS);
    const there: Matrix = { ...x, data: run(x, shape, positions, 1) };
    assertClose(run(there, shape, positions, -1), x.data, { absolute: 1e-6 }, `${what}: undone`);
    const loss = (x: ArrayLike<number>) =>
      reference(x, shape, positions, 1, (v) => v).reduce((sum, y, i) => sum + y * dy.data[i]!, 0);
    const dx = centralDifferences(loss, x.data, { every: 29, step: 1e-3 });
    assertGradient(run(dy, shape, positions, -1), dx, { absolute: 1e-6 }, `${what}: dx`);
  }
});
