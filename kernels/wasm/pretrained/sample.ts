// Choosing the next token of rows that are at steps of their own: 16 classes at a time, as a large vocabulary wants it.
import { log_f32x4 } from "../assembly/simd";

/** Where no score can be: what the search starts from. */
const LOWEST: f32 = -3.4e38;

/** The high and the low halves of the products of four words with m. */
// @ts-ignore: decorator
@inline
function high(x: v128, m: v128): v128 {
  return i32x4.shuffle(i64x2.extmul_low_i32x4_u(x, m), i64x2.extmul_high_i32x4_u(x, m), 1, 3, 5, 7);
}

/** Gumbel noise from the top 23 bits of four words. */
// @ts-ignore: decorator
@inline
function gumbel(bits: v128): v128 {
  const u = f32x4.add(f32x4.convert_i32x4_s(i32x4.shr_u(bits, 9)), f32x4.splat(0.5));
  return log_f32x4(f32x4.neg(log_f32x4(f32x4.mul(u, f32x4.splat(1.1920928955078125e-7)))));
}

/**
 * next[i] = the token that `sample` of the core draws from row i of x, (m, n padded to 16) with panel stride `xs`, at step
 * steps[i] and without forced tokens: the score of class k is x[i, k] * inverse_temperature - log(-log(u[i, k])), and the first
 * of the largest scores wins.
 */
export function sample_at(
  next: usize, x: usize, xs: usize, row_ids: usize, steps: usize, m: i32, n: i32,
  inverse_temperature: f32, seed: u32, purpose: u32,
): void {
  const k = f32x4.splat(inverse_temperature), lowest = f32x4.splat(LOWEST);
  const m0 = i32x4.splat(0xD2511F53), m1 = i32x4.splat(0xCD9E8D57);
  for (let i = 0; i < m; i++) {
    const at = <usize>i << 2;
    const id = v128.load32_splat(row_ids + at), step = v128.load32_splat(steps + at);
    // Of each of 16 lanes, the largest score and the panel that it is in.
    let s0 = lowest, s1 = lowest, s2 = lowest, s3 = lowest;
    let t0 = i32x4.splat(0), t1 = t0, t2 = t0, t3 = t0;
    let p = x + (<usize>i << 6);
    for (let j = 0; j < n; j += 16) {
      let y0 = v128.load(p, 0), y1 = v128.load(p, 16), y2 = v128.load(p, 32), y3 = v128.load(p, 48);
      if (inverse_temperature != 0) {
        // Four blocks of Philox4x32-10 (Salmon et al. 2011), whose counters begin with j / 4 to j / 4 + 3.
        let c0 = i32x4.add(i32x4(0, 1, 2, 3), i32x4.splat(j >> 2)), c1 = id, c2 = step, c3 = i32x4.splat(0);
        let k0 = i32x4.splat(seed), k1 = i32x4.splat(purpose);
        for (let r = 0; r < 10; r++) {
          const h0 = high(c0, m0), h1 = high(c2, m1), l0 = i32x4.mul(c0, m0);
          c0 = v128.xor(v128.xor(h1, c1), k0);
          c1 = i32x4.mul(c2, m1);
          c2 = v128.xor(v128.xor(h0, c3), k1);
          c3 = l0;
          k0 = i32x4.add(k0, i32x4.splat(0x9E3779B9));
          k1 = i32x4.add(k1, i32x4.splat(0xBB67AE85));
        }
        // Each block's four words are neighbours.
        const a = i32x4.shuffle(c0, c1, 0, 4, 1, 5), b = i32x4.shuffle(c2, c3, 0, 4, 1, 5);
        const c = i32x4.shuffle(c0, c1, 2, 6, 3, 7), d = i32x4.shuffle(c2, c3, 2, 6, 3, 7);
        y0 = f32x4.sub(f32x4.mul(y0, k), gumbel(i32x4.shuffle(a, b, 0, 1, 4, 5)));
        y1 = f32x4.sub(f32x4.mul(y1, k), gumbel(i32x4.shuffle(a, b, 2, 3, 6, 7)));
        y2 = f32x4.sub(f32x4.mul(y2, k), gumbel(i32x4.shuffle(c, d, 0, 1, 4, 5)));
        y3 = f32x4.sub(f32x4.mul(y3, k), gumbel(i32x4.shuffle(c, d, 2, 3, 6, 7)));
      }
      if (n - j < 16) {
        const used = i32x4.splat(n - j);
        y0 = v128.bitselect(y0, lowest, i32x4.lt_s(i32x4(0, 1, 2, 3), used));
        y1 = v128.bitselect(y1, lowest, i32x4.lt_s(i32x4(4, 5, 6, 7), used));
        y2 = v128.bitselect(y2, lowest, i32x4.lt_s(i32x4(8, 9, 10, 11), used));
        y3 = v128.bitselect(y3, lowest, i32x4.lt_s(i32x4(12, 13, 14, 15), used));
      }
      const g0 = f32x4.gt(y0, s0), g1 = f32x4.gt(y1, s1), g2 = f32x4.gt(y2, s2), g3 = f32x4.gt(y3, s3);
      const panel = i32x4.splat(j);
      s0 = v128.bitselect(y0, s0, g0); s1 = v128.bitselect(y1, s1, g1);
      s2 = v128.bitselect(y2, s2, g2); s3 = v128.bitselect(y3, s3, g3);
      t0 = v128.bitselect(panel, t0, g0); t1 = v128.bitselect(panel, t1, g1);
      t2 = v128.bitselect(panel, t2, g2); t3 = v128.bitselect(panel, t3, g3);
      p += xs;
    }
    store<i32>(next + at, first_of_largest(s0, s1, s2, s3, t0, t1, t2, t3));
  }
}

/** The class of the largest of 16 scores, the first of equals; t is the panel of each. 0 where there is none. */
// @ts-ignore: decorator
@inline
function first_of_largest(s0: v128, s1: v128, s2: v128, s3: v128, t0: v128, t1: v128, t2: v128, t3: v128): i32 {
  let s = s0, t = i32x4.add(t0, i32x4(0, 1, 2, 3));
  for (let l = 1; l < 4; l++) {
    const score = l == 1 ? s1 : l == 2 ? s2 : s3, panel = l == 1 ? t1 : l == 2 ? t2 : t3;
    const token = i32x4.add(i32x4.add(panel, i32x4.splat(l << 2)), i32x4(0, 1, 2, 3));
    const isFirst = v128.and(f32x4.eq(score, s), i32x4.lt_s(token, t));
    const take = v128.or(f32x4.gt(score, s), isFirst);
    s = v128.bitselect(score, s, take);
    t = v128.bitselect(token, t, take);
  }
  let best = LOWEST, class_ = 0;
  for (let l = 0; l < 4; l++) {
    const score = f32x4.extract_lane(s, 0), token = i32x4.extract_lane(t, 0);
    if (score > best || (score == best && token < class_)) {
      best = score;
      class_ = token;
    }
    s = i32x4.shuffle(s, s, 1, 2, 3, 0);
    t = i32x4.shuffle(t, t, 1, 2, 3, 0);
  }
  return class_;
}
