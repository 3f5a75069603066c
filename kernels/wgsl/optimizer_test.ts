import assert from "node:assert/strict";
import { grid } from "../../lib/backend/webgpu/dispatch.ts";
import { normalMatrix } from "../wasm/testing.ts";
import { assertRelative, gpuTest, runDispatches } from "./testing.ts";

/** Bits of `clip` and the slot of the report stand among float32 scalars. */
const scalars = (clip: number, rest: number[] = []) => [0.5, 0.25, clip, 0, ...rest];

for (const count of [64, 4160, 20032]) {
  gpuTest(`norm, clipping and report over ${count} floats`, async () => {
    const g = normalMatrix(1, "g", 1, count), squares = Math.ceil(count / 4096), rows = 301;
    const loss = normalMatrix(2, "loss", 1, rows), value = normalMatrix(3, "value", 1, rows);
    const run = (clip: number, gradient: Float32Array) =>
      runDispatches([
        {
          kernel: "sum_squares",
          groups: grid(squares),
          dims: [count / 4],
          operands: { g: "gradient", out: "m" },
        },
        {
          kernel: "report",
          groups: [1, 1, 1],
          dims: [rows, squares],
          operands: {
            ...{ scalars: "scalars", loss: "weights", value_loss: "v", squares: "m" },
            ...{ control: "control", reports: "reports" },
          },
        },
      ], {
        gradient: { rows: 1, cols: count, data: gradient },
        m: { rows: 1, cols: squares },
        weights: loss,
        v: value,
        control: { rows: 1, cols: 2, data: new Float32Array(2) },
        reports: { rows: 1, cols: 4 },
      }, { scalars: scalars(clip) });
    const sum = (x: ArrayLike<number>) => Array.from(x).reduce((a, b) => a + b, 0);
    const norm = Math.sqrt(sum(g.data.map((x) => x * x)));
    const { reports, control } = await run(2, g.data);
    assertRelative([reports![2]!], [norm], "norm");
    assertRelative([reports![0]!], [0.5 * sum(loss.data)], "loss", 1e-4);
    assertRelative([reports![1]!], [0.25 * sum(value.data)], "value loss", 1e-4);
    assertRelative([control![0]!], [2 / (norm + 1e-6)], "factor");
    assert.equal(reports![3], 0);
    assert.equal((await run(3e38, g.data)).control![0], 1);
    for (const bad of [NaN, Infinity, 3e38]) {
      const spoilt = g.data.slice();
      spoilt[count - 1] = bad;
      const { reports, control } = await run(1, spoilt);
      assert.ok(!Number.isFinite(reports![2]!), `norm with ${bad}: ${reports![2]}`);
      assert.equal(reports![3], 1);
      assert.equal(new Uint32Array(control!.buffer, control!.byteOffset, 2)[1], 1);
    }
  });
}

gpuTest("AdamW: decay of the leading part, moments, and nothing after a failure", async () => {
  const count = 1600, decayed = 400;
  const weights = normalMatrix(1, "w", 1, count), gradient = normalMatrix(2, "g", 1, count);
  const m = normalMatrix(3, "m", 1, count, 0.1), v = normalMatrix(4, "v", 1, count);
  v.data.forEach((x, i) => v.data[i] = x * x);
  const [decay, b1, b2, step, root, epsilon] = [0.97, 0.9, 0.98, 0.02, 1.3, 1e-6] as const;
  const run = (failed: number) => {
    const control = new Float32Array([0.5, 0]);
    new Uint32Array(control.buffer)[1] = failed;
    return runDispatches(
      [{
        kernel: "adamw",
        groups: grid(Math.ceil(count / 1024)),
        dims: [count / 4, decayed / 4],
        operands: {
          ...{ scalars: "scalars", control: "control", gradient: "gradient" },
          ...{ weights: "weights", m: "m", v: "v" },
        },
      }],
      { weights, gradient, m, v, control: { rows: 1, cols: 2, data: control } },
      { scalars: scalars(1, [decay, b1, b2, step, root, epsilon]) },
    );
  };
  const expected = { weights: weights.data.slice(), m: m.data.slice(), v: v.data.slice() };
  weights.data.forEach((w, i) => {
    const g = 0.5 * gradient.data[i]!;
    const mean = expected.m[i] = b1 * m.data[i]! + (1 - b1) * g;
    const square = expected.v[i] = b2 * v.data[i]! + (1 - b2) * g * g;
    expected.weights[i] = w * (i < decayed ? decay : 1) -
      step * mean / (Math.sqrt(square) * root + epsilon);
  });
  const out = await run(0);
  for (const name of ["weights", "m", "v"] as const) {
    assertRelative(out[name]!, expected[name], name);
  }
  const same = await run(1);
  assert.deepEqual(same.weights, weights.data);
  assert.deepEqual(same.m, m.data);
});
