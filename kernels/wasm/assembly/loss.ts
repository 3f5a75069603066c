// Losses at the top of the network. Each kernel writes the loss of every row and turns its input into the
// gradient in place. Rows of weight 0 are skipped: their gradient is 0 and their loss 0.
// The same in plain loops: `referenceLoss` in lib/nn/reference.ts.
import { exp_f32x4, max_lanes, sum_lanes, log_f32x4 } from "./simd";

/**
 * In row i of x (panel stride `xs`, `n` used columns of ceil(n / 16) panels): leaves exp(x - max) in x, zero in
 * the padding, and returns the sum, panel by panel in 16 lanes, then (0 + 1) + (2 + 3) twice. `top` receives the max.
 */
// @ts-ignore: decorator
@inline
function exp_row(row: usize, xs: usize, n: i32, top: usize): f32 {
  let m = f32x4.splat(-3.0e38);
  const lanes = i32x4(0, 1, 2, 3);
  let p = row;
  for (let j = 0; j < n; j += 16) {
    for (let l = 0; l < 16; l += 4) {
      const q = p + (<usize>l << 2);
      const used = i32x4.lt_s(i32x4.add(lanes, i32x4.splat(j + l)), i32x4.splat(n));
      const s = v128.bitselect(v128.load(q), f32x4.splat(-3.0e38), used);
      v128.store(q, s);
      m = f32x4.pmax(m, s);
    }
    p += xs;
  }
  const highest = max_lanes(m);
  f32.store(top, highest);
  const h = f32x4.splat(highest), hidden = f32x4.splat(-1.0e38);
  let t0 = f32x4.splat(0), t1 = t0, t2 = t0, t3 = t0;
  p = row;
  for (let j = 0; j < n; j += 16) {
    const s0 = v128.load(p, 0), s1 = v128.load(p, 16), s2 = v128.load(p, 32), s3 = v128.load(p, 48);
    const e0 = v128.and(exp_f32x4(f32x4.sub(s0, h)), f32x4.gt(s0, hidden));
    const e1 = v128.and(exp_f32x4(f32x4.sub(s1, h)), f32x4.gt(s1, hidden));
    const e2 = v128.and(exp_f32x4(f32x4.sub(s2, h)), f32x4.gt(s2, hidden));
    const e3 = v128.and(exp_f32x4(f32x4.sub(s3, h)), f32x4.gt(s3, hidden));
    t0 = f32x4.add(t0, e0); t1 = f32x4.add(t1, e1); t2 = f32x4.add(t2, e2); t3 = f32x4.add(t3, e3);
    v128.store(p, e0, 0); v128.store(p, e1, 16); v128.store(p, e2, 32); v128.store(p, e3, 48);
    p += xs;
  }
  return sum_lanes(f32x4.add(f32x4.add(t0, t1), f32x4.add(t2, t3)));
}

/** x *= k over one row of ceil(n / 16) panels. */
// @ts-ignore: decorator
@inline
function scale_row(row: usize, xs: usize, n: i32, k: v128): void {
  for (let j = 0; j < n; j += 16) {
    const a = v128.load(row, 0), b = v128.load(row, 16), c = v128.load(row, 32), d = v128.load(row, 48);
    v128.store(row, f32x4.mul(a, k), 0); v128.store(row, f32x4.mul(b, k), 16);
    v128.store(row, f32x4.mul(c, k), 32); v128.store(row, f32x4.mul(d, k), 48);
    row += xs;
  }
}

/** Zeroes one row of ceil(n / 16) panels. */
// @ts-ignore: decorator
@inline
function clear_row(row: usize, xs: usize, n: i32): void {
  for (let j = 0; j < n; j += 16) {
    memory.fill(row, 0, 64);
    row += xs;
  }
}

/** log of one positive float. */
// @ts-ignore: decorator
@inline
function log1(x: f32): f32 {
  return f32x4.extract_lane(log_f32x4(f32x4.splat(x)), 0);
}

