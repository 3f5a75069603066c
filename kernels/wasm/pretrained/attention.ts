// Causal attention in which `heads / kv_heads` heads of queries share a head of keys and values (Ainslie et al. 2023),
// transposed as in assembly/attention.ts: keys are rows and queries are lanes, so that the softmax runs down columns.
//
// q and o are (sequences * length, heads * head_dim); k and v (sequences * length, kv_heads * head_dim); all have panel stride
// `xs`. length % 4 = 0, head_dim % 16 = 0. With e = exp(score - maximum) and z their sum in the order of the keys,
// o = (sum_keys e v) (1 / z), and lse (sequences, heads, length) keeps maximum + log(z).
//
// `scratch` holds 2 (head_dim + length) * 64 bytes.
import { exp_f32x4, log_f32x4, max_lanes } from "../assembly/simd";
import { tile_nn, tile_tn } from "../assembly/gemm";
import { transpose_block } from "../assembly/transpose";

const LOWEST: f32 = -3.0e38;
/** Scores below it are hidden ones. */
const HIDDEN: f32 = -1.0e38;

/** 1 / sqrt(head_dim), by vector operations: V8's scalar square root is ten times slower after 256-bit code. */
// @ts-ignore: decorator
@inline
function score_scale(head_dim: i32): f32 {
  return f32x4.extract_lane(f32x4.div(f32x4.splat(1.0), f32x4.sqrt(f32x4.splat(<f32>head_dim))), 0);
}

/** Lanes from `first` on that stand for queries before key `t`, both counted from the first query of a panel. */
// @ts-ignore: decorator
@inline
function before(first: i32, t: i32): v128 {
  return i32x4.lt_s(i32x4.add(i32x4(0, 1, 2, 3), i32x4.splat(first)), i32x4.splat(t));
}

/**
 * In one panel of 16 queries with `rows` key rows at p: e in the place of the scores, the sums' inverses to `inverse`, and
 * `queries` logs of sums to `lse`.
 */
// @ts-ignore: decorator
@inline
function softmax_columns(p: usize, query: i32, rows: i32, queries: i32, inverse: usize, lse: usize): void {
  const lowest = f32x4.splat(LOWEST);
  let m0 = lowest, m1 = lowest, m2 = lowest, m3 = lowest;
  const full = p + (<usize>min(query, rows) << 6), end = p + (<usize>rows << 6);
  // Pass 1: the maximum of each column, first over the keys that every query sees.
  for (let q = p; q < full; q += 64) {
    m0 = f32x4.pmax(m0, v128.load(q, 0)); m1 = f32x4.pmax(m1, v128.load(q, 16));
    m2 = f32x4.pmax(m2, v128.load(q, 32)); m3 = f32x4.pmax(m3, v128.load(q, 48));
  }
  // Then over the diagonal block: key query + t is hidden from lanes before t.
  for (let q = full, t = 0; q < end; q += 64, t++) {
    const s0 = v128.bitselect(lowest, v128.load(q, 0), before(0, t));
    const s1 = v128.bitselect(lowest, v128.load(q, 16), before(4, t));
    const s2 = v128.bitselect(lowest, v128.load(q, 32), before(8, t));
    const s3 = v128.bitselect(lowest, v128.load(q, 48), before(12, t));
    v128.store(q, s0, 0); v128.store(q, s1, 16); v128.store(q, s2, 32); v128.store(q, s3, 48);
    m0 = f32x4.pmax(m0, s0); m1 = f32x4.pmax(m1, s1); m2 = f32x4.pmax(m2, s2); m3 = f32x4.pmax(m3, s3);
  }
  // Pass 2: exp(score - maximum), and the sum of each column.
  const zero = f32x4.splat(0), hidden = f32x4.splat(HIDDEN);
  let t0 = zero, t1 = zero, t2 = zero, t3 = zero;
  for (let q = p; q < end; q += 64) {
    const s0 = v128.load(q, 0), s1 = v128.load(q, 16), s2 = v128.load(q, 32), s3 = v128.load(q, 48);
    const e0 = v128.and(exp_f32x4(f32x4.sub(s0, m0)), f32x4.gt(s0, hidden));
    const e1 = v128.and(exp_f32x4(f32x4.sub(s1, m1)), f32x4.gt(s1, hidden));
    const e2 = v128.and(exp_f32x4(f32x4.sub(s2, m2)), f32x4.gt(s2, hidden));
    const e3 = v128.and(exp_f32x4(f32x4.sub(s3, m3)), f32x4.gt(s3, hidden));
    t0 = f32x4.add(t0, e0); t1 = f32x4.add(t1, e1); t2 = f32x4.add(t2, e2); t3 = f32x4.add(t3, e3);
    v128.store(q, e0, 0); v128.store(q, e1, 16); v128.store(q, e2, 32); v128.store(q, e3, 48);
  }
  const one = f32x4.splat(1.0);
  v128.store(inverse, f32x4.div(one, t0), 0); v128.store(inverse, f32x4.div(one, t1), 16);
  v128.store(inverse, f32x4.div(one, t2), 32); v128.store(inverse, f32x4.div(one, t3), 48);
  v128.store(lse, f32x4.add(m0, log_f32x4(t0)), 0);
  if (queries > 4) v128.store(lse, f32x4.add(m1, log_f32x4(t1)), 16);
  if (queries > 8) v128.store(lse, f32x4.add(m2, log_f32x4(t2)), 32);
  if (queries > 12) v128.store(lse, f32x4.add(m3, log_f32x4(t3)), 48);
}

