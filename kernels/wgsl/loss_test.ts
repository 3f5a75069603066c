import { normalMatrix, randomIntegers } from "../wasm/testing.ts";
import { assertRelative, gpuTest, runInstruction } from "./testing.ts";

const CASES = [[1, 1], [7, 11], [150, 21], [9, 37], [4, 300]] as const;

function operands(rows: number, classes: number) {
  const cols = Math.ceil(classes / 16) * 16;
  const x = normalMatrix(1, "logits", rows, cols, 3);
  const weights = normalMatrix(2, "weights", rows, 1).data.map((w, i) =>
    i % 3 === 1 ? 0 : Math.abs(w)
  );
  return { cols, x, weights, record: { rows, cols: 1, data: weights }, loss: { rows, cols: 1 } };
}

/** log-softmax of a row in float64. */
function logSoftmax(x: ArrayLike<number>): number[] {
  const top = Math.max(...Array.from(x)), e = Array.from(x, (v) => Math.exp(v - top));
  const log = Math.log(e.reduce((a, b) => a + b)) + top;
  return Array.from(x, (v) => v - log);
}

for (const [rows, classes] of CASES) {
  const { cols, x, weights, record, loss } = operands(rows, classes);
  const row = (i: number) => x.data.subarray(i * cols, i * cols + classes);

  gpuTest(`cross-entropy, ${rows} x ${classes}`, async () => {
    const targets = randomIntegers(3, "targets", rows, classes);
    // A target of weight 0 is never looked up.
    if (rows > 1) targets[1] = -1;
    const expected = new Float64Array(rows), gradient = new Float64Array(rows * cols);
    for (let i = 0; i < rows; i++) {
      if (weights[i] === 0) continue;
      const log = logSoftmax(row(i));
      expected[i] = -weights[i]! * log[targets[i]!]!;
      log.forEach((l, k) => {
        gradient[i * cols + k] = 0.25 * weights[i]! * (Math.exp(l) - Number(k === targets[i]));
      });
    }
    const out = await runInstruction(
      "cross_entropy",
      { x, targets: { rows, cols: 1, data: targets }, weights: record, loss },
      { scale: "lossScale", classes },
      { scalars: [0.25, 7] },
    );
    assertRelative(out.loss!, expected, "loss");
    assertRelative(out.x!, gradient, "gradient");
  });

  const scores = normalMatrix(4, "targets", rows, classes);
  const targets = scores.data.slice();
  for (let i = 0; i < rows; i++) {
    const log = logSoftmax(scores.data.subarray(i * classes, (i + 1) * classes));
    log.forEach((l, k) => targets[i * classes + k] = Math.exp(l));
  }
  const given = (data: Float32Array) => ({ rows, cols: classes, data });

  gpuTest(`cross-entropy against a distribution, ${rows} x ${classes}`, async () => {
    const expected = new Float64Array(rows), gradient = new Float64Array(rows * cols);
    for (let i = 0; i < rows; i++) {
      if (weights[i] === 0) continue;
      logSoftmax(row(i)).forEach((l, k) => {
        const p = targets[i * classes + k]!;
        expected[i]! -= weights[i]! * p * l;
        gradient[i * cols + k] = 0.5 * weights[i]! * (Math.exp(l) - p);
      });
    }
    const out = await runInstruction(
      "soft_cross_entropy",
      { x, targets: given(targets), weights: record, loss },
      { scale: "valueLossScale", outputs: classes },
      { scalars: [7, 0.5] },
    );
    // One class leaves a loss and a gradient of 0 but for the rounding of the target.
    if (classes > 1) {
      assertRelative(out.loss!, expected, "loss");
      assertRelative(out.x!, gradient, "gradient");
    }
  });

  gpuTest(`squared error, ${rows} x ${classes}`, async () => {
    const expected = new Float64Array(rows), gradient = new Float64Array(rows * cols);
    for (let i = 0; i < rows; i++) {
      row(i).forEach((v, k) => {
        const d = v - scores.data[i * classes + k]!;
        expected[i]! += weights[i]! * d * d;
        gradient[i * cols + k] = 0.5 * weights[i]! * 2 * d;
      });
    }
    const out = await runInstruction(
      "squared_error",
      { x, targets: given(scores.data), weights: record, loss },
      { scale: "valueLossScale", outputs: classes },
      { scalars: [7, 0.5] },
    );
    assertRelative(out.loss!, expected, "loss");
    assertRelative(out.x!, gradient, "gradient");
  });
}
