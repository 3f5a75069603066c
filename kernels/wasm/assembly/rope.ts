// Rotary position embedding (Su et al. 2021) with caller-given position ids, on part of each head; `rotate` in
// lib/nn/reference.ts is the same in plain loops.

/**
 * Rotates, in place, the first `rotary` dimensions of every head of x (m, heads * head_dim), panel stride
 * `xs`, by the angle of the row's position. `positions` is (m) i32; `table` is (positions, rotary / 2, 2)
 * float32: cosine and sine. Inside each panel dimension i is paired with i + w / 2, where w = min(rotary, 16)
 * is the rotated width of a panel. rotary is 8 or a multiple of 16. `sign` is 1 forward and -1 backward
 * (the inverse of a rotation is its transpose).
 */
export function rope(
  x: usize, xs: usize, positions: usize, table: usize, m: i32, heads: i32, head_dim: i32, rotary: i32, sign: f32,
): void {
  const half = min(rotary, 16) >> 1;
  const row = <usize>rotary << 2;
  const head_panels = head_dim >> 4;
  for (let h = 0; h < heads; h++) {
    for (let p = 0; p < head_panels; p++) {
      if (p * 16 >= rotary) continue;
      const base = x + <usize>(h * head_panels + p) * xs;
      for (let i = 0; i < m; i++) {
        const angle = table + <usize>load<i32>(positions + (<usize>i << 2)) * row + (<usize>p << 6);
        const q = base + (<usize>i << 6);
        for (let f = 0; f < half; f += 4) {
          // Four (cos, sin) pairs, pulled apart into four cosines and four sines.
          const t0 = v128.load(angle + (<usize>f << 3), 0), t1 = v128.load(angle + (<usize>f << 3), 16);
          const cos = i32x4.shuffle(t0, t1, 0, 2, 4, 6);
          const sin = f32x4.mul(i32x4.shuffle(t0, t1, 1, 3, 5, 7), f32x4.splat(sign));
          const lo = q + (<usize>f << 2), hi = q + (<usize>(f + half) << 2);
          const a = v128.load(lo), b = v128.load(hi);
          v128.store(lo, f32x4.sub(f32x4.mul(a, cos), f32x4.mul(b, sin)));
          v128.store(hi, f32x4.add(f32x4.mul(b, cos), f32x4.mul(a, sin)));
        }
      }
    }
  }
}
