import { GEMM_VARIANTS, planVariant, tuningKey } from "../../lib/backend/webgpu/gemm.ts";
import { type Matrix, normalMatrix } from "../wasm/testing.ts";
import { assertRelative, gpuTest, runInstruction } from "./testing.ts";

/** op(A) op(B) in float64, row-major. */
function product(a: Matrix, b: Matrix, transposeA: boolean, transposeB: boolean): Float64Array {
  const m = transposeA ? a.cols : a.rows, k = transposeA ? a.rows : a.cols;
  const n = transposeB ? b.rows : b.cols;
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let t = 0; t < k; t++) {
      const x = a.data[transposeA ? t * m + i : i * k + t]!;
      for (let j = 0; j < n; j++) {
        out[i * n + j]! += x * b.data[transposeB ? j * k + t : t * n + j]!;
      }
    }
  }
  return out;
}

/** Rows, columns (padded as the engine pads them) and steps of k. */
const SHAPES = [[1, 16, 16], [5, 32, 48], [33, 48, 80], [67, 80, 112], [130, 144, 16]] as const;

for (const variant of GEMM_VARIANTS) {
  gpuTest(`gemm ${variant.name}: all transpositions, odd shapes, all starts`, async () => {
    for (const [m, n, k] of SHAPES) {
      for (const kind of ["nn", "nt", "tn"]) {
        const transposeA = kind === "tn", transposeB = kind === "nt";
        // k of a weight gradient is any number of rows; m is then a number of columns.
        const [rows, deep] = transposeA ? [n, m + 5] : [m, k];
        const shape = { m: rows, n, k: deep, transposeA, transposeB };
        const tuning = { [tuningKey(shape)]: variant.name };
        const a = normalMatrix(1, "a", transposeA ? deep : rows, transposeA ? rows : deep);
        const b = normalMatrix(2, "b", transposeB ? n : deep, transposeB ? deep : n);
        const init = normalMatrix(3, "init", rows, n);
        const expected = product(a, b, transposeA, transposeB);
        const c = { rows, cols: n };
        const what = `${kind} ${rows} x ${n} x ${deep}`;
        if (transposeA) {
          const out = await runInstruction("gemm_tn", { c, a, b }, {}, { tuning });
          assertRelative(out.c!, expected, what);
          continue;
        }
        const weight = transposeB
          ? { rows: b.cols, cols: b.rows, data: b.data, space: "transposed" as const }
          : b;
        // Where a sum starts is the same code in every variant, and compiling is what takes the time here.
        const first = variant === GEMM_VARIANTS[0];
        if (first) {
          const plain = await runInstruction("gemm_nn", { c, a, b: weight }, {}, { tuning });
          assertRelative(plain.c!, expected, what);
        }
        const sum = expected.map((x, i) => x + init.data[i]!);
        if (first || !transposeB) {
          const other = await runInstruction("gemm_nn", { c, a, b: weight, init }, {}, { tuning });
          assertRelative(other.c!, sum, `${what} + other`);
        }
        if (!first && !transposeB) continue;
        const operands = { c: { ...c, data: init.data }, a, b: weight };
        const own = await runInstruction("gemm_nn", operands, {}, { tuning, same: { init: "c" } });
        assertRelative(own.c!, sum, `${what} + itself`);
      }
    }
  });
}

gpuTest("a long sum is split in a fixed order, and a second contribution adds", async () => {
  const a = normalMatrix(1, "a", 1037, 32), b = normalMatrix(2, "b", 1037, 48);
  const shape = { m: 32, n: 48, k: 1037, transposeA: true, transposeB: false };
  const { splits } = planVariant(shape, GEMM_VARIANTS[0]!);
  if (splits < 3) throw new Error(`${splits} splits: a useless test`);
  const run = () => runInstruction("gemm_tn", { c: { rows: 32, cols: 48 }, a, b });
  const { c } = await run();
  assertRelative(c!, product(a, b, true, false), "split sum");
  const again = await run();
  if (again.c!.some((x, i) => x !== c![i])) throw new Error("two runs differ");
});

gpuTest("a rank that is no multiple of 16 has no rows behind its own", async () => {
  const m = 37, n = 48;
  for (const rank of [1, 5, 8, 20]) {
    const inner = Math.ceil(rank / 16) * 16;
    const a = normalMatrix(1, "a", m, inner), b = normalMatrix(2, "b", rank, n);
    // Padding is zero.
    a.data.forEach((_, i) => i % inner >= rank && (a.data[i] = 0));
    const narrow = {
      rows: m,
      cols: rank,
      data: a.data.filter((_, i) => i % inner < rank),
    };
    for (const products of ["any", "few rows"] as const) {
      const c = { rows: m, cols: n };
      const forward = await runInstruction("gemm_nn", { a, b, c }, {}, { products });
      assertRelative(forward.c!, product(narrow, b, false, false), `C, rank ${rank}, ${products}`);
    }
    const dy = normalMatrix(3, "dy", m, n);
    const down = { rows: n, cols: rank, data: b.data, space: "transposed" as const };
    const back = await runInstruction("gemm_nn", { a: dy, b: down, c: { rows: m, cols: inner } });
    const expected = product(dy, b, false, true);
    const wide = Float64Array.from(
      { length: m * inner },
      (_, i) => i % inner < rank ? expected[Math.floor(i / inner) * rank + i % inner]! : 0,
    );
    assertRelative(back.c!, wide, `dA, rank ${rank}`);
    // A long sum, too, which is split.
    for (const rows of [m, 1037]) {
      const x = normalMatrix(4, "x", rows, inner), y = normalMatrix(5, "y", rows, n);
      const out = await runInstruction("gemm_tn", { a: x, b: y, c: { rows: rank, cols: n } });
      const all = product(x, y, true, false);
      assertRelative(out.c!, all.slice(0, rank * n), `dB, rank ${rank}, ${rows} rows`);
    }
  }
});