/**
 * Softmax cross-entropy with a weight per row.
 * loss[i] = w[i] * (logsumexp(x[i, :n]) - x[i, targets[i]]); x becomes the gradient of scale * sum_i loss[i]:
 * scale * w[i] * (softmax(x[i]) - onehot(targets[i])). x is (m, n padded to 16) with panel stride `xs`.
 */
export function cross_entropy(
  loss: usize, x: usize, xs: usize, targets: usize, weights: usize, scale: f32, m: i32, n: i32,
): void {
  for (let i = 0; i < m; i++) {
    const at = <usize>i << 2, row = x + (<usize>i << 6);
    const w = f32.load(weights + at);
    if (w == 0) {
      f32.store(loss + at, 0);
      clear_row(row, xs, n);
      continue;
    }
    const target = load<i32>(targets + at);
    const hit = row + <usize>(target >> 4) * xs + (<usize>(target & 15) << 2);
    const logit = f32.load(hit);
    const sum = exp_row(row, xs, n, loss + at);
    f32.store(loss + at, w * ((f32.load(loss + at) - logit) + log1(sum)));
    const k = f32x4.div(f32x4.splat(w * scale), f32x4.splat(sum));
    scale_row(row, xs, n, k);
    f32.store(hit, f32.load(hit) - w * scale);
  }
}

/**
 * Cross-entropy against a whole distribution, as HL-Gauss needs it (Farebrother et al. 2024).
 * loss[i] = w[i] * sum_k p[i, k] (logsumexp(x[i]) - x[i, k]); x becomes scale * w[i] * (softmax(x[i]) - p[i]).
 * p is (m, n) row-major and sums to 1 in each row of non-zero weight.
 */
export function soft_cross_entropy(
  loss: usize, x: usize, xs: usize, p: usize, weights: usize, scale: f32, m: i32, n: i32,
): void {
  for (let i = 0; i < m; i++) {
    const at = <usize>i << 2, row = x + (<usize>i << 6);
    const w = f32.load(weights + at);
    if (w == 0) {
      f32.store(loss + at, 0);
      clear_row(row, xs, n);
      continue;
    }
    const target = p + (<usize>(i * n) << 2);
    let dot: f32 = 0;
    for (let k = 0; k < n; k++) {
      dot += f32.load(target + (<usize>k << 2)) * f32.load(row + <usize>(k >> 4) * xs + (<usize>(k & 15) << 2));
    }
    const sum = exp_row(row, xs, n, loss + at);
    f32.store(loss + at, w * ((f32.load(loss + at) + log1(sum)) - dot));
    scale_row(row, xs, n, f32x4.div(f32x4.splat(w * scale), f32x4.splat(sum)));
    for (let k = 0; k < n; k++) {
      const q = row + <usize>(k >> 4) * xs + (<usize>(k & 15) << 2);
      f32.store(q, f32.load(q) - (w * scale) * f32.load(target + (<usize>k << 2)));
    }
  }
}

/**
 * Squared error of the first `n` columns: loss[i] = w[i] * sum_k (x[i, k] - y[i, k])^2; x becomes
 * scale * w[i] * 2 (x - y), 0 in the padding. y is (m, n) row-major.
 */
export function squared_error(
  loss: usize, x: usize, xs: usize, y: usize, weights: usize, scale: f32, m: i32, n: i32,
): void {
  for (let i = 0; i < m; i++) {
    const at = <usize>i << 2, row = x + (<usize>i << 6);
    const w = f32.load(weights + at);
    let sum: f32 = 0;
    for (let k = 0, padded = (n + 15) & ~15; k < padded; k++) {
      const q = row + <usize>(k >> 4) * xs + (<usize>(k & 15) << 2);
      let d: f32 = 0;
      if (k < n && w != 0) d = f32.load(q) - f32.load(y + (<usize>(i * n + k) << 2));
      sum += d * d;
      f32.store(q, (w * scale) * (d + d));
    }
    f32.store(loss + at, w * sum);
  }
}
