import assert from "node:assert/strict";
import { purposeId } from "../../lib/numeric/random.ts";
import { Bench, type Matrix, normalMatrix, randomIntegers } from "./testing.ts";

const core = await Bench.create(), bench = await Bench.create("pretrained");

interface Options {
  readonly classes: number;
  readonly inverseTemperature: number;
  readonly seed: number;
}
const PURPOSE = purposeId("sample");

function run(x: Matrix, rowIds: Int32Array, steps: Int32Array, o: Options): number[] {
  bench.reset();
  // What pads the classes must not be chosen, however large.
  const px = bench.matrix(x, 64, 1e9), next = bench.integers(x.rows);
  bench.kernels.sample_at!(
    ...[next, px.at, px.stride, bench.integers(rowIds), bench.integers(steps)],
    ...[x.rows, o.classes, o.inverseTemperature, o.seed, PURPOSE],
  );
  bench.check("sample_at");
  return [...bench.readIntegers(next, x.rows)];
}

/** What `sample` draws for one row at its step. */
function draw(x: Matrix, row: number, id: number, step: number, o: Options): number {
  core.reset();
  const data = x.data.slice(row * x.cols, (row + 1) * x.cols);
  const px = core.matrix({ rows: 1, cols: x.cols, data }), next = core.integers(1);
  core.kernels.sample!(
    ...[next, px.at, px.stride, core.integers([-1]), core.integers([id]), core.floats(4), 1],
    ...[o.classes, o.inverseTemperature, step, o.seed, PURPOSE],
  );
  return core.readIntegers(next, 1)[0]!;
}

// sample_test.ts shows that these are draws from the softmax.
Deno.test("sample_at draws for each row what sample draws at its step", () => {
  for (const classes of [1, 7, 16, 33, 190, 1000]) {
    for (const inverseTemperature of [0, 1, 0.5, 3]) {
      const what = `sample_at ${classes} at ${inverseTemperature}`;
      const o = { classes, inverseTemperature, seed: 0xdeadbeef };
      const x = normalMatrix(1, what, 20, classes, 2);
      const rowIds = randomIntegers(2, what, 20, 2 ** 31 - 1).map((id) => -id);
      const steps = randomIntegers(3, what, 20, 3000);
      const expected = Array.from(rowIds, (id, i) => draw(x, i, id, steps[i]!, o));
      assert.deepEqual(run(x, rowIds, steps, o), expected, what);
    }
  }
});

Deno.test("sample_at: the same logits give different tokens at different steps and rows", () => {
  const classes = 500, rows = 8;
  const x = { rows, cols: classes, data: new Float32Array(rows * classes) };
  const o = { classes, inverseTemperature: 1, seed: 1 };
  const rowIds = Int32Array.of(0, 0, 0, 0, 1, 2, 3, 4),
    steps = Int32Array.of(0, 1, 2, 3, 0, 0, 0, 0);
  assert.equal(new Set(run(x, rowIds, steps, o)).size, rows);
});

Deno.test("sample_at takes the first of equals, and 0 where nothing is above the lowest float", () => {
  const classes = 70, rows = 40, o = { classes, inverseTemperature: 0, seed: 0 };
  const x = { rows, cols: classes, data: new Float32Array(rows * classes).fill(-5) };
  const zeros = new Int32Array(rows), firsts = randomIntegers(1, "first", rows, classes);
  const seconds = randomIntegers(2, "second", rows, classes);
  firsts.forEach((first, i) => {
    x.data[i * classes + first] = 3;
    x.data[i * classes + seconds[i]!] = 3;
  });
  const expected = Array.from(firsts, (first, i) => Math.min(first, seconds[i]!));
  x.data.fill(-5, 0, classes);
  x.data.fill(-Infinity, classes, 2 * classes);
  x.data.fill(NaN, 2 * classes, 3 * classes);
  assert.deepEqual(run(x, zeros, zeros, o), [0, 0, 0, ...expected.slice(3)]);
});
