// Moving data between layouts.

/** Transposes the 16 x 16 block at x (rows 64 bytes apart) into y, times `scale`; source rows from `rows` on count as zero. */
// @ts-ignore: decorator
@inline
export function transpose_block(y: usize, x: usize, rows: i32, scale: f32): void {
  const k = f32x4.splat(scale), zero = f32x4.splat(0);
  for (let j: usize = 0; j < 16; j += 4) {
    for (let i: usize = 0; i < 16; i += 4) {
      const p = x + (i << 6) + (j << 2);
      let a = zero, b = zero, c = zero, d = zero;
      if (<i32>i < rows) a = f32x4.mul(v128.load(p, 0), k);
      if (<i32>i + 1 < rows) b = f32x4.mul(v128.load(p, 64), k);
      if (<i32>i + 2 < rows) c = f32x4.mul(v128.load(p, 128), k);
      if (<i32>i + 3 < rows) d = f32x4.mul(v128.load(p, 192), k);
      const ab0 = i32x4.shuffle(a, b, 0, 4, 1, 5), ab1 = i32x4.shuffle(a, b, 2, 6, 3, 7);
      const cd0 = i32x4.shuffle(c, d, 0, 4, 1, 5), cd1 = i32x4.shuffle(c, d, 2, 6, 3, 7);
      const q = y + (j << 6) + (i << 2);
      v128.store(q, i32x4.shuffle(ab0, cd0, 0, 1, 4, 5), 0);
      v128.store(q, i32x4.shuffle(ab0, cd0, 2, 3, 6, 7), 64);
      v128.store(q, i32x4.shuffle(ab1, cd1, 0, 1, 4, 5), 128);
      v128.store(q, i32x4.shuffle(ab1, cd1, 2, 3, 6, 7), 192);
    }
  }
}

/** y (n, m) = x^T for x (m, n), both in panels with strides `ys` and `xs`; m % 16 = n % 16 = 0. */
export function transpose(y: usize, ys: usize, x: usize, xs: usize, m: i32, n: i32): void {
  for (let j = 0; j < n; j += 16) {
    for (let i = 0; i < m; i += 16) {
      transpose_block(y + <usize>(i >> 4) * ys + (<usize>j << 6), x + <usize>(j >> 4) * xs + (<usize>i << 6), 16, 1.0);
    }
  }
}

/**
 * Copies rows of x (m, n), panel stride `xs`, out to plain row-major rows of `width` floats (width <= n):
 * row i goes to out + slots[i] * width, or nowhere where slots[i] < 0.
 */
export function gather_rows(out: usize, width: i32, slots: usize, x: usize, xs: usize, m: i32): void {
  for (let i = 0; i < m; i++) {
    const slot = load<i32>(slots + (<usize>i << 2));
    if (slot < 0) continue;
    const q = out + ((<usize>slot * <usize>width) << 2);
    for (let j = 0; j < width; j++) {
      f32.store(q + (<usize>j << 2), f32.load(x + <usize>(j >> 4) * xs + (<usize>i << 6) + (<usize>(j & 15) << 2)));
    }
  }
}
