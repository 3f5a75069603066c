/** Tests of what works row by row: norm, activation, rotary positions, embedding, gathering. */
import { normalMatrix, randomIntegers } from "../wasm/testing.ts";
import { assertRelative, gpuTest, runInstruction } from "./testing.ts";

const SHAPES = [[1, 16], [7, 32], [130, 48], [33, 272], [5, 1040]] as const;

for (const [rows, cols] of SHAPES) {
  const size = rows * cols;

  gpuTest(`RMSNorm and its backward pass, ${rows} x ${cols}`, async () => {
    const x = normalMatrix(1, "x", rows, cols, 2), g = normalMatrix(2, "g", 1, cols);
    const dy = normalMatrix(3, "dy", rows, cols), init = normalMatrix(4, "init", rows, cols);
    const y = new Float64Array(size), dx = new Float64Array(size), dg = new Float64Array(cols);
    for (let i = 0; i < rows; i++) {
      const row = (m: { data: ArrayLike<number> }, c: number) => m.data[i * cols + c]!;
      let square = 0, product = 0;
      for (let c = 0; c < cols; c++) square += row(x, c) ** 2;
      const r = 1 / Math.sqrt(square / cols + 1e-5);
      for (let c = 0; c < cols; c++) product += g.data[c]! * row(dy, c) * row(x, c);
      for (let c = 0; c < cols; c++) {
        y[i * cols + c] = g.data[c]! * row(x, c) * r;
        dx[i * cols + c] = r * g.data[c]! * row(dy, c) - row(x, c) * r ** 3 / cols * product;
        dg[c]! += row(dy, c) * row(x, c) * r;
      }
    }
    const forward = await runInstruction("rmsnorm_forward", {
      x,
      g,
      y: { rows, cols },
      rstd: { rows: 1, cols: rows },
    }, { eps: 1e-5 });
    assertRelative(forward.y!, y, "y");
    const operands = {
      ...{ x, g, dy, init },
      dx: { rows, cols },
      dg: { rows: 1, cols, space: "gradient" as const },
      rstd: { rows: 1, cols: rows, data: forward.rstd! },
    };
    const backward = await runInstruction("rmsnorm_backward", operands);
    const sum = dx.map((v, i) => v + init.data[i]!);
    assertRelative(backward.dx!, sum, "dx");
    assertRelative(backward.dg!, dg, "dg");
    const own = await runInstruction(
      "rmsnorm_backward",
      { ...operands, dx: { rows, cols, data: init.data } },
      {},
      { same: { init: "dx" } },
    );
    assertRelative(own.dx!, sum, "dx in place");
  });

  gpuTest(`GELU and its backward pass, ${rows} x ${cols}`, async () => {
    const u = normalMatrix(1, "u", rows, cols, 3), dy = normalMatrix(2, "dy", rows, cols);
    u.data.set([0, -0, 30, -30, 1e-20].slice(0, size));
    const k = Math.sqrt(2 / Math.PI);
    const z = (x: number) => k * (x + 0.044715 * x ** 3);
    const y = Float64Array.from(u.data, (x) => 0.5 * x * (1 + Math.tanh(z(x))));
    const slope = Float64Array.from(u.data, (x) => {
      const t = Math.tanh(z(x));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 3 * 0.044715 * x * x);
    });
    const forward = await runInstruction("gelu_forward", { u, y: { rows, cols } });
    assertRelative(forward.y!, y, "y");
    assertRelative(forward.u!, slope, "slope");
    const operands = { dy, slope: { rows, cols, data: forward.u! } };
    const backward = await runInstruction("gelu_backward", operands);
    assertRelative(backward.dy!, slope.map((s, i) => s * dy.data[i]!), "du");
  });

  gpuTest(`embedding, its gradient and gathering, ${rows} x ${cols}`, async () => {
    const vocabulary = 19;
    const tokens = randomIntegers(1, "tokens", rows, vocabulary);
    const w = normalMatrix(2, "w", vocabulary, cols), dx = normalMatrix(3, "dx", rows, cols);
    const record = { rows, cols: 1, data: tokens };
    const step = 0;
    const forward = await runInstruction(
      "embedding_forward",
      { w, tokens: record, x: { rows, cols } },
      {},
      { step },
    );
    const expected = Array.from(tokens, (t) => [...w.data.subarray(t * cols, (t + 1) * cols)]);
    assertRelative(forward.x!, expected.flat(), "x", 0);

    const order = [...tokens.keys()].sort((a, b) => tokens[a]! - tokens[b]! || a - b);
    const starts = Array.from(
      { length: vocabulary + 1 },
      (_, t) => tokens.filter((token) => token < t).length,
    );
    const dw = new Float64Array(vocabulary * cols);
    tokens.forEach((t, i) => {
      for (let c = 0; c < cols; c++) dw[t * cols + c]! += dx.data[i * cols + c]!;
    });
    const backward = await runInstruction("embedding_backward", {
      dx,
      tokens: record,
      "tokens order": { rows: 1, cols: rows, data: Uint32Array.from(order) },
      "tokens starts": { rows: 1, cols: vocabulary + 1, data: Uint32Array.from(starts) },
      dw: { rows: vocabulary, cols, space: "gradient" },
    });
    assertRelative(backward.dw!, dw, "dw");

    // Every second row, last first.
    const slots = Int32Array.from({ length: rows }, (_, i) => i % 2 ? -1 : (rows - 1 - i) >> 1);
    const width = cols - 3, kept = Math.ceil(rows / 2);
    const { out } = await runInstruction("gather_rows", {
      x: dx,
      slots: { rows, cols: 1, data: slots },
      out: { rows: kept, cols: width, data: new Float32Array(kept * width) },
    }, { width });
    const gathered = new Float32Array(kept * width);
    slots.forEach((slot, i) => {
      if (slot < 0) return;
      gathered.set(dx.data.subarray(i * cols, i * cols + width), slot * width);
    });
    assertRelative(out!, gathered, "gathered", 0);
  });
}

