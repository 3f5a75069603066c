/**
 * The kernels of generation with operands in float16, against the same kernels in float32 on the rounded operands:
 * nothing may differ but the rounding of what is stored.
 */
import assert from "node:assert/strict";
import type { Instruction } from "../../lib/tensor/tape.ts";
import { skip } from "../../lib/testing.ts";
import { normalMatrix, randomIntegers } from "../wasm/testing.ts";
import {
  gpuTest,
  runInstruction,
  type RunOptions,
  testDevice,
  type TestOperand,
} from "./testing.ts";

/** Runs both; what is stored in float16 must be the float32 result rounded, up to one unit in the last place. */
function halfTest(
  name: string,
  op: Instruction["op"],
  operands: () => Record<string, TestOperand>,
  numbers: Record<string, number>,
  half: readonly string[],
  options: RunOptions = {},
): void {
  gpuTest(`${name} in float16`, async (t) => {
    if (!testDevice().device.features.has("shader-f16")) {
      return await skip(t, "the adapter lacks shader-f16");
    }
    const rounded = Object.fromEntries(
      Object.entries(operands()).map(([name, { data, ...shape }]) => [
        name,
        data && half.includes(name)
          ? { ...shape, data: Float32Array.from(Float16Array.from(data)) }
          : { ...shape, ...data ? { data } : {} },
      ]),
    );
    const full = await runInstruction(op, rounded, numbers, options);
    const got = await runInstruction(op, rounded, numbers, { ...options, half });
    for (const [name, expected] of Object.entries(full)) {
      expected.forEach((x, i) => {
        const y = got[name]![i]!;
        // Words that are not float32, or not written, are equal.
        if (Object.is(x, y)) return;
        assert.ok(half.includes(name), `${name}[${i}] is ${y}, in float32 ${x}`);
        // A unit in the last place of 11 bits, and of the smallest normal number.
        const unit = Math.max(2 ** -10 * Math.abs(x), 2 ** -24);
        assert.ok(Math.abs(x - y) <= unit, `${name}[${i}] is ${y}, in float32 ${x}`);
      });
    }
  });
}

const zeros = (rows: number, cols: number) => ({ rows, cols, data: new Float32Array(rows * cols) });

halfTest(
  "embedding",
  "embedding_forward",
  () => ({
    w: normalMatrix(1, "w", 21, 48),
    x: zeros(7, 48),
    tokens: { rows: 7, cols: 1, data: randomIntegers(1, "tokens", 7, 21) },
  }),
  {},
  ["w", "x"],
);
halfTest(
  "RMSNorm",
  "rmsnorm_forward",
  () => ({
    x: normalMatrix(1, "x", 33, 272),
    g: normalMatrix(2, "g", 1, 272),
    y: zeros(33, 272),
    rstd: zeros(33, 1),
  }),
  { eps: 1e-5 },
  ["x", "g", "y"],
);
halfTest(
  "GELU",
  "gelu_forward",
  () => ({ u: normalMatrix(1, "u", 33, 48, 3), y: zeros(33, 48) }),
  {},
  ["u", "y"],
);
halfTest(
  "rotary positions",
  "rope",
  () => ({
    x: normalMatrix(1, "x", 9, 64),
    positions: { rows: 9, cols: 1, data: randomIntegers(1, "positions", 9, 5) },
    table: normalMatrix(2, "table", 5, 16),
  }),
  { heads: 2, headDim: 32, rotaryDim: 16, sign: 1 },
  ["x"],
);
for (const k of [80, 1040]) {
  halfTest(
    `matrix product over ${k}`,
    "gemm_nn",
    () => ({
      a: normalMatrix(1, "a", 37, k),
      b: normalMatrix(2, "b", k, 48),
      init: normalMatrix(3, "init", 37, 48),
      c: zeros(37, 48),
    }),
    {},
    ["a", "b", "init", "c"],
  );
}
halfTest(
  "matrix product to float32",
  "gemm_nn",
  () => ({ a: normalMatrix(1, "a", 5, 32), b: normalMatrix(2, "b", 32, 48), c: zeros(5, 48) }),
  {},
  ["a", "b"],
);
for (const headDim of [16, 80]) {
  const heads = 3, rows = 5, capacity = 72;
  halfTest(
    `attention with heads of ${headDim}`,
    "attention_decode",
    () => ({
      qkv: normalMatrix(1, "qkv", rows, 3 * heads * headDim),
      cache: normalMatrix(2, "cache", 1, rows * heads * 2 * capacity * headDim),
      o: zeros(rows, heads * headDim),
    }),
    { rows, capacity, heads, headDim },
    ["qkv", "cache", "o"],
    { step: 66 },
  );
}