/** The 64 bytes at p, times k. */
// @ts-ignore: decorator
@inline
function scale_row(to: usize, p: usize, k: v128): void {
  const a = v128.load(p, 0), b = v128.load(p, 16), c = v128.load(p, 32), d = v128.load(p, 48);
  v128.store(to, f32x4.mul(a, k), 0); v128.store(to, f32x4.mul(b, k), 16);
  v128.store(to, f32x4.mul(c, k), 32); v128.store(to, f32x4.mul(d, k), 48);
}

/** o = softmax(causal(Q K^T / sqrt(head_dim))) V inside each sequence. */
export function gqa_forward(
  o: usize, lse: usize, q: usize, k: usize, v: usize, xs: usize, scratch: usize,
  sequences: i32, length: i32, heads: i32, kv_heads: i32, head_dim: i32,
): void {
  const panels = head_dim >> 4, group = heads / kv_heads;
  const scale = score_scale(head_dim);
  const p = scratch + (<usize>head_dim << 6), inverse = p + (<usize>length << 6);
  for (let b = 0; b < sequences; b++) {
    for (let h = 0; h < heads; h++) {
      const row = <usize>(b * length) << 6, shared = row + <usize>(h / group * panels) * xs;
      const kh = k + shared, vh = v + shared;
      const qh = q + row + <usize>(h * panels) * xs, oh = o + row + <usize>(h * panels) * xs;
      for (let i = 0; i < length; i += 16) {
        const queries = min(16, length - i), rows = i + queries, query = <usize>i << 6;
        // Pass 1: Q^T of 16 queries, scaled.
        for (let c = 0; c < panels; c++) {
          transpose_block(scratch + (<usize>c << 10), qh + <usize>c * xs + query, queries, scale);
        }
        // Pass 2: the scores K Q^T, keys down and queries across.
        for (let j: usize = 0, end = <usize>rows << 6; j < end; j += 256) tile_nn(p + j, kh + j, xs, scratch, 0, head_dim);
        // Pass 3: their softmax, but for the division.
        softmax_columns(p, i, rows, queries, inverse, lse + (<usize>i << 2));
        // Pass 4: O = P V, and the division.
        for (let c = 0; c < panels; c++) {
          const to = oh + <usize>c * xs + query;
          for (let t = 0; t < queries; t += 4) {
            tile_tn(to + (<usize>t << 6), p + (<usize>t << 2), vh + <usize>c * xs, 0, rows);
          }
          for (let t: usize = 0, end = <usize>queries; t < end; t++) {
            scale_row(to + (t << 6), to + (t << 6), v128.load32_splat(inverse + (t << 2)));
          }
        }
      }
      lse += <usize>length << 2;
    }
  }
}

