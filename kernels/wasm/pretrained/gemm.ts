// Products with frozen matrices: layout and promise as in assembly/gemm.ts, whatever the storage.
import { gemm_nn, tile_nn } from "../assembly/gemm";
import { BFLOAT16, FLOAT32, widen, widen_transposed } from "./widen";

/** Rows of one panel that are widened together. */
const BLOCK = 2048;

/** What belongs to the odd column in a word of two bfloat16 numbers. */
const ODD = memory.data<u32>([0xffff0000], 16);
/** Up to this many rows of A, bfloat16 is widened in registers for each four of them. */
const FEW = 16;

/** Four rows of 16 numbers at p, 64 bytes apart, to c: even columns first, then odd ones. */
// @ts-ignore: decorator
@inline
function part_columns(c: usize, p: usize): void {
  for (let end = c + 256; c < end; c += 64) {
    const a = v128.load(p, 0), b = v128.load(p, 16), d = v128.load(p, 32), e = v128.load(p, 48);
    v128.store(c, i32x4.shuffle(a, b, 0, 2, 4, 6), 0); v128.store(c, i32x4.shuffle(d, e, 0, 2, 4, 6), 16);
    v128.store(c, i32x4.shuffle(a, b, 1, 3, 5, 7), 32); v128.store(c, i32x4.shuffle(d, e, 1, 3, 5, 7), 48);
    p += 64;
  }
}

/** Undoes `part_columns`, in place. */
// @ts-ignore: decorator
@inline
function join_columns(c: usize): void {
  for (let end = c + 256; c < end; c += 64) {
    const a = v128.load(c, 0), b = v128.load(c, 16), d = v128.load(c, 32), e = v128.load(c, 48);
    v128.store(c, i32x4.shuffle(a, d, 0, 4, 1, 5), 0); v128.store(c, i32x4.shuffle(a, d, 2, 6, 3, 7), 16);
    v128.store(c, i32x4.shuffle(b, e, 0, 4, 1, 5), 32); v128.store(c, i32x4.shuffle(b, e, 2, 6, 3, 7), 48);
  }
}

/**
 * As `tile_nn`, with B in bfloat16. A word of B is an even column and an odd one: sums of even columns come first in each row
 * until they are all there.
 */
function tile_nn_bfloat16(c: usize, a: usize, as: usize, b: usize, init: usize, k: i32): void {
  const odd = v128.load32_splat(ODD);
  let c00 = f32x4.splat(0), c01 = c00, c02 = c00, c03 = c00;
  let c10 = c00, c11 = c00, c12 = c00, c13 = c00;
  let c20 = c00, c21 = c00, c22 = c00, c23 = c00;
  let c30 = c00, c31 = c00, c32 = c00, c33 = c00;
  if (init) {
    part_columns(c, init);
    c00 = v128.load(c, 0); c01 = v128.load(c, 16); c02 = v128.load(c, 32); c03 = v128.load(c, 48);
    c10 = v128.load(c, 64); c11 = v128.load(c, 80); c12 = v128.load(c, 96); c13 = v128.load(c, 112);
    c20 = v128.load(c, 128); c21 = v128.load(c, 144); c22 = v128.load(c, 160); c23 = v128.load(c, 176);
    c30 = v128.load(c, 192); c31 = v128.load(c, 208); c32 = v128.load(c, 224); c33 = v128.load(c, 240);
  }
  while (k > 0) {
    const end = a + (<usize>min(k, 16) << 2);
    for (let p = a; p < end; p += 4) {
      const x0 = v128.load(b, 0), x1 = v128.load(b, 16);
      const b0 = i32x4.shl(x0, 16), b1 = i32x4.shl(x1, 16), b2 = v128.and(x0, odd), b3 = v128.and(x1, odd);
      const a0 = v128.load32_splat(p, 0), a1 = v128.load32_splat(p, 64);
      const a2 = v128.load32_splat(p, 128), a3 = v128.load32_splat(p, 192);
      c00 = f32x4.add(c00, f32x4.mul(a0, b0)); c01 = f32x4.add(c01, f32x4.mul(a0, b1));
      c02 = f32x4.add(c02, f32x4.mul(a0, b2)); c03 = f32x4.add(c03, f32x4.mul(a0, b3));
      c10 = f32x4.add(c10, f32x4.mul(a1, b0)); c11 = f32x4.add(c11, f32x4.mul(a1, b1));
      c12 = f32x4.add(c12, f32x4.mul(a1, b2)); c13 = f32x4.add(c13, f32x4.mul(a1, b3));
      c20 = f32x4.add(c20, f32x4.mul(a2, b0)); c21 = f32x4.add(c21, f32x4.mul(a2, b1));
      c22 = f32x4.add(c22, f32x4.mul(a2, b2)); c23 = f32x4.add(c23, f32x4.mul(a2, b3));
      c30 = f32x4.add(c30, f32x4.mul(a3, b0)); c31 = f32x4.add(c31, f32x4.mul(a3, b1));
      c32 = f32x4.add(c32, f32x4.mul(a3, b2)); c33 = f32x4.add(c33, f32x4.mul(a3, b3));
      b += 32;
    }
    a += as;
    k -= 16;
  }
  v128.store(c, c00, 0); v128.store(c, c01, 16); v128.store(c, c02, 32); v128.store(c, c03, 48);
  v128.store(c, c10, 64); v128.store(c, c11, 80); v128.store(c, c12, 96); v128.store(c, c13, 112);
  v128.store(c, c20, 128); v128.store(c, c21, 144); v128.store(c, c22, 160); v128.store(c, c23, 176);
  v128.store(c, c30, 192); v128.store(c, c31, 208); v128.store(c, c32, 224); v128.store(c, c33, 240);
  join_columns(c);
}

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
  if (storage == BFLOAT16 && m <= FEW) {
    for (let j = 0; j < n; j += 16) {
      for (let i: usize = 0, end = <usize>m << 6; i < end; i += 256) {
        tile_nn_bfloat16(c + i, a + i, as, b, init ? init + i : 0, k);
      }
      b += bs;
      c += cs;
      if (init) init += is;
    }
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
