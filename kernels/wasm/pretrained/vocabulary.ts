// The output layer over a large vocabulary: the rows that are asked for are gathered, and then go block by block, so that the
// logits of a block alone are in memory. A row's result does not depend on the others.
//
// Sums over the vocabulary are of SLICE classes each from 0, and then of these sums in turn: beside the sum of 50,000 numbers a
// small one would be rounded away.
//
// h is (m, d) with panel stride `hs`; frozen w is (d, classes padded to 16) with panel stride `ws`. `scratch` holds
// (block + 1) (padded classes + 2 d) floats and the scratch of frozen_gemm_nn; block % 4 = 0.
import { exp_f32x4, log_f32x4, max_lanes, sum_lanes } from "../assembly/simd";
import { frozen_gemm_nn, frozen_gemm_nt } from "./gemm";

/** A multiple of 16. */
const SLICE = 1024;

/** One row of `panels` panels. */
// @ts-ignore: decorator
@inline
function copy_row(to: usize, ts: usize, from: usize, fs: usize, panels: i32): void {
  for (; panels > 0; panels--) {
    memory.copy(to, from, 64);
    to += ts;
    from += fs;
  }
}

/** Hides the columns that pad the last of a row's panels from its largest number, which it returns. */
// @ts-ignore: decorator
@inline
function largest(row: usize, xs: usize, n: i32): f32 {
  const lowest = f32x4.splat(-3.0e38), lanes = i32x4(0, 1, 2, 3);
  const last = row + <usize>((n - 1) >> 4) * xs;
  for (let l = 0; l < 16; l += 4) {
    const p = last + (<usize>l << 2);
    const used = i32x4.le_s(i32x4.add(lanes, i32x4.splat(l)), i32x4.splat((n - 1) & 15));
    v128.store(p, v128.bitselect(v128.load(p), lowest, used));
  }
  let m0 = lowest, m1 = lowest, m2 = lowest, m3 = lowest;
  for (let j = 0, p = row; j < n; j += 16, p += xs) {
    m0 = f32x4.pmax(m0, v128.load(p, 0)); m1 = f32x4.pmax(m1, v128.load(p, 16));
    m2 = f32x4.pmax(m2, v128.load(p, 32)); m3 = f32x4.pmax(m3, v128.load(p, 48));
  }
  return max_lanes(f32x4.pmax(f32x4.pmax(m0, m1), f32x4.pmax(m2, m3)));
}

/** log of one positive float. */
// @ts-ignore: decorator
@inline
function log1(x: f32): f32 {
  return f32x4.extract_lane(log_f32x4(f32x4.splat(x)), 0);
}

/**
 * In a row of `n` logits (panel stride `xs`), of which `top` is the largest: leaves exp(x - top), zero in the padding, and
 * returns their sum: of each slice panel by panel in 16 lanes, then (0 + 1) + (2 + 3) twice.
 */
// @ts-ignore: decorator
@inline
function exp_row(row: usize, xs: usize, n: i32, top: f32): f32 {
  const h = f32x4.splat(top), hidden = f32x4.splat(-1.0e38), zero = f32x4.splat(0);
  let s0 = zero, s1 = zero, s2 = zero, s3 = zero;
  for (let from = 0, p = row; from < n; from += SLICE) {
    let t0 = zero, t1 = zero, t2 = zero, t3 = zero;
    for (let j = from, to = min(from + SLICE, n); j < to; j += 16, p += xs) {
      const x0 = v128.load(p, 0), x1 = v128.load(p, 16), x2 = v128.load(p, 32), x3 = v128.load(p, 48);
      const e0 = v128.and(exp_f32x4(f32x4.sub(x0, h)), f32x4.gt(x0, hidden));
      const e1 = v128.and(exp_f32x4(f32x4.sub(x1, h)), f32x4.gt(x1, hidden));
      const e2 = v128.and(exp_f32x4(f32x4.sub(x2, h)), f32x4.gt(x2, hidden));
      const e3 = v128.and(exp_f32x4(f32x4.sub(x3, h)), f32x4.gt(x3, hidden));
      t0 = f32x4.add(t0, e0); t1 = f32x4.add(t1, e1); t2 = f32x4.add(t2, e2); t3 = f32x4.add(t3, e3);
      v128.store(p, e0, 0); v128.store(p, e1, 16); v128.store(p, e2, 32); v128.store(p, e3, 48);
    }
    s0 = f32x4.add(s0, t0); s1 = f32x4.add(s1, t1); s2 = f32x4.add(s2, t2); s3 = f32x4.add(s3, t3);
  }
  return sum_lanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
}