/** In one panel of 16 queries: exp(score - lse) in the place of the scores at p, 0 where hidden; the sums of p dp to `sums`. */
// @ts-ignore: decorator
@inline
function probabilities(p: usize, dp: usize, query: i32, rows: i32, queries: i32, lse: usize, sums: usize): void {
  const zero = f32x4.splat(0);
  const l0 = v128.load(lse, 0), l1 = queries > 4 ? v128.load(lse, 16) : zero;
  const l2 = queries > 8 ? v128.load(lse, 32) : zero, l3 = queries > 12 ? v128.load(lse, 48) : zero;
  let t0 = zero, t1 = zero, t2 = zero, t3 = zero;
  for (let j = 0; j < rows; j++) {
    const at = p + (<usize>j << 6), d = dp + (<usize>j << 6), t = j - query;
    let e0 = exp_f32x4(f32x4.sub(v128.load(at, 0), l0)), e1 = exp_f32x4(f32x4.sub(v128.load(at, 16), l1));
    let e2 = exp_f32x4(f32x4.sub(v128.load(at, 32), l2)), e3 = exp_f32x4(f32x4.sub(v128.load(at, 48), l3));
    if (t > 0) {
      e0 = v128.andnot(e0, before(0, t)); e1 = v128.andnot(e1, before(4, t));
      e2 = v128.andnot(e2, before(8, t)); e3 = v128.andnot(e3, before(12, t));
    }
    t0 = f32x4.add(t0, f32x4.mul(e0, v128.load(d, 0))); t1 = f32x4.add(t1, f32x4.mul(e1, v128.load(d, 16)));
    t2 = f32x4.add(t2, f32x4.mul(e2, v128.load(d, 32))); t3 = f32x4.add(t3, f32x4.mul(e3, v128.load(d, 48)));
    v128.store(at, e0, 0); v128.store(at, e1, 16); v128.store(at, e2, 32); v128.store(at, e3, 48);
  }
  v128.store(sums, t0, 0); v128.store(sums, t1, 16); v128.store(sums, t2, 32); v128.store(sums, t3, 48);
}

/**
 * dq, dk and dv from do. With P = exp(score - lse) and dP = dO V^T:
 * dS = P / sqrt(head_dim) * (dP - sum_keys(P * dP)), dQ = dS K, dK = dS^T Q, dV = P^T dO. What the heads of a group give to
 * dK and dV is added head by head, and within a head in blocks of 16 queries.
 */
export function gqa_backward(
  dq: usize, dk: usize, dv: usize, do_: usize, lse: usize, q: usize, k: usize, v: usize, xs: usize, scratch: usize,
  sequences: i32, length: i32, heads: i32, kv_heads: i32, head_dim: i32,
): void {
  const panels = head_dim >> 4, group = heads / kv_heads;
  const scale = score_scale(head_dim), scales = f32x4.splat(scale);
  const p = scratch + (<usize>head_dim << 6), ds = p + (<usize>length << 6), sums = ds + (<usize>length << 6);
  for (let b = 0; b < sequences; b++) {
    for (let h = 0; h < heads; h++) {
      const row = <usize>(b * length) << 6, own = row + <usize>(h * panels) * xs;
      const shared = row + <usize>(h / group * panels) * xs;
      const kh = k + shared, vh = v + shared, dkh = dk + shared, dvh = dv + shared;
      if (h % group == 0) {
        for (let c = 0; c < panels; c++) {
          memory.fill(dkh + <usize>c * xs, 0, <usize>length << 6);
          memory.fill(dvh + <usize>c * xs, 0, <usize>length << 6);
        }
      }
      for (let i = 0; i < length; i += 16) {
        const queries = min(16, length - i), rows = i + queries;
        const query = own + (<usize>i << 6), end = <usize>rows << 6;
        // Pass 1: the scores again, keys down and queries across; then dP = V dO^T likewise.
        for (let c = 0; c < panels; c++) {
          transpose_block(scratch + (<usize>c << 10), q + query + <usize>c * xs, queries, scale);
        }
        for (let j: usize = 0; j < end; j += 256) tile_nn(p + j, kh + j, xs, scratch, 0, head_dim);
        for (let c = 0; c < panels; c++) {
          transpose_block(scratch + (<usize>c << 10), do_ + query + <usize>c * xs, queries, 1.0);
        }
        for (let j: usize = 0; j < end; j += 256) tile_nn(ds + j, vh + j, xs, scratch, 0, head_dim);
        // Pass 2: P, and the sum of P * dP over the keys.
        probabilities(p, ds, i, rows, queries, lse + (<usize>i << 2), sums);
        // Pass 3: dS, in the place of dP.
        const t0 = v128.load(sums, 0), t1 = v128.load(sums, 16), t2 = v128.load(sums, 32), t3 = v128.load(sums, 48);
        for (let j: usize = 0; j < end; j += 64) {
          const d0 = v128.load(ds + j, 0), d1 = v128.load(ds + j, 16), d2 = v128.load(ds + j, 32), d3 = v128.load(ds + j, 48);
          const p0 = v128.load(p + j, 0), p1 = v128.load(p + j, 16), p2 = v128.load(p + j, 32), p3 = v128.load(p + j, 48);
          v128.store(ds + j, f32x4.mul(f32x4.mul(p0, scales), f32x4.sub(d0, t0)), 0);
          v128.store(ds + j, f32x4.mul(f32x4.mul(p1, scales), f32x4.sub(d1, t1)), 16);
          v128.store(ds + j, f32x4.mul(f32x4.mul(p2, scales), f32x4.sub(d2, t2)), 32);
          v128.store(ds + j, f32x4.mul(f32x4.mul(p3, scales), f32x4.sub(d3, t3)), 48);
        }
        // Pass 4: dQ = dS K, dK += dS^T Q, dV += P^T dO.
        for (let c = 0; c < panels; c++) {
          const offset = <usize>c * xs;
          for (let t = 0; t < queries; t += 4) {
            tile_tn(dq + query + offset + (<usize>t << 6), ds + (<usize>t << 2), kh + offset, 0, rows);
          }
          for (let j: usize = 0; j < end; j += 256) {
            tile_nn(dkh + offset + j, ds + j, 0, q + query + offset, dkh + offset + j, queries);
            tile_nn(dvh + offset + j, p + j, 0, do_ + query + offset, dvh + offset + j, queries);
          }
        }
      }
      lse += <usize>length << 2;
    }
  }
}

