/** Tests of the kernels that decoders of Llama's kind add: SwiGLU, biases, rotary halves, and losses over a vocabulary. */
import assert from "node:assert/strict";
import { Lowering } from "../../lib/backend/webgpu/lower.ts";
import type { Buffer } from "../../lib/tensor/tape.ts";
import { normalMatrix, randomIntegers } from "../wasm/testing.ts";
import { assertRelative, gpuTest, runInstruction } from "./testing.ts";

const SHAPES = [[1, 16], [7, 32], [130, 48], [300, 80], [5, 1040]] as const;

for (const [rows, cols] of SHAPES) {
  const size = rows * cols;

  gpuTest(`SwiGLU and its backward pass, ${rows} x ${cols}`, async () => {
    const gate = normalMatrix(1, "gate", rows, cols, 3), up = normalMatrix(2, "up", rows, cols);
    const dy = normalMatrix(3, "dy", rows, cols);
    gate.data.set([0, -0, 30, -30, 200, -200, 1e-20].slice(0, size));
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    const y = Float64Array.from(gate.data, (x, i) => x * sigmoid(x) * up.data[i]!);
    const forward = await runInstruction("swiglu_forward", { y: { rows, cols }, gate, up });
    assertRelative(forward.y!, y, "y");
    const backward = await runInstruction("swiglu_backward", { dy, gate, up });
    const dgate = Float64Array.from(gate.data, (x, i) => {
      const s = sigmoid(x);
      return dy.data[i]! * up.data[i]! * s * (1 + x * (1 - s));
    });
    assertRelative(backward.gate!, dgate, "dgate");
    const dup = Float64Array.from(gate.data, (x, i) => dy.data[i]! * x * sigmoid(x));
    assertRelative(backward.up!, dup, "dup");
  });

  gpuTest(`biases, their gradients and scaling, ${rows} x ${cols}`, async () => {
    const y = normalMatrix(1, "y", rows, cols), b = normalMatrix(2, "b", 1, cols);
    const plus = await runInstruction("add_bias", { y, b });
    assertRelative(plus.y!, Float64Array.from(y.data, (x, i) => x + b.data[i % cols]!), "y");
    const frozen = await runInstruction("add_bias", { y, b: { ...b, storage: "float32" } });
    assert.deepEqual(frozen.y, plus.y);
    const db = new Float64Array(cols);
    y.data.forEach((x, i) => db[i % cols]! += x);
    const sum = await runInstruction("add_bias_backward", {
      dy: y,
      db: { rows: 1, cols, space: "gradient" },
    });
    assertRelative(sum.db!, db, "db");
    const scaled = await runInstruction("scale", { x: y }, { by: -2.5 });
    assertRelative(scaled.x!, Float64Array.from(y.data, (x) => -2.5 * x), "x");
  });
}

for (const headDim of [16, 48, 128]) {
  gpuTest(`rotary halves of heads of ${headDim}, there and back`, async () => {
    const rows = 21, heads = 3, maxPositions = 40, cols = heads * headDim, half = headDim / 2;
    const x = normalMatrix(1, "x", rows, cols);
    const positions = randomIntegers(2, "positions", rows, maxPositions);
    const angle = (p: number, f: number) => p * 1000 ** (-2 * f / headDim);
    const table = Float32Array.from({ length: maxPositions * headDim }, (_, i) => {
      const a = angle(Math.floor(i / headDim), (i % headDim) >> 1);
      return i % 2 ? Math.sin(a) : Math.cos(a);
    });
    const expected = Float64Array.from(x.data, (v, i) => {
      const c = i % headDim, a = angle(positions[Math.floor(i / cols)]!, c % half);
      const other = c < half ? -x.data[i + half]! : x.data[i - half]!;
      return v * Math.cos(a) + other * Math.sin(a);
    });
    const rotate = (data: Float32Array, sign: number) =>
      runInstruction("rope_halves", {
        x: { rows, cols, data },
        positions: { rows, cols: 1, data: positions },
        table: { rows: maxPositions, cols: headDim, data: table },
      }, { heads, headDim, sign });
    const there = await rotate(x.data, 1);
    assertRelative(there.x!, expected, "x");
    const back = await rotate(there.x!, -1);
    assertRelative(back.x!, x.data, "and back");
  });
}

