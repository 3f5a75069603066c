// RMSNorm (Zhang & Sennrich 2019): y = g * x / sqrt(mean(x^2) + eps), without bias.
// The same in plain loops: `rmsNorm` in lib/nn/reference.ts.
import { sum_lanes } from "./simd";

/**
 * y (m, d) = g * x * rstd, rstd[i] = 1 / sqrt(mean_c x[i, c]^2 + eps). x and y share panel stride `xs`;
 * g is (1, d) with panel stride `gs`. The sum of squares runs panel by panel in 16 lanes, which are then
 * added as four vectors, (0 + 1) + (2 + 3), and their lanes likewise.
 */
export function rmsnorm_forward(
  y: usize, rstd: usize, x: usize, xs: usize, g: usize, gs: usize, m: i32, d: i32, eps: f32,
): void {
  const panels = d >> 4;
  const inverse_d = f32x4.splat(1.0 / <f32>d);
  for (let i = 0; i < m; i++) {
    let p = x + (<usize>i << 6);
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    for (let j = 0; j < panels; j++) {
      const x0 = v128.load(p, 0), x1 = v128.load(p, 16), x2 = v128.load(p, 32), x3 = v128.load(p, 48);
      s0 = f32x4.add(s0, f32x4.mul(x0, x0)); s1 = f32x4.add(s1, f32x4.mul(x1, x1));
      s2 = f32x4.add(s2, f32x4.mul(x2, x2)); s3 = f32x4.add(s3, f32x4.mul(x3, x3));
      p += xs;
    }
    const s = sum_lanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
    // Vector sqrt: V8's scalar one is ten times slower after 256-bit code.
    const r = f32x4.div(
      f32x4.splat(1.0),
      f32x4.sqrt(f32x4.add(f32x4.mul(f32x4.splat(s), inverse_d), f32x4.splat(eps))),
    );
    f32.store(rstd + (<usize>i << 2), f32x4.extract_lane(r, 0));
  }
  for (let j = 0; j < panels; j++) {
    const g0 = v128.load(g, 0), g1 = v128.load(g, 16), g2 = v128.load(g, 32), g3 = v128.load(g, 48);
    let p = x, q = y;
    for (let i = 0; i < m; i++) {
      const r = v128.load32_splat(rstd + (<usize>i << 2));
      const x0 = v128.load(p, 0), x1 = v128.load(p, 16), x2 = v128.load(p, 32), x3 = v128.load(p, 48);
      v128.store(q, f32x4.mul(f32x4.mul(x0, r), g0), 0); v128.store(q, f32x4.mul(f32x4.mul(x1, r), g1), 16);
      v128.store(q, f32x4.mul(f32x4.mul(x2, r), g2), 32); v128.store(q, f32x4.mul(f32x4.mul(x3, r), g3), 48);
      p += 64;
      q += 64;
    }
    x += xs;
    y += xs;
    g += gs;
  }
}

/**
 * Backward of y = g * x * rstd.
 * dx = init + rstd * (g * dy) - x * rstd^3 / d * sum_c(g * dy * x); `init` is 0 or (m, d), may be dx itself.
 * dg += sum_i dy * x * rstd. All (m, d) matrices share panel stride `xs`; `scratch` holds m floats.
 */
export function rmsnorm_backward(
  dx: usize, init: usize, dg: usize, dy: usize, x: usize, xs: usize, rstd: usize, g: usize, gs: usize,
  scratch: usize, m: i32, d: i32,
): void {
  const panels = d >> 4;
  const inverse_d: f32 = 1.0 / <f32>d;
  for (let i = 0; i < m; i++) {
    let p = x + (<usize>i << 6), q = dy + (<usize>i << 6), gp = g;
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    for (let j = 0; j < panels; j++) {
      const x0 = v128.load(p, 0), x1 = v128.load(p, 16), x2 = v128.load(p, 32), x3 = v128.load(p, 48);
      const y0 = v128.load(q, 0), y1 = v128.load(q, 16), y2 = v128.load(q, 32), y3 = v128.load(q, 48);
      const g0 = v128.load(gp, 0), g1 = v128.load(gp, 16), g2 = v128.load(gp, 32), g3 = v128.load(gp, 48);
      s0 = f32x4.add(s0, f32x4.mul(f32x4.mul(y0, g0), x0)); s1 = f32x4.add(s1, f32x4.mul(f32x4.mul(y1, g1), x1));
      s2 = f32x4.add(s2, f32x4.mul(f32x4.mul(y2, g2), x2)); s3 = f32x4.add(s3, f32x4.mul(f32x4.mul(y3, g3), x3));
      p += xs;
      q += xs;
      gp += gs;
    }
    const s = sum_lanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
    const r = f32.load(rstd + (<usize>i << 2));
    f32.store(scratch + (<usize>i << 2), ((r * r) * r) * (s * inverse_d));
  }
  for (let j = 0; j < panels; j++) {
    const g0 = v128.load(g, 0), g1 = v128.load(g, 16), g2 = v128.load(g, 32), g3 = v128.load(g, 48);
    let t0 = v128.load(dg, 0), t1 = v128.load(dg, 16), t2 = v128.load(dg, 32), t3 = v128.load(dg, 48);
    let p = x, q = dy, o = dx, n = init;
    for (let i = 0; i < m; i++) {
      const r = v128.load32_splat(rstd + (<usize>i << 2)), k = v128.load32_splat(scratch + (<usize>i << 2));
      const x0 = v128.load(p, 0), x1 = v128.load(p, 16), x2 = v128.load(p, 32), x3 = v128.load(p, 48);
      const y0 = f32x4.mul(v128.load(q, 0), r), y1 = f32x4.mul(v128.load(q, 16), r);
      const y2 = f32x4.mul(v128.load(q, 32), r), y3 = f32x4.mul(v128.load(q, 48), r);
      t0 = f32x4.add(t0, f32x4.mul(y0, x0)); t1 = f32x4.add(t1, f32x4.mul(y1, x1));
      t2 = f32x4.add(t2, f32x4.mul(y2, x2)); t3 = f32x4.add(t3, f32x4.mul(y3, x3));
      let z0 = f32x4.sub(f32x4.mul(y0, g0), f32x4.mul(x0, k)), z1 = f32x4.sub(f32x4.mul(y1, g1), f32x4.mul(x1, k));
      let z2 = f32x4.sub(f32x4.mul(y2, g2), f32x4.mul(x2, k)), z3 = f32x4.sub(f32x4.mul(y3, g3), f32x4.mul(x3, k));
      if (n) {
        z0 = f32x4.add(z0, v128.load(n, 0)); z1 = f32x4.add(z1, v128.load(n, 16));
        z2 = f32x4.add(z2, v128.load(n, 32)); z3 = f32x4.add(z3, v128.load(n, 48));
        n += 64;
      }
      v128.store(o, z0, 0); v128.store(o, z1, 16); v128.store(o, z2, 32); v128.store(o, z3, 48);
      p += 64;
      q += 64;
      o += 64;
    }
    v128.store(dg, t0, 0); v128.store(dg, t1, 16); v128.store(dg, t2, 32); v128.store(dg, t3, 48);
    x += xs;
    dy += xs;
    dx += xs;
    if (init) init += xs;
    g += gs;
    dg += gs;
  }
}