// The cache of a row holds, for each head of keys and values: the keys, `capacity` / 16 panels of 16 keys (lanes) with
// head_dim rows; then the values, head_dim / 16 panels of 16 dimensions with `capacity` rows. capacity % 16 = 0.

/** Puts k and v (m, kv_heads * head_dim), the first m tokens of a sequence, into the cache of a row. */
export function gqa_prefill(
  cache: usize, k: usize, v: usize, xs: usize, m: i32, capacity: i32, kv_heads: i32, head_dim: i32,
): void {
  const panels = head_dim >> 4, size = (<usize>capacity * <usize>head_dim) << 2;
  for (let h = 0; h < kv_heads; h++) {
    const values = cache + size;
    for (let c = 0; c < panels; c++) {
      for (let i = 0; i < m; i += 16) {
        const to = cache + <usize>i * (<usize>head_dim << 2) + (<usize>c << 10);
        transpose_block(to, k + (<usize>i << 6), m - i, 1.0);
      }
      memory.copy(values + <usize>c * (<usize>capacity << 6), v, <usize>m << 6);
      k += xs;
      v += xs;
    }
    cache += size << 1;
  }
}

/** One head's scores of keys 0..t, every 16 of them 256 bytes apart: exp(score - maximum), 0 past key t. */
// @ts-ignore: decorator
@inline
function softmax_numerators(s: usize, t: i32): void {
  const lowest = f32x4.splat(LOWEST), hidden = f32x4.splat(HIDDEN);
  const last = s + (<usize>(t >> 4) << 8);
  // Scores past the last key are of whatever the cache held: hide them.
  for (let l = 0; l < 16; l += 4) {
    const p = last + (<usize>l << 2);
    v128.store(p, v128.bitselect(v128.load(p), lowest, before(l, (t & 15) + 1)));
  }
  let m0 = lowest, m1 = lowest, m2 = lowest, m3 = lowest;
  for (let p = s; p <= last; p += 256) {
    m0 = f32x4.pmax(m0, v128.load(p, 0)); m1 = f32x4.pmax(m1, v128.load(p, 16));
    m2 = f32x4.pmax(m2, v128.load(p, 32)); m3 = f32x4.pmax(m3, v128.load(p, 48));
  }
  const top = f32x4.splat(max_lanes(f32x4.pmax(f32x4.pmax(m0, m1), f32x4.pmax(m2, m3))));
  for (let p = s; p <= last; p += 256) {
    const s0 = v128.load(p, 0), s1 = v128.load(p, 16), s2 = v128.load(p, 32), s3 = v128.load(p, 48);
    v128.store(p, v128.and(exp_f32x4(f32x4.sub(s0, top)), f32x4.gt(s0, hidden)), 0);
    v128.store(p, v128.and(exp_f32x4(f32x4.sub(s1, top)), f32x4.gt(s1, hidden)), 16);
    v128.store(p, v128.and(exp_f32x4(f32x4.sub(s2, top)), f32x4.gt(s2, hidden)), 32);
    v128.store(p, v128.and(exp_f32x4(f32x4.sub(s3, top)), f32x4.gt(s3, hidden)), 48);
  }
}

