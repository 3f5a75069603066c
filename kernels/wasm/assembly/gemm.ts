// Matrix products on panel-16 matrices.
//
// Layout. A matrix (rows, cols) is stored as cols / 16 panels; a panel holds 16 columns of every row,
// row after row, 64 bytes each. Panels are `stride` bytes apart (at least rows * 64; the engine adds 64
// so that equal rows of neighbouring panels do not compete for one cache set).
//
// Promise. Every output element is its initial value plus the products added one by one in the order of
// the reduction index, each product rounded to float32 first: equal to the last bit to the loop
// `acc = fround(acc + fround(a * b))` in JavaScript. Nothing about tiling shows in the result. The tiles are
// written out so that their 16 sums stay in registers.

/**
 * One 4 x 16 tile of C = init + A B: rows of A are 64 bytes apart and the reduction runs along its
 * columns, across panels `as` bytes apart. `k` is any positive count.
 */
// @ts-ignore: decorator
@inline
export function tile_nn(c: usize, a: usize, as: usize, b: usize, init: usize, k: i32): void {
  let c00 = f32x4.splat(0), c01 = c00, c02 = c00, c03 = c00;
  let c10 = c00, c11 = c00, c12 = c00, c13 = c00;
  let c20 = c00, c21 = c00, c22 = c00, c23 = c00;
  let c30 = c00, c31 = c00, c32 = c00, c33 = c00;
  if (init) {
    c00 = v128.load(init, 0); c01 = v128.load(init, 16); c02 = v128.load(init, 32); c03 = v128.load(init, 48);
    c10 = v128.load(init, 64); c11 = v128.load(init, 80); c12 = v128.load(init, 96); c13 = v128.load(init, 112);
    c20 = v128.load(init, 128); c21 = v128.load(init, 144); c22 = v128.load(init, 160); c23 = v128.load(init, 176);
    c30 = v128.load(init, 192); c31 = v128.load(init, 208); c32 = v128.load(init, 224); c33 = v128.load(init, 240);
  }
  while (k > 0) {
    const end = a + (<usize>min(k, 16) << 2);
    for (let p = a; p < end; p += 4) {
      const b0 = v128.load(b, 0), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
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
      b += 64;
    }
    a += as;
    k -= 16;
  }
  v128.store(c, c00, 0); v128.store(c, c01, 16); v128.store(c, c02, 32); v128.store(c, c03, 48);
  v128.store(c, c10, 64); v128.store(c, c11, 80); v128.store(c, c12, 96); v128.store(c, c13, 112);
  v128.store(c, c20, 128); v128.store(c, c21, 144); v128.store(c, c22, 160); v128.store(c, c23, 176);
  v128.store(c, c30, 192); v128.store(c, c31, 208); v128.store(c, c32, 224); v128.store(c, c33, 240);
}

/**
 * C = init + A B. C is (m, n), A is (m, k), B is (k, n); m % 4 = k % 16 = n % 16 = 0.
 * `init` is 0 or a matrix like C (it may be C itself) with panel stride `is`. Strides are in bytes.
 */
export function gemm_nn(
  c: usize, cs: usize, a: usize, as: usize, b: usize, bs: usize, init: usize, is: usize,
  m: i32, k: i32, n: i32,
): void {
  for (let j = 0; j < n; j += 16) {
    for (let i: usize = 0, end = <usize>m << 6; i < end; i += 256) {
      tile_nn(c + i, a + i, as, b, init ? init + i : 0, k);
    }
    b += bs;
    c += cs;
    if (init) init += is;
  }
}

/** One 4 x 16 tile of C = init + A^T B: the reduction runs down `m` rows, 64 bytes apart in A and in B. */
// @ts-ignore: decorator
@inline
export function tile_tn(c: usize, a: usize, b: usize, init: usize, m: i32): void {
  let c00 = f32x4.splat(0), c01 = c00, c02 = c00, c03 = c00;
  let c10 = c00, c11 = c00, c12 = c00, c13 = c00;
  let c20 = c00, c21 = c00, c22 = c00, c23 = c00;
  let c30 = c00, c31 = c00, c32 = c00, c33 = c00;
  if (init) {
    c00 = v128.load(init, 0); c01 = v128.load(init, 16); c02 = v128.load(init, 32); c03 = v128.load(init, 48);
    c10 = v128.load(init, 64); c11 = v128.load(init, 80); c12 = v128.load(init, 96); c13 = v128.load(init, 112);
    c20 = v128.load(init, 128); c21 = v128.load(init, 144); c22 = v128.load(init, 160); c23 = v128.load(init, 176);
    c30 = v128.load(init, 192); c31 = v128.load(init, 208); c32 = v128.load(init, 224); c33 = v128.load(init, 240);
  }
  for (let end = b + (<usize>m << 6); b < end; b += 64) {
    const b0 = v128.load(b, 0), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
    const a0 = v128.load32_splat(a, 0), a1 = v128.load32_splat(a, 4);
    const a2 = v128.load32_splat(a, 8), a3 = v128.load32_splat(a, 12);
    c00 = f32x4.add(c00, f32x4.mul(a0, b0)); c01 = f32x4.add(c01, f32x4.mul(a0, b1));
    c02 = f32x4.add(c02, f32x4.mul(a0, b2)); c03 = f32x4.add(c03, f32x4.mul(a0, b3));
    c10 = f32x4.add(c10, f32x4.mul(a1, b0)); c11 = f32x4.add(c11, f32x4.mul(a1, b1));
    c12 = f32x4.add(c12, f32x4.mul(a1, b2)); c13 = f32x4.add(c13, f32x4.mul(a1, b3));
    c20 = f32x4.add(c20, f32x4.mul(a2, b0)); c21 = f32x4.add(c21, f32x4.mul(a2, b1));
    c22 = f32x4.add(c22, f32x4.mul(a2, b2)); c23 = f32x4.add(c23, f32x4.mul(a2, b3));
    c30 = f32x4.add(c30, f32x4.mul(a3, b0)); c31 = f32x4.add(c31, f32x4.mul(a3, b1));
    c32 = f32x4.add(c32, f32x4.mul(a3, b2)); c33 = f32x4.add(c33, f32x4.mul(a3, b3));
    a += 64;
  }
  v128.store(c, c00, 0); v128.store(c, c01, 16); v128.store(c, c02, 32); v128.store(c, c03, 48);
  v128.store(c, c10, 64); v128.store(c, c11, 80); v128.store(c, c12, 96); v128.store(c, c13, 112);
  v128.store(c, c20, 128); v128.store(c, c21, 144); v128.store(c, c22, 160); v128.store(c, c23, 176);
  v128.store(c, c30, 192); v128.store(c, c31, 208); v128.store(c, c32, 224); v128.store(c, c33, 240);
}

/**
 * C += A^T B, the weight gradient. C is (k, n), A is (m, k), B is (m, n); k % 16 = n % 16 = 0.
 * Strides are in bytes.
 */
export function gemm_tn(
  c: usize, cs: usize, a: usize, as: usize, b: usize, bs: usize, m: i32, k: i32, n: i32,
): void {
  for (let j = 0; j < n; j += 16) {
    let ci = c, ai = a;
    for (let i = 0; i < k; i += 16) {
      for (let t: usize = 0; t < 4; t++) tile_tn(ci + (t << 8), ai + (t << 4), b, ci + (t << 8), m);
      ci += 1024;
      ai += as;
    }
    b += bs;
    c += cs;
  }
}
