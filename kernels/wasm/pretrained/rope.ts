// Rotary position embedding (Su et al. 2021) over whole heads, as pretrained models have it: the two halves of a head are
// paired.

/**
 * Rotates every head of x (m, heads * head_dim), panel stride `xs`, in place: dimensions i and i + head_dim / 2 by angle i of
 * the row's position. `positions` is (m) i32; `table` is (positions, head_dim / 2, 2) float32: cosine and sine.
 * head_dim % 16 = 0. `sign` is 1 forward and -1 backward (the inverse of a rotation is its transpose).
 */
export function rope_halves(
  x: usize, xs: usize, positions: usize, table: usize, m: i32, heads: i32, head_dim: i32, sign: f32,
): void {
  const half = head_dim >> 1;
  const k = f32x4.splat(sign);
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < m; i++) {
      const angle = table + <usize>load<i32>(positions + (<usize>i << 2)) * (<usize>head_dim << 2);
      const row = x + (<usize>i << 6);
      for (let f = 0; f < half; f += 4) {
        // Four (cos, sin) pairs, pulled apart into four cosines and four sines.
        const t0 = v128.load(angle + (<usize>f << 3), 0), t1 = v128.load(angle + (<usize>f << 3), 16);
        const cos = i32x4.shuffle(t0, t1, 0, 2, 4, 6);
        const sin = f32x4.mul(i32x4.shuffle(t0, t1, 1, 3, 5, 7), k);
        const g = f + half;
        const lo = row + <usize>(f >> 4) * xs + (<usize>(f & 15) << 2);
        const hi = row + <usize>(g >> 4) * xs + (<usize>(g & 15) << 2);
        const a = v128.load(lo), b = v128.load(hi);
        v128.store(lo, f32x4.sub(f32x4.mul(a, cos), f32x4.mul(b, sin)));
        v128.store(hi, f32x4.add(f32x4.mul(b, cos), f32x4.mul(a, sin)));
      }
    }
    x += <usize>(head_dim >> 4) * xs;
  }
}