/**
 * One decoding step: appends k and v of each row at place filled[i] of its cache and attends over places 0..filled[i]. q and o
 * are (rows, heads * head_dim), k and v (rows, kv_heads * head_dim). `scratch` holds 4 (capacity + head_dim + 16) floats. Adds
 * in the same order as gqa_forward, so that decoding gives the same bits as a full pass. Up to four heads of a group go
 * together: they read the same keys and values.
 */
export function gqa_decode(
  o: usize, cache: usize, q: usize, k: usize, v: usize, xs: usize, filled: usize, scratch: usize,
  rows: i32, capacity: i32, heads: i32, kv_heads: i32, head_dim: i32,
): void {
  const panels = head_dim >> 4, group = heads / kv_heads;
  const size = (<usize>capacity * <usize>head_dim) << 2, lane = <usize>capacity << 6;
  const scale = f32x4.splat(score_scale(head_dim));
  const sums = scratch + (<usize>head_dim << 4), scores = sums + 256;
  for (let b = 0; b < rows; b++) {
    const row = <usize>b << 6, t = load<i32>(filled + (<usize>b << 2));
    for (let g = 0; g < kv_heads; g++) {
      const values = cache + size;
      // Pass 1: append K and V to the cache.
      for (let c = 0; c < panels; c++) {
        const from = row + <usize>(g * panels + c) * xs;
        const key = cache + <usize>(t >> 4) * (<usize>head_dim << 6) + (<usize>c << 10) + (<usize>(t & 15) << 2);
        for (let l: usize = 0; l < 16; l++) f32.store(key + (l << 6), f32.load(k + from + (l << 2)));
        memory.copy(values + <usize>c * lane + (<usize>t << 6), v + from, 64);
      }
      for (let first = 0; first < group; first += 4) {
        const count = min(4, group - first);
        const at = row + <usize>((g * group + first) * panels) * xs;
        // Pass 2: the scores of up to 4 heads, 16 keys at a time. Rows of scratch past `count` hold old numbers, as do their
        // results, which are not used.
        for (let h = 0; h < count; h++) {
          for (let c = 0; c < panels; c++) {
            scale_row(scratch + (<usize>c << 8) + (<usize>h << 6), q + at + <usize>(h * panels + c) * xs, scale);
          }
        }
        for (let j = 0; j <= t; j += 16) {
          tile_nn(scores + (<usize>j << 4), scratch, 256, cache + <usize>j * (<usize>head_dim << 2), 0, head_dim);
        }
        for (let h = 0; h < count; h++) softmax_numerators(scores + (<usize>h << 6), t);
        // Pass 3: their sums, in the order of the keys.
        let t0: f32 = 0, t1: f32 = 0, t2: f32 = 0, t3: f32 = 0;
        for (let j = 0; j <= t; j++) {
          const p = scores + (<usize>(j >> 4) << 8) + (<usize>(j & 15) << 2);
          t0 += f32.load(p, 0); t1 += f32.load(p, 64); t2 += f32.load(p, 128); t3 += f32.load(p, 192);
        }
        const inverse = f32x4.div(f32x4.splat(1.0), f32x4(t0, t1, t2, t3));
        // Pass 4: O = P V, and the division.
        for (let c = 0; c < panels; c++) {
          tile_nn(sums, scores, 256, values + <usize>c * lane, 0, t + 1);
          const to = o + at + <usize>c * xs, next = <usize>panels * xs;
          scale_row(to, sums, i32x4.shuffle(inverse, inverse, 0, 0, 0, 0));
          if (count > 1) scale_row(to + next, sums + 64, i32x4.shuffle(inverse, inverse, 1, 1, 1, 1));
          if (count > 2) scale_row(to + 2 * next, sums + 128, i32x4.shuffle(inverse, inverse, 2, 2, 2, 2));
          if (count > 3) scale_row(to + 3 * next, sums + 192, i32x4.shuffle(inverse, inverse, 3, 3, 3, 3));
        }
      }
      cache += size << 1;
    }
  }
}