gpuTest("the gain's gradient is left out where nobody wants it", async () => {
  const rows = 9,
    cols = 32,
    x = normalMatrix(1, "x", rows, cols),
    g = normalMatrix(2, "g", 1, cols);
  const dy = normalMatrix(3, "dy", rows, cols);
  const rstd = { rows: 1, cols: rows, data: normalMatrix(4, "rstd", 1, rows).data };
  const operands = { x, g, dy, rstd, dx: { rows, cols } };
  const gradient = { rows: 1, cols, space: "gradient" } as const;
  const all = await runInstruction("rmsnorm_backward", { ...operands, dg: gradient });
  const operand = (label: string, rows: number, cols: number, space: Buffer["space"]): Buffer => (
    { id: 0, label, space, rows, cols, layout: "plain" }
  );
  const lowering = new Lowering({});
  const batch = (label: string, rows: number) => operand(label, rows, cols, "batch");
  lowering.add({
    op: "rmsnorm_backward",
    ...{ x: batch("x", rows), dy: batch("dy", rows), dx: batch("dx", rows), init: undefined },
    ...{ rstd: operand("rstd", 1, rows, "batch"), g: operand("g", 1, cols, "frozen") },
    dg: operand("dg", 1, 2 * cols, "activation"),
    scratch: operand("scratch", 1, rows, "activation"),
  });
  assert.deepEqual(lowering.dispatches.map(({ kernel }) => kernel), ["rmsnorm_backward"]);
  const scratch = { rows: 1, cols: 2 * cols, space: "activation" } as const;
  const { dg: _, ...rest } = await runInstruction("rmsnorm_backward", { ...operands, dg: scratch });
  const { dg, ...expected } = all;
  assert.ok(dg!.some((x) => x !== 0));
  assert.deepEqual(rest, expected);
});

/** Rows, width, classes: the last one in two blocks of rows. */
const VOCABULARIES = [[1, 16, 1], [7, 32, 21], [70, 48, 300], [70, 16, 499_999]] as const;

for (const [rows, d, classes] of VOCABULARIES) {
  const cols = Math.ceil(classes / 16) * 16;

  gpuTest(`losses and log-probabilities over ${classes} tokens, ${rows} x ${d}`, async () => {
    const h = normalMatrix(1, "h", rows, d), w = normalMatrix(2, "w", d, cols, 0.5);
    // Padding of the vocabulary is zero.
    for (let i = 0; i < w.data.length; i++) if (i % cols >= classes) w.data[i] = 0;
    const targets = randomIntegers(3, "targets", rows, classes);
    const chosen = (i: number) => classes < 1000 ? i % 3 !== 1 : i % 37 === 0;
    if (rows > 1) targets[1] = -1; // of a row of weight 0
    const weights = normalMatrix(4, "weights", rows, 1).data.map((x, i) => chosen(i) ? x : 0);
    const slots = Int32Array.from({ length: rows }, (_, i) => chosen(i) ? i : -1);
    const loss = new Float64Array(rows), dh = new Float64Array(rows * d);
    const logProbs: (readonly [number, number] | undefined)[] = [];
    for (let i = 0; i < rows; i++) {
      if (!chosen(i)) continue;
      const logits = new Float64Array(classes);
      for (let c = 0; c < d; c++) {
        const x = h.data[i * d + c]!;
        for (let k = 0; k < classes; k++) logits[k]! += x * w.data[c * cols + k]!;
      }
      const top = logits.reduce((a, b) => Math.max(a, b));
      const log = top + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - top), 0));
      const p = logits.map((x) => Math.exp(x - log)), target = targets[i]!;
      loss[i] = weights[i]! * (log - logits[target]!);
      const entropy = -logits.reduce((sum, x, k) => sum + p[k]! * (x - log), 0);
      logProbs[i] = [logits[target]! - log, entropy];
      p[target]! -= 1;
      for (let c = 0; c < d; c++) {
        let sum = 0;
        for (let k = 0; k < classes; k++) sum += p[k]! * w.data[c * cols + k]!;
        dh[i * d + c] = 0.25 * weights[i]! * sum;
      }
    }
    const record = (data: Int32Array | Float32Array) => ({ rows, cols: 1, data });
    const common = { h, w: { ...w, storage: "float32" as const }, targets: record(targets) };
    const back = await runInstruction(
      "vocabulary_loss",
      { ...common, weights: record(weights), loss: { rows, cols: 1 }, dh: { rows, cols: d } },
      { scale: "lossScale", classes },
      { scalars: [0.25, 7] },
    );
    // One class leaves nothing but rounding.
    if (classes > 1) {
      assertRelative(back.loss!, loss, "loss");
      assertRelative(back.dh!, dh, "dh");
    }
    const out = await runInstruction(
      "vocabulary_log_probs",
      { ...common, slots: record(slots), out: { rows, cols: 16 } },
      { classes },
    );
    const pairs = (which: 0 | 1) => logProbs.flatMap((pair) => pair ? [pair[which]] : []);
    const found = (which: 0 | 1) =>
      logProbs.flatMap((pair, i) => pair ? [out.out![i * 16 + which]!] : []);
    if (classes > 1) {
      assertRelative(found(0), pairs(0), "log-probabilities");
      assertRelative(found(1), pairs(1), "entropies");
    } else assert.deepEqual([found(0), found(1)].flat().map(Math.abs), [0, 0]);
  });
}