/** A row's loss, w (logsumexp(x) - x[target]); x becomes its gradient, times scale. */
// @ts-ignore: decorator
@inline
function cross_entropy(row: usize, xs: usize, n: i32, target: i32, w: f32, scale: f32): f32 {
  const hit = row + <usize>(target >> 4) * xs + (<usize>(target & 15) << 2);
  const top = largest(row, xs, n), logit = f32.load(hit), sum = exp_row(row, xs, n, top);
  const k = f32x4.splat(w * scale / sum);
  for (let j = 0, p = row; j < n; j += 16, p += xs) {
    v128.store(p, f32x4.mul(v128.load(p, 0), k), 0); v128.store(p, f32x4.mul(v128.load(p, 16), k), 16);
    v128.store(p, f32x4.mul(v128.load(p, 32), k), 32); v128.store(p, f32x4.mul(v128.load(p, 48), k), 48);
  }
  f32.store(hit, f32.load(hit) - w * scale);
  return w * ((top - logit) + log1(sum));
}

/** c (m, d) += a; both have panel stride `xs`. */
// @ts-ignore: decorator
@inline
function add(c: usize, a: usize, xs: usize, m: i32, panels: i32): void {
  for (; panels > 0; panels--) {
    for (let i: usize = 0, end = <usize>m << 6; i < end; i += 16) {
      v128.store(c + i, f32x4.add(v128.load(c + i), v128.load(a + i)));
    }
    c += xs;
    a += xs;
  }
}

/**
 * loss[i] = w[i] * (logsumexp(h[i] W) - (h[i] W)[targets[i]]); dh, like h, becomes the gradient of scale * sum_i loss[i].
 * Rows of weight 0 are skipped: their gradient is 0 and their loss 0.
 */
export function vocabulary_loss(
  loss: usize, dh: usize, h: usize, hs: usize, w: usize, ws: usize, storage: i32, targets: usize, weights: usize,
  scale: f32, scratch: usize, m: i32, d: i32, block: i32, classes: i32,
): void {
  const panels = d >> 4, padded = (classes + 15) & ~15, xs = <usize>(block + 1) << 6;
  const hidden = scratch + <usize>(padded >> 4) * xs, gradient = hidden + <usize>panels * xs;
  const wide = gradient + <usize>panels * xs;
  for (let first = 0, next = 0; first < m; first = next) {
    let rows = 0;
    for (; next < m && rows < block; next++) {
      if (f32.load(weights + (<usize>next << 2)) == 0) continue;
      copy_row(hidden + (<usize>(rows++) << 6), xs, h + (<usize>next << 6), hs, panels);
    }
    if (rows > 0) {
      // Rows past the last of the block hold anything, and so do their results, which are not used.
      const whole = (rows + 3) & ~3;
      frozen_gemm_nn(scratch, xs, hidden, xs, w, ws, storage, 0, 0, wide, whole, d, padded);
      for (let i = first, row = 0; i < next; i++) {
        const at = <usize>i << 2;
        if (f32.load(weights + at) == 0) continue;
        const own = scratch + (<usize>(row++) << 6), target = load<i32>(targets + at);
        f32.store(loss + at, cross_entropy(own, xs, classes, target, f32.load(weights + at), scale));
      }
      for (let from = 0; from < padded; from += SLICE) {
        const panel = <usize>(from >> 4), cols = min(padded - from, SLICE);
        // Of the block's hidden states nothing is needed any more.
        const to = from ? hidden : gradient;
        frozen_gemm_nt(to, xs, scratch + panel * xs, xs, w + panel * ws, ws, storage, 0, 0, wide, whole, d, cols);
        if (from) add(gradient, hidden, xs, whole, panels);
      }
    }
    for (let i = first, row = 0; i < next; i++) {
      const to = dh + (<usize>i << 6);
      if (f32.load(weights + (<usize>i << 2)) != 0) {
        copy_row(to, hs, gradient + (<usize>(row++) << 6), xs, panels);
        continue;
      }
      f32.store(loss + (<usize>i << 2), 0);
      for (let c = 0; c < panels; c++) memory.fill(to + <usize>c * hs, 0, 64);
    }
  }
}

/**
 * Of one row of `n` logits (panel stride `xs`): log softmax(x)[target] and the entropy, log(z) - sum(e (x - top)) / z with
 * e = exp(x - top) and z their sum; the sums as that of `exp_row`.
 */
