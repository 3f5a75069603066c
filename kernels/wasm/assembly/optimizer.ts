// Gradient reduction and AdamW over flat buffers (count % 16 = 0).
import { sum_lanes } from "./simd";

/**
 * g0 = (g0 + g1) + (g2 + g3), where the four shards' gradients stand `stride` bytes apart, and returns the sum of
 * squares of the result (16 lanes, then (0 + 1) + (2 + 3) twice).
 */
export function reduce_gradients(g: usize, stride: usize, count: i32): f32 {
  let t0 = f32x4.splat(0), t1 = t0, t2 = t0, t3 = t0;
  const h = g + stride, k = h + stride, l = k + stride;
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 64) {
    const a0 = v128.load(g + i, 0), a1 = v128.load(g + i, 16), a2 = v128.load(g + i, 32), a3 = v128.load(g + i, 48);
    const b0 = v128.load(h + i, 0), b1 = v128.load(h + i, 16), b2 = v128.load(h + i, 32), b3 = v128.load(h + i, 48);
    const c0 = v128.load(k + i, 0), c1 = v128.load(k + i, 16), c2 = v128.load(k + i, 32), c3 = v128.load(k + i, 48);
    const d0 = v128.load(l + i, 0), d1 = v128.load(l + i, 16), d2 = v128.load(l + i, 32), d3 = v128.load(l + i, 48);
    const s0 = f32x4.add(f32x4.add(a0, b0), f32x4.add(c0, d0)), s1 = f32x4.add(f32x4.add(a1, b1), f32x4.add(c1, d1));
    const s2 = f32x4.add(f32x4.add(a2, b2), f32x4.add(c2, d2)), s3 = f32x4.add(f32x4.add(a3, b3), f32x4.add(c3, d3));
    t0 = f32x4.add(t0, f32x4.mul(s0, s0)); t1 = f32x4.add(t1, f32x4.mul(s1, s1));
    t2 = f32x4.add(t2, f32x4.mul(s2, s2)); t3 = f32x4.add(t3, f32x4.mul(s3, s3));
    v128.store(g + i, s0, 0); v128.store(g + i, s1, 16); v128.store(g + i, s2, 32); v128.store(g + i, s3, 48);
  }
  return sum_lanes(f32x4.add(f32x4.add(t0, t1), f32x4.add(t2, t3)));
}

/**
 * AdamW (Loshchilov & Hutter 2019), PyTorch's order of operations:
 * g *= clip; p *= decay (1 - lr * weight decay); m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
 * p -= step (lr / bias correction 1) * m / (sqrt(v) * root (1 / sqrt(bias correction 2)) + eps).
 */
export function adamw(
  p: usize, g: usize, m: usize, v: usize, count: i32,
  clip: f32, decay: f32, b1: f32, b2: f32, step: f32, root: f32, eps: f32,
): void {
  const c = f32x4.splat(clip), d = f32x4.splat(decay), e = f32x4.splat(eps);
  const m1 = f32x4.splat(b1), m2 = f32x4.splat(1.0 - b1), v1 = f32x4.splat(b2), v2 = f32x4.splat(1.0 - b2);
  const s = f32x4.splat(step), r = f32x4.splat(root);
  for (let i: usize = 0, end = <usize>count << 2; i < end; i += 32) {
    const ga = f32x4.mul(v128.load(g + i, 0), c), gb = f32x4.mul(v128.load(g + i, 16), c);
    const ma = f32x4.add(f32x4.mul(v128.load(m + i, 0), m1), f32x4.mul(ga, m2));
    const mb = f32x4.add(f32x4.mul(v128.load(m + i, 16), m1), f32x4.mul(gb, m2));
    const va = f32x4.add(f32x4.mul(v128.load(v + i, 0), v1), f32x4.mul(f32x4.mul(ga, ga), v2));
    const vb = f32x4.add(f32x4.mul(v128.load(v + i, 16), v1), f32x4.mul(f32x4.mul(gb, gb), v2));
    const ua = f32x4.div(f32x4.mul(ma, s), f32x4.add(f32x4.mul(f32x4.sqrt(va), r), e));
    const ub = f32x4.div(f32x4.mul(mb, s), f32x4.add(f32x4.mul(f32x4.sqrt(vb), r), e));
    const pa = f32x4.sub(f32x4.mul(v128.load(p + i, 0), d), ua), pb = f32x4.sub(f32x4.mul(v128.load(p + i, 16), d), ub);
    v128.store(m + i, ma, 0); v128.store(m + i, mb, 16);
    v128.store(v + i, va, 0); v128.store(v + i, vb, 16);
    v128.store(p + i, pa, 0); v128.store(p + i, pb, 16);
  }
}
