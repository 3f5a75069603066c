import assert from "node:assert/strict";
import { philox4x32, purposeId } from "../../lib/numeric/random.ts";
import { assertSameBits, Bench, f32, log32, type Matrix, normalMatrix } from "./testing.ts";

const bench = await Bench.create();

interface Options {
  readonly classes: number;
  readonly inverseTemperature: number;
  readonly step?: number;
  readonly seed?: number;
  readonly purpose?: number;
  readonly forced?: readonly number[];
  readonly rowIds?: readonly number[];
}

/** Tokens of the rows of x, and the scores of the last four classes that were looked at. */
function run(x: Matrix, o: Options) {
  bench.reset();
  // What pads the classes must not be chosen, however large.
  const px = bench.matrix(x, 64, 1e9), next = bench.integers(x.rows), scratch = bench.floats(4);
  const forced = bench.integers(o.forced ?? new Int32Array(x.rows).fill(-1));
  const rowIds = bench.integers(o.rowIds ?? Array.from({ length: x.rows }, (_, i) => i));
  bench.kernels.sample!(
    ...[next, px.at, px.stride, forced, rowIds, scratch, x.rows, o.classes],
    ...[o.inverseTemperature, o.step ?? 0, o.seed ?? 0, o.purpose ?? 0],
  );
  bench.check("sample");
  return {
    tokens: [...bench.readIntegers(next, x.rows)],
    scores: bench.read(scratch, 4).slice(),
  };
}

/** The score of each class of one row: logit / temperature plus Gumbel noise from lib/numeric/random.ts. */
function referenceScores(row: ArrayLike<number>, id: number, o: Options): Float32Array {
  const words = new Uint32Array(4);
  return Float32Array.from(row, (x, k) => {
    if (k % 4 === 0) {
      philox4x32([k / 4, id, o.step ?? 0, 0], [o.seed ?? 0, o.purpose ?? 0], words);
    }
    const u = ((words[k % 4]! >>> 9) + 0.5) / 2 ** 23;
    return f32(x * f32(o.inverseTemperature)) - log32(-log32(u));
  });
}

/** Index of the largest, the first of equals. */
function argmax(scores: ArrayLike<number>): number {
  let best = 0;
  for (let k = 1; k < scores.length; k++) if (scores[k]! > scores[best]!) best = k;
  return best;
}

const rowOf = ({ data, cols }: Matrix, i: number) => data.subarray(i * cols, (i + 1) * cols);

Deno.test("sample draws with the Philox stream of (seed, purpose, step, row)", () => {
  for (const classes of [1, 4, 7, 16, 21, 33, 190]) {
    for (const seed of [0, 1, 0xdeadbeef]) {
      for (const inverseTemperature of [1, 0.5, 3]) {
        const what = `sample ${classes} seed ${seed} at 1/${inverseTemperature}`;
        const x = normalMatrix(1, what, 20, classes, 2), step = seed + 5;
        const rowIds = Array.from({ length: 20 }, (_, i) => (0xffffffff - 7 * i) >>> 0);
        const o = { classes, inverseTemperature, step, seed, purpose: purposeId("sample"), rowIds };
        const expected = rowIds.map((id, i) => referenceScores(rowOf(x, i), id, o));
        const { tokens, scores } = run(x, o);
        assert.deepEqual(tokens, expected.map(argmax), what);
        if (classes % 4 === 0) assertSameBits(scores, expected[19]!.slice(-4), `${what}: scores`);
      }
    }
  }
});

Deno.test("sampled tokens have the softmax's frequencies", () => {
  const classes = 7, draws = 40_000, rows = 400;
  const logits = [0.3, -1.2, 2, 0, 1.1, -3, 0.9];
  for (const temperature of [0.5, 1, 2]) {
    const weights = logits.map((x) => Math.exp(x / temperature));
    const total = weights.reduce((a, b) => a + b);
    const counts = new Float64Array(classes);
    const x = {
      rows,
      cols: classes,
      data: Float32Array.from({ length: rows * classes }, (_, i) => logits[i % classes]!),
    };
    for (let step = 0; step < draws / rows; step++) {
      const o = { classes, inverseTemperature: 1 / temperature, step, seed: 3, purpose: 1 };
      for (const token of run(x, o).tokens) counts[token] = counts[token]! + 1;
    }
    const chiSquare = weights.reduce((sum, w, k) => {
      const expected = draws * w / total;
      return sum + (counts[k]! - expected) ** 2 / expected;
    }, 0);
    // 6 degrees of freedom: 22.5 is exceeded once in a thousand times; the draws are fixed.
    assert.ok(chiSquare < 22.5, `chi-square ${chiSquare} at temperature ${temperature}`);
  }
});

Deno.test("greedy choice takes the first of equals, and no noise", () => {
  const classes = 21;
  const x = { rows: 4, cols: classes, data: new Float32Array(4 * classes).fill(-5) };
  x.data.set([0, 3, 3, 1, 3], 0);
  x.data[classes + 20] = -4;
  x.data.fill(-1e30, 3 * classes);
  const expected = [1, 20, 0, 0];
  for (const seed of [0, 1]) {
    assert.deepEqual(run(x, { classes, inverseTemperature: 0, seed }).tokens, expected);
  }
});

Deno.test("forced tokens are taken as they are", () => {
  const x = normalMatrix(1, "forced", 8, 16), forced = [3, -1, 0, 15, -1, 7, -1, 2];
  for (const inverseTemperature of [0, 1]) {
    const free = run(x, { classes: 16, inverseTemperature }).tokens;
    const { tokens } = run(x, { classes: 16, inverseTemperature, forced });
    assert.deepEqual(tokens, forced.map((token, i) => token < 0 ? free[i] : token));
  }
});

Deno.test("a row's draw does not depend on its neighbours", () => {
  const x = normalMatrix(1, "rows", 12, 33), o = { classes: 33, inverseTemperature: 1, seed: 5 };
  const all = run(x, o).tokens;
  const reversed = {
    ...x,
    data: Float32Array.from(
      { length: 12 * 33 },
      (_, i) => x.data[(11 - Math.floor(i / 33)) * 33 + i % 33]!,
    ),
  };
  const rowIds = Array.from({ length: 12 }, (_, i) => 11 - i);
  assert.deepEqual(run(reversed, { ...o, rowIds }).tokens, all.toReversed());
});