// @ts-ignore: decorator
@inline
function log_prob(out: usize, row: usize, xs: usize, n: i32, target: i32): void {
  const logit = f32.load(row + <usize>(target >> 4) * xs + (<usize>(target & 15) << 2));
  const top = largest(row, xs, n), h = f32x4.splat(top), hidden = f32x4.splat(-1.0e38), zero = f32x4.splat(0);
  let z0 = zero, z1 = zero, z2 = zero, z3 = zero, t0 = zero, t1 = zero, t2 = zero, t3 = zero;
  for (let from = 0, p = row; from < n; from += SLICE) {
    let y0 = zero, y1 = zero, y2 = zero, y3 = zero, s0 = zero, s1 = zero, s2 = zero, s3 = zero;
    for (let j = from, to = min(from + SLICE, n); j < to; j += 16, p += xs) {
      const x0 = v128.load(p, 0), x1 = v128.load(p, 16), x2 = v128.load(p, 32), x3 = v128.load(p, 48);
      const u0 = f32x4.gt(x0, hidden), u1 = f32x4.gt(x1, hidden), u2 = f32x4.gt(x2, hidden), u3 = f32x4.gt(x3, hidden);
      const d0 = v128.and(f32x4.sub(x0, h), u0), d1 = v128.and(f32x4.sub(x1, h), u1);
      const d2 = v128.and(f32x4.sub(x2, h), u2), d3 = v128.and(f32x4.sub(x3, h), u3);
      const e0 = v128.and(exp_f32x4(d0), u0), e1 = v128.and(exp_f32x4(d1), u1);
      const e2 = v128.and(exp_f32x4(d2), u2), e3 = v128.and(exp_f32x4(d3), u3);
      y0 = f32x4.add(y0, e0); y1 = f32x4.add(y1, e1); y2 = f32x4.add(y2, e2); y3 = f32x4.add(y3, e3);
      s0 = f32x4.add(s0, f32x4.mul(e0, d0)); s1 = f32x4.add(s1, f32x4.mul(e1, d1));
      s2 = f32x4.add(s2, f32x4.mul(e2, d2)); s3 = f32x4.add(s3, f32x4.mul(e3, d3));
    }
    z0 = f32x4.add(z0, y0); z1 = f32x4.add(z1, y1); z2 = f32x4.add(z2, y2); z3 = f32x4.add(z3, y3);
    t0 = f32x4.add(t0, s0); t1 = f32x4.add(t1, s1); t2 = f32x4.add(t2, s2); t3 = f32x4.add(t3, s3);
  }
  const z = sum_lanes(f32x4.add(f32x4.add(z0, z1), f32x4.add(z2, z3)));
  const t = sum_lanes(f32x4.add(f32x4.add(t0, t1), f32x4.add(t2, t3)));
  const log_z = log1(z);
  f32.store(out, -((top - logit) + log_z), 0);
  f32.store(out, log_z - t / z, 4);
}

/** Where slots[i] >= 0: out[i, 0] and out[i, 1], log-probability and entropy of `log_prob`. out is (m, 16). */
export function vocabulary_log_probs(
  out: usize, h: usize, hs: usize, w: usize, ws: usize, storage: i32, targets: usize, slots: usize,
  scratch: usize, m: i32, d: i32, block: i32, classes: i32,
): void {
  const panels = d >> 4, padded = (classes + 15) & ~15, xs = <usize>(block + 1) << 6;
  const hidden = scratch + <usize>(padded >> 4) * xs, wide = hidden + <usize>(2 * panels) * xs;
  for (let first = 0, next = 0; first < m; first = next) {
    let rows = 0;
    for (; next < m && rows < block; next++) {
      if (load<i32>(slots + (<usize>next << 2)) < 0) continue;
      copy_row(hidden + (<usize>(rows++) << 6), xs, h + (<usize>next << 6), hs, panels);
    }
    if (rows == 0) break;
    // Rows past the last of the block hold anything, and so do their results, which are not used.
    frozen_gemm_nn(scratch, xs, hidden, xs, w, ws, storage, 0, 0, wide, (rows + 3) & ~3, d, padded);
    for (let i = first, row = 0; i < next; i++) {
      const at = <usize>i << 2;
      if (load<i32>(slots + at) < 0) continue;
      log_prob(out + (<usize>i << 6), scratch + (<usize>(row++) << 6), xs, classes, load<i32>(targets + at));
    }
  }
}
