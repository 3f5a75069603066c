/** Tests of what reads frozen weights, in each of their storages. */
import assert from "node:assert/strict";
import type { WeightStorage } from "../../lib/tensor/tape.ts";
import { type Matrix, normalMatrix, randomIntegers } from "../wasm/testing.ts";
import { assertRelative, gpuTest, packed, runInstruction } from "./testing.ts";

const STORAGES = ["float32", "float16", "bfloat16"] as const;

/** What is left of a number in a storage: the nearest that it has, of two as near the one whose last bit is 0. */
function rounded(x: number, storage: WeightStorage): number {
  if (storage === "float32") return x;
  if (storage === "float16") return new Float16Array([x])[0]!;
  const unit = 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x)))) - 7), n = x / unit;
  const below = Math.floor(n), rest = n - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  return (below + Number(up)) * unit;
}

/** op(A) B or A B^T in float64. */
function product(a: Matrix, b: Matrix, transposeB: boolean): Float64Array {
  const n = transposeB ? b.rows : b.cols, out = new Float64Array(a.rows * n);
  for (let i = 0; i < a.rows; i++) {
    for (let t = 0; t < a.cols; t++) {
      const x = a.data[i * a.cols + t]!;
      for (let j = 0; j < n; j++) {
        out[i * n + j]! += x * b.data[transposeB ? j * b.cols + t : t * b.cols + j]!;
      }
    }
  }
  return out;
}

Deno.test("storages round to nearest even, and pad columns by zeros", () => {
  const values = [
    ...[0, -0, 1, -2.5, 1 / 3, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, 3e38],
    ...[1e-40, 65504, 65520, 70000, 2049, 2051, 6e-8, 3e-8, Infinity, NaN, -1e-3],
  ];
  const cols = 5, rows = values.length / cols, numbers = Float32Array.from(values);
  const expected = (widen: (x: number) => number) =>
    Array.from({ length: rows * 16 }, (_, i) => i % 16 < cols ? widen(i) : 0);
  const at = (i: number) => Math.fround(values[(i >> 4) * cols + i % 16]!);
  const same = (actual: Iterable<number>, expected: number[]) =>
    assert.deepEqual([...actual].map((x) => Object.is(x, -0) ? "-0" : x), [
      ...expected.map((x) => Object.is(x, -0) ? "-0" : x),
    ]);
  same(new Float32Array(packed(numbers, cols, "float32").buffer), expected(at));
  const half = new Float16Array(packed(numbers, cols, "float16").buffer);
  same(half, expected((i) => new Float16Array([at(i)])[0]!));
  assert.equal(half[2 * 16 + 1], Infinity, "65520");
  const upper = new Uint16Array(packed(numbers, cols, "bfloat16").buffer);
  const brain = new Float32Array(Uint32Array.from(upper, (x) => x << 16).buffer);
  same(
    brain,
    expected((i) => Number.isFinite(at(i)) && at(i) !== 0 ? rounded(at(i), "bfloat16") : at(i)),
  );
  // The largest float32 is nearer to what would be the next power of two: infinity.
  const [most] = packed(Float32Array.of(3.4028234663852886e38), 1, "bfloat16");
  assert.equal(most, 0x7f80);
});

/** Rows, and the shape of the weight as it is stored. */
const SHAPES = [[1, 16, 16], [5, 48, 32], [33, 80, 144], [67, 32, 48], [4, 304, 640]] as const;

for (const storage of STORAGES) {
  gpuTest(`products with ${storage} weights, read either way`, async () => {
    for (const [m, inputs, outputs] of SHAPES) {
      const b = normalMatrix(1, "b", inputs, outputs);
      const weight = { ...b, storage };
      const exact = { ...b, data: b.data.map((x) => rounded(x, storage)) };
      for (
        const [op, transposeB] of [["frozen_gemm_nn", false], ["frozen_gemm_nt", true]] as const
      ) {
        const [k, n] = transposeB ? [outputs, inputs] : [inputs, outputs];
        const a = normalMatrix(2, "a", m, k), init = normalMatrix(3, "init", m, n);
        const c = { rows: m, cols: n }, expected = product(a, exact, transposeB);
        const sum = expected.map((x, i) => x + init.data[i]!);
        const what = `${op} ${m} x ${n} x ${k}`;
        const modes = transposeB ? ["any"] as const : ["any", "rows", "few rows"] as const;
        for (const products of modes) {
          const plain = await runInstruction(op, { a, b: weight, c }, {}, { products });
          assertRelative(plain.c!, expected, `${what}, ${products}`);
          const other = await runInstruction(op, { a, b: weight, c, init }, {}, { products });
          assertRelative(other.c!, sum, `${what} + other, ${products}`);
          const own = { a, b: weight, c: { ...c, data: init.data } };
          const itself = await runInstruction(op, own, {}, { products, same: { init: "c" } });
          assertRelative(itself.c!, sum, `${what} + itself, ${products}`);
        }
      }
    }
  });

  gpuTest(`columns of a ${storage} embedding`, async () => {
    for (const [rows, d, vocabulary] of [[1, 16, 16], [9, 48, 32], [70, 32, 304]] as const) {
      const w = normalMatrix(1, "w", d, vocabulary);
      const tokens = randomIntegers(2, "tokens", rows, vocabulary);
      const { x } = await runInstruction("frozen_embedding", {
        w: { ...w, storage },
        tokens: { rows, cols: 1, data: tokens },
        x: { rows, cols: d },
      });
      const expected = Float64Array.from(
        { length: rows * d },
        (_, i) => rounded(w.data[i % d * vocabulary + tokens[Math.floor(i / d)]!]!, storage),
      );
      assertRelative(x!, expected, "x", 0);
    }
  });
}

gpuTest("a row's product has the same bits however many rows there are", async () => {
  const k = 640, n = 48, b = { ...normalMatrix(1, "b", k, n), storage: "bfloat16" as const };
  const a = normalMatrix(2, "a", 70, k);
  for (const products of ["rows", "few rows"] as const) {
    const run = async (rows: number) => {
      const first = { rows, cols: k, data: a.data.slice(0, rows * k) };
      const c = { rows, cols: n };
      return (await runInstruction("frozen_gemm_nn", { a: first, b, c }, {}, { products })).c!;
    };
    const all = await run(70);
    for (const rows of [1, 3, 16, 17, 69]) {
      assert.deepEqual(await run(rows), all.slice(0, rows * n), `${rows} rows, ${products}`);
    }
  }
});
