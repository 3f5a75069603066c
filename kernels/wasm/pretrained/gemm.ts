// Products with frozen matrices: layout and promise as in assembly/gemm.ts, whatever the storage.
import { gemm_nn, tile_nn } from "../assembly/gemm";
import { FLOAT32, widen, widen_transposed } from "./widen";

/** Rows of one panel that are widened together. */
const BLOCK = 2048;

/**
 * C = init + A B. C is (m, n), A is (m, k), frozen B is (k, n); m % 4 = k % 16 = n % 16 = 0. `init` is 0 or a matrix like C (it
 * may be C itself) with panel stride `is`. Strides are in bytes. `scratch` holds BLOCK rows of 64 bytes.
 */
export function frozen_gemm_nn(
  c: usize, cs: usize, a: usize, as: usize, b: usize, bs: usize, storage: i32, init: usize, is: usize, scratch: usize,
  m: i32, k: i32, n: i32,
): void {
  if (storage == FLOAT32) {
    gemm_nn(c, cs, a, as, b, bs, init, is, m, k, n);
    return;
  }
  for (let j = 0; j < n; j += 16) {
    for (let from = 0; from < k; from += BLOCK) {
      const rows = min(k - from, BLOCK), part = a + <usize>(from >> 4) * as;
      widen(scratch, b + (<usize>from << 5), rows, storage);
      for (let i: usize = 0, end = <usize>m << 6; i < end; i += 256) {
        tile_nn(c + i, part + i, as, scratch, from ? c + i : init ? init + i : 0, rows);
      }
    }
    b += bs;
    c += cs;
    if (init) init += is;
  }
}

/** C = init + A B^T. C is (m, k), A is (m, n), frozen B is (k, n); otherwise as above. */
export function frozen_gemm_nt(
  c: usize, cs: usize, a: usize, as: usize, b: usize, bs: usize, storage: i32, init: usize, is: usize, scratch: usize,
  m: i32, k: i32, n: i32,
): void {
  const row: usize = storage == FLOAT32 ? 64 : 32;
  // Blocks of the reduction outside, so that A's columns stay in the cache.
  for (let from = 0; from < n; from += BLOCK) {
    const cols = min(n - from, BLOCK);
    for (let j = 0; j < k; j += 16) {
      widen_transposed(scratch, b + <usize>j * row, bs, cols >> 4, storage);
      const to = c + <usize>(j >> 4) * cs, start = from ? to : init ? init + <usize>(j >> 4) * is : 0;
      for (let i: usize = 0, end = <usize>m << 6; i < end; i += 256) {
        tile_nn(to + i, a + i, as, scratch, start ? start + i : 0, cols);
      }
    }
    a += (BLOCK >> 4) * as;
    b += (BLOCK >> 4) * bs;
  }
}