for (const [headDim, rotaryDim] of [[16, 8], [16, 16], [32, 32], [64, 32]] as const) {
  gpuTest(`rotary positions, ${rotaryDim} of ${headDim}, there and back`, async () => {
    const rows = 37, heads = 6, cols = 9 * headDim, maxPosition = 50;
    const x = normalMatrix(1, "x", rows, cols);
    const positions = randomIntegers(2, "positions", 2 * rows, maxPosition);
    const table = Float32Array.from({ length: maxPosition * rotaryDim }, (_, i) => {
      const f = (i % rotaryDim) >> 1, p = Math.floor(i / rotaryDim);
      const angle = p * 1000 ** (-2 * f / rotaryDim);
      return i % 2 ? Math.sin(angle) : Math.cos(angle);
    });
    const expected = Float64Array.from(x.data), half = Math.min(rotaryDim, 16) / 2;
    for (let i = 0; i < rows; i++) {
      for (let h = 0; h < heads; h++) {
        for (let f = 0; f < rotaryDim / 2; f++) {
          // Step 1: the second half of the positions.
          const at = positions[rows + i]! * rotaryDim + 2 * f;
          const first = i * cols + h * headDim + Math.floor(f / half) * 16 + f % half;
          const [a, b] = [x.data[first]!, x.data[first + half]!];
          expected[first] = a * table[at]! - b * table[at + 1]!;
          expected[first + half] = b * table[at]! + a * table[at + 1]!;
        }
      }
    }
    const rotate = (data: Float32Array, sign: number) =>
      runInstruction(
        "rope",
        {
          x: { rows, cols, data },
          positions: { rows: 2 * rows, cols: 1, data: positions },
          table: { rows: maxPosition, cols: rotaryDim, data: table },
        },
        { heads, headDim, rotaryDim, sign },
        { step: 1 },
      );
    const there = await rotate(x.data, 1);
    assertRelative(there.x!, expected, "x");
    const back = await rotate(there.x!, -1);
    assertRelative(back.x!, x.data, "and back");
  });
}
