import {
  ALL_NUMBERS,
  assertSameBits,
  Bench,
  f32,
  type Matrix,
  normalMatrix,
  STORAGES,
  stored,
} from "./testing.ts";

const bench = await Bench.create("pretrained");
const SCRATCH = 16 * 2048;

/** init + A B, or init + A B^T, the products added one by one in the order of the reduction index. */
function reference(a: Matrix, b: Matrix, isTransposed: boolean, init?: Matrix): Float32Array {
  const cols = isTransposed ? b.rows : b.cols, out = new Float32Array(a.rows * cols);
  const [stepK, stepJ] = isTransposed ? [1, b.cols] : [b.cols, 1];
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < cols; j++) {
      let sum = init ? init.data[i * cols + j]! : 0;
      for (let k = 0; k < a.cols; k++) {
        sum = f32(sum + f32(a.data[i * a.cols + k]! * b.data[k * stepK + j * stepJ]!));
      }
      out[i * cols + j] = sum;
    }
  }
  return out;
}

// Rows of A, rows and columns of B; the last two reach over more than one block of the reduction, one way and the other.
const SHAPES = [
  [4, 16, 16],
  [8, 48, 32],
  [12, 16, 48],
  [20, 48, 16],
  [16, 32, 80],
  [68, 112, 32],
  [8, 4128, 16],
  [12, 2064, 32],
  [4, 32, 2064],
  [12, 16, 4112],
] as const;

for (const op of ["frozen_gemm_nn", "frozen_gemm_nt"] as const) {
  const isTransposed = op === "frozen_gemm_nt";
  Deno.test(`${op} adds init and products in order, to the bit, in every storage`, () => {
    for (const [m, k, n] of SHAPES) {
      for (const storage of STORAGES) {
        for (const [gap, mode] of [[0, "none"], [64, "other"], [32, "itself"]] as const) {
          const what = `${op} ${m}x${k}x${n} ${storage} gap ${gap} init ${mode}`;
          bench.reset();
          const a = normalMatrix(1, what, m, isTransposed ? n : k), cols = isTransposed ? k : n;
          const b = stored(normalMatrix(2, what, k, n), storage);
          const init = mode === "none" ? undefined : normalMatrix(3, what, m, cols);
          const pa = bench.matrix(a, gap), pb = bench.frozen(b, storage, gap);
          // Different strides: the kernel must not take one operand's for another's.
          const pi = init && bench.matrix(init, mode === "itself" ? 16 : 128);
          const pc = mode === "itself" ? pi! : bench.space(m, cols, 16);
          bench.kernels[op]!(
            ...[pc.at, pc.stride, pa.at, pa.stride, pb.at, pb.stride, STORAGES.indexOf(storage)],
            ...[pi?.at ?? 0, pi?.stride ?? 0, bench.floats(SCRATCH), m, k, n],
          );
          bench.check(what);
          assertSameBits(bench.unpack(pc).data, reference(a, b, isTransposed, init), what);
          assertSameBits(bench.unpack(pa).data, a.data, `${what}: A`);
        }
      }
    }
  });
}

/** All numbers of 16 bits that are finite and not -0, in rows of 16. */
function finiteNumbers(storage: "float16" | "bfloat16"): Matrix {
  const finite = [...ALL_NUMBERS[storage]].filter((x) => Number.isFinite(x) && !Object.is(x, -0));
  const data = Float32Array.from({ length: 65536 }, (_, i) => finite[i] ?? 0);
  return { rows: 4096, cols: 16, data };
}

// 1 times a number, and 0 times the others.
Deno.test("products with frozen matrices widen every finite number exactly", () => {
  for (const storage of ["float16", "bfloat16"] as const) {
    const tall = finiteNumbers(storage), wide = { ...tall, rows: 16, cols: 4096 };
    for (const m of [4, 8, 16]) {
      for (let first = 0; first < 16; first += m) {
        const what = `${storage}, rows ${first} to ${first + m}`;
        const data = new Float32Array(m * 16);
        for (let i = 0; i < m; i++) data[i * 16 + first + i] = 1;
        for (
          const [op, b, expected] of [
            ["frozen_gemm_nn", wide, wide.data.slice(first * 4096, (first + m) * 4096)],
            ["frozen_gemm_nt", tall, transposedColumns(tall, first, m)],
          ] as const
        ) {
          bench.reset();
          const pa = bench.matrix({ rows: m, cols: 16, data }), pb = bench.frozen(b, storage);
          const pc = bench.space(m, 4096);
          bench.kernels[op]!(
            ...[pc.at, pc.stride, pa.at, pa.stride, pb.at, pb.stride, STORAGES.indexOf(storage)],
            ...[0, 0, bench.floats(SCRATCH), m, b.rows, b.cols],
          );
          bench.check(what);
          assertSameBits(bench.unpack(pc).data, expected, `${op} ${what}`);
        }
      }
    }
  }
});

/** Columns first.. of a matrix as rows. */
function transposedColumns({ rows, cols, data }: Matrix, first: number, count: number) {
  return Float32Array.from(
    { length: count * rows },
    (_, i) => data[i % rows * cols + first + Math.floor(i / rows)]!,
  );
}
