import torch from "../wasm/testdata/gru.json" with { type: "json" };
import { type Matrix, normalMatrix } from "../wasm/testing.ts";
import { assertRelative, gpuTest, runInstruction } from "./testing.ts";

interface Shape {
  readonly sequences: number;
  readonly length: number;
  readonly d: number;
}

const SHAPES: readonly Shape[] = [
  { sequences: 1, length: 1, d: 16 },
  { sequences: 5, length: 17, d: 48 },
  { sequences: 2, length: 9, d: 128 },
  // More elements than a workgroup has threads.
  { sequences: 2, length: 3, d: 272 },
];

/** Both passes in float64, by the formulas of gru_forward.wgsl and gru_backward.wgsl. */
function reference({ sequences, length, d }: Shape, x: Matrix, u: Matrix, dh: Matrix) {
  const rows = sequences * length, make = (cols: number) => new Float64Array(rows * cols);
  const h = make(d), q = make(d), gates = make(3 * d), dx = make(3 * d), dp = make(3 * d);
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
  const before = (row: number, c: number) => row % length === 0 ? 0 : h[(row - 1) * d + c]!;
  for (let row = 0; row < rows; row++) {
    const products = Array.from({ length: 3 * d }, (_, c) => {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += before(row, k) * u.data[k * 3 * d + c]!;
      return sum;
    });
    for (let c = 0; c < d; c++) {
      const at = row * 3 * d + c;
      const r = gates[at] = sigmoid(x.data[at]! + products[c]!);
      const z = gates[at + d] = sigmoid(x.data[at + d]! + products[d + c]!);
      q[row * d + c] = products[2 * d + c]!;
      const n = gates[at + 2 * d] = Math.tanh(x.data[at + 2 * d]! + r * products[2 * d + c]!);
      h[row * d + c] = (1 - z) * n + z * before(row, c);
    }
  }
  const carry = make(d);
  for (let row = rows - 1; row >= 0; row--) {
    for (let c = 0; c < d; c++) {
      const at = row * 3 * d + c;
      const [r, z, n] = [gates[at]!, gates[at + d]!, gates[at + 2 * d]!];
      const g = dh.data[row * d + c]! + carry[row * d + c]!;
      const dn = dx[at + 2 * d] = g * (1 - z) * (1 - n * n);
      dx[at + d] = dp[at + d] = g * (before(row, c) - n) * z * (1 - z);
      dx[at] = dp[at] = dn * q[row * d + c]! * r * (1 - r);
      dp[at + 2 * d] = dn * r;
      if (row % length > 0) carry[(row - 1) * d + c]! += g * z;
    }
    if (row % length === 0) continue;
    for (let k = 0; k < d; k++) {
      for (let c = 0; c < 3 * d; c++) {
        carry[(row - 1) * d + k]! += dp[row * 3 * d + c]! * u.data[k * 3 * d + c]!;
      }
    }
  }
  const previous = h.map((_, i) => before(Math.floor(i / d), i % d));
  return { h, previous, q, gates, dx, dp };
}

/** Both passes on the device. */
async function run({ sequences, length, d }: Shape, x: Matrix, u: Matrix, dh: Matrix) {
  const rows = sequences * length, numbers = { sequences, length };
  const narrow = { rows, cols: d };
  const forward = await runInstruction("gru_forward", {
    ...{ x, u: { ...u, space: "parameter" as const } },
    ...{ h: narrow, previous: narrow, q: narrow },
  }, numbers);
  const backward = await runInstruction("gru_backward", {
    ...{ x: { ...x, data: forward.x! }, dp: { rows, cols: 3 * d }, dh },
    previous: { ...narrow, data: forward.previous! },
    q: { ...narrow, data: forward.q! },
    // W^T is not kept: the kernel gets W.
    ut: { ...u, space: "transposed" },
  }, numbers);
  const { h, previous, q, x: gates } = forward;
  return { h, previous, q, gates, dx: backward.x, dp: backward.dp };
}

for (const shape of SHAPES) {
  const { sequences, length, d } = shape, rows = sequences * length;
  gpuTest(`GRU and its backward pass, ${sequences} x ${length} tokens, ${d} wide`, async () => {
    for (const scale of [1, 30]) {
      const x = normalMatrix(1, "x", rows, 3 * d, scale), dh = normalMatrix(2, "dh", rows, d);
      const u = normalMatrix(3, "u", d, 3 * d, 1 / Math.sqrt(d));
      const actual = await run(shape, x, u, dh);
      for (const [name, expected] of Object.entries(reference(shape, x, u, dh))) {
        const values = actual[name as keyof typeof actual]!;
        assertRelative(values, expected, `${name}, scale ${scale}`);
      }
    }
  });
}

gpuTest("GRU: states are those of PyTorch's nn.GRU", async () => {
  const { sequences, length, d } = torch, rows = sequences * length;
  const x = new Float32Array(rows * 3 * d), u = new Float32Array(d * 3 * d);
  for (let c = 0; c < 3 * d; c++) {
    for (let k = 0; k < d; k++) {
      // PyTorch keeps weights as (out, in).
      u[k * 3 * d + c] = torch.wHh[c * d + k]!;
      for (let row = 0; row < rows; row++) {
        x[row * 3 * d + c]! += torch.x[row * d + k]! * torch.wIh[c * d + k]!;
      }
    }
  }
  const wide = { rows, cols: 3 * d, data: x }, recurrent = { rows: d, cols: 3 * d, data: u };
  const dh = { rows, cols: d, data: Float32Array.from(torch.dh) };
  const { h } = await run(torch, wide, recurrent, dh);
  assertRelative(h!, torch.h, "h");
});
