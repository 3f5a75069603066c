// Causal multi-head attention, transposed: keys are rows and queries are lanes, so that the softmax runs
// down columns and needs no sum across lanes. The same in plain loops: `attention` in lib/nn/reference.ts.
//
// qkv is (sequences * length, 3 * heads * head_dim): the panels of Q, then K, then V; a head is
// head_dim / 16 panels. length % 4 = 0. The probabilities kept for the backward pass are, for each
// sequence and head, ceil(length / 16) panels (one for 16 queries) of `length` rows (keys), of which only
// the causal rows are written.
//
// `scratch` holds (head_dim + length) * 64 bytes.
import { exp_f32x4 } from "./simd";
import { tile_nn, tile_tn } from "./gemm";
import { transpose_block } from "./transpose";

/** Number of key rows that the 16 queries from `query` on may see. */
// @ts-ignore: decorator
@inline
function visible(query: i32, length: i32): i32 {
  return min(query + 16, length);
}

/** In one 16-query panel with `rows` key rows at p: causal softmax down each column. */
// @ts-ignore: decorator
@inline
function softmax_columns(p: usize, query: i32, rows: i32): void {
  const lowest = f32x4.splat(-3.0e38);
  let m0 = lowest, m1 = lowest, m2 = lowest, m3 = lowest;
  const full = p + (<usize>min(query, rows) << 6), end = p + (<usize>rows << 6);
  const lanes = i32x4(0, 1, 2, 3), four = i32x4.splat(4);
  // Pass 1: the maximum of each column, first over the keys that every query sees.
  for (let q = p; q < full; q += 64) {
    m0 = f32x4.pmax(m0, v128.load(q, 0)); m1 = f32x4.pmax(m1, v128.load(q, 16));
    m2 = f32x4.pmax(m2, v128.load(q, 32)); m3 = f32x4.pmax(m3, v128.load(q, 48));
  }
  // The diagonal block: key query + t is visible to lanes >= t. Hidden scores become the lowest float.
  for (let q = full, t = 0; q < end; q += 64, t++) {
    const key = i32x4.splat(t);
    let l = lanes;
    const h0 = i32x4.lt_s(l, key);
    l = i32x4.add(l, four);
    const h1 = i32x4.lt_s(l, key);
    l = i32x4.add(l, four);
    const h2 = i32x4.lt_s(l, key);
    l = i32x4.add(l, four);
    const h3 = i32x4.lt_s(l, key);
    const s0 = v128.bitselect(lowest, v128.load(q, 0), h0), s1 = v128.bitselect(lowest, v128.load(q, 16), h1);
    const s2 = v128.bitselect(lowest, v128.load(q, 32), h2), s3 = v128.bitselect(lowest, v128.load(q, 48), h3);
    v128.store(q, s0, 0); v128.store(q, s1, 16); v128.store(q, s2, 32); v128.store(q, s3, 48);
    m0 = f32x4.pmax(m0, s0); m1 = f32x4.pmax(m1, s1); m2 = f32x4.pmax(m2, s2); m3 = f32x4.pmax(m3, s3);
  }
  // Pass 2: exp(score - maximum), and the sum of each column.
  const zero = f32x4.splat(0), hidden = f32x4.splat(-1.0e38);
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
  // Pass 3: divide by the sum.
  const one = f32x4.splat(1.0);
  t0 = f32x4.div(one, t0); t1 = f32x4.div(one, t1); t2 = f32x4.div(one, t2); t3 = f32x4.div(one, t3);
  for (let q = p; q < end; q += 64) {
    const e0 = v128.load(q, 0), e1 = v128.load(q, 16), e2 = v128.load(q, 32), e3 = v128.load(q, 48);
    v128.store(q, f32x4.mul(e0, t0), 0); v128.store(q, f32x4.mul(e1, t1), 16);
    v128.store(q, f32x4.mul(e2, t2), 32); v128.store(q, f32x4.mul(e3, t3), 48);
  }
}

/** o (sequences * length, heads * head_dim) = softmax(causal(Q K^T / sqrt(head_dim))) V. `xs`: panel stride of qkv and o. */
export function attention_forward(
  o: usize, probabilities: usize, qkv: usize, xs: usize, scratch: usize,
  sequences: i32, length: i32, heads: i32, head_dim: i32,
): void {
  const panels = head_dim >> 4;
  const part = <usize>(heads * panels) * xs;
  const scale = f32x4.extract_lane(f32x4.div(f32x4.splat(1.0), f32x4.sqrt(f32x4.splat(<f32>head_dim))), 0);
  for (let b = 0; b < sequences; b++) {
    for (let h = 0; h < heads; h++) {
      const q = qkv + <usize>(h * panels) * xs + (<usize>(b * length) << 6);
      const k = q + part, v = k + part;
      const out = o + <usize>(h * panels) * xs + (<usize>(b * length) << 6);
      for (let i = 0; i < length; i += 16) {
        const rows = visible(i, length);
        // Pass 1: Q^T of 16 queries, scaled.
        for (let c = 0; c < panels; c++) {
          transpose_block(scratch + (<usize>c << 10), q + <usize>c * xs + (<usize>i << 6), length - i, scale);
        }
        // Pass 2: the scores K Q^T, keys down and queries across.
        for (let j: usize = 0, end = <usize>rows << 6; j < end; j += 256) {
          tile_nn(probabilities + j, k + j, xs, scratch, 0, head_dim);
        }
        // Pass 3: their softmax.
        softmax_columns(probabilities, i, rows);
        // Pass 4: O = P V.
        for (let c = 0; c < panels; c++) {
          for (let t = 0; t < min(16, length - i); t += 4) {
            tile_tn(
              out + <usize>c * xs + (<usize>(i + t) << 6), probabilities + (<usize>t << 2), v + <usize>c * xs, 0, rows,
            );
          }
        }
        probabilities += <usize>length << 6;
      }
    }
  }
}

/**
 * dqkv from do. With P the probabilities and dP = dO V^T:
 * dS = P * (dP - sum_keys(P * dP)) / sqrt(head_dim), dQ = dS K, dK = dS^T Q, dV = P^T dO.
 */
export function attention_backward(
  dqkv: usize, do_: usize, probabilities: usize, qkv: usize, xs: usize, scratch: usize,
  sequences: i32, length: i32, heads: i32, head_dim: i32,
): void {
  const panels = head_dim >> 4;
  const part = <usize>(heads * panels) * xs;
  const scale = f32x4.div(f32x4.splat(1.0), f32x4.sqrt(f32x4.splat(<f32>head_dim)));
  const ds = scratch + (<usize>head_dim << 6);
  for (let b = 0; b < sequences; b++) {
    for (let h = 0; h < heads; h++) {
      const at = <usize>(h * panels) * xs + (<usize>(b * length) << 6);
      const q = qkv + at, k = q + part, v = k + part;
      const dq = dqkv + at, dk = dq + part, dv = dk + part;
      const dout = do_ + at;
      for (let c = 0; c < panels; c++) {
        memory.fill(dk + <usize>c * xs, 0, <usize>length << 6);
        memory.fill(dv + <usize>c * xs, 0, <usize>length << 6);
      }
      for (let i = 0; i < length; i += 16) {
        const rows = visible(i, length), queries = min(16, length - i);
        const end = <usize>rows << 6;
        // Pass 1: dP = V dO^T, keys down and queries across.
        for (let c = 0; c < panels; c++) {
          transpose_block(scratch + (<usize>c << 10), dout + <usize>c * xs + (<usize>i << 6), queries, 1.0);
        }
        for (let j: usize = 0; j < end; j += 256) tile_nn(ds + j, v + j, xs, scratch, 0, head_dim);
        // Pass 2: the sum of P * dP over the keys.
        let t0 = f32x4.splat(0), t1 = t0, t2 = t0, t3 = t0;
        for (let j: usize = 0; j < end; j += 64) {
          const d0 = v128.load(ds + j, 0), d1 = v128.load(ds + j, 16), d2 = v128.load(ds + j, 32), d3 = v128.load(ds + j, 48);
          const p0 = v128.load(probabilities + j, 0), p1 = v128.load(probabilities + j, 16);
          const p2 = v128.load(probabilities + j, 32), p3 = v128.load(probabilities + j, 48);
          t0 = f32x4.add(t0, f32x4.mul(p0, d0)); t1 = f32x4.add(t1, f32x4.mul(p1, d1));
          t2 = f32x4.add(t2, f32x4.mul(p2, d2)); t3 = f32x4.add(t3, f32x4.mul(p3, d3));
        }
        // Pass 3: dS = P (dP - sum) / sqrt(head_dim), in the place of dP.
        for (let j: usize = 0; j < end; j += 64) {
          const d0 = v128.load(ds + j, 0), d1 = v128.load(ds + j, 16), d2 = v128.load(ds + j, 32), d3 = v128.load(ds + j, 48);
          const p0 = v128.load(probabilities + j, 0), p1 = v128.load(probabilities + j, 16);
          const p2 = v128.load(probabilities + j, 32), p3 = v128.load(probabilities + j, 48);
          v128.store(ds + j, f32x4.mul(f32x4.mul(p0, scale), f32x4.sub(d0, t0)), 0);
          v128.store(ds + j, f32x4.mul(f32x4.mul(p1, scale), f32x4.sub(d1, t1)), 16);
          v128.store(ds + j, f32x4.mul(f32x4.mul(p2, scale), f32x4.sub(d2, t2)), 32);
          v128.store(ds + j, f32x4.mul(f32x4.mul(p3, scale), f32x4.sub(d3, t3)), 48);
        }
        // Pass 4: dQ = dS K, dK += dS^T Q, dV += P^T dO.
        for (let c = 0; c < panels; c++) {
          const offset = <usize>c * xs, query = offset + (<usize>i << 6);
          for (let t = 0; t < queries; t += 4) {
            tile_tn(dq + query + (<usize>t << 6), ds + (<usize>t << 2), k + offset, 0, rows);
          }
          for (let j: usize = 0; j < end; j += 256) {
            tile_nn(dk + offset + j, ds + j, 0, q + query, dk + offset + j, queries);
            tile_nn(dv + offset + j, probabilities + j, 0, dout + query, dv + offset + j, queries);
          }
        }
        probabilities += <usize>length << 6;
      }
    }
  }
}

/** Lanes j.. of a 4-key vector that lie past key `t`. */
// @ts-ignore: decorator
@inline
function past(j: i32, t: i32): v128 {
  return i32x4.gt_s(i32x4.add(i32x4(0, 1, 2, 3), i32x4.splat(j)), i32x4.splat(t));
}

/** s[j] = exp(q . k_j / sqrt(head_dim) - max), 0 past key t, for keys in vectors of 4. */
// @ts-ignore: decorator
@inline
function decode_scores(s: usize, q: usize, xs: usize, kt: usize, lane: usize, t: i32, head_dim: i32, scale: v128): void {
  const lowest = f32x4.splat(-3.0e38);
  let top = lowest;
  let j = 0;
  // Pass 1: scores and their maximum, 16 keys at a time and then 4.
  for (; j + 16 <= t + 1; j += 16) {
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    let k = kt + (<usize>j << 2);
    for (let c = 0; c < head_dim; c++) {
      const k0 = v128.load(k, 0), k1 = v128.load(k, 16), k2 = v128.load(k, 32), k3 = v128.load(k, 48);
      const qc = f32x4.mul(v128.load32_splat(q + <usize>(c >> 4) * xs + (<usize>(c & 15) << 2)), scale);
      s0 = f32x4.add(s0, f32x4.mul(k0, qc)); s1 = f32x4.add(s1, f32x4.mul(k1, qc));
      s2 = f32x4.add(s2, f32x4.mul(k2, qc)); s3 = f32x4.add(s3, f32x4.mul(k3, qc));
      k += lane;
    }
    const p = s + (<usize>j << 2);
    v128.store(p, s0, 0); v128.store(p, s1, 16); v128.store(p, s2, 32); v128.store(p, s3, 48);
    top = f32x4.pmax(f32x4.pmax(f32x4.pmax(f32x4.pmax(top, s0), s1), s2), s3);
  }
  for (; j <= t; j += 4) {
    let s0 = f32x4.splat(0);
    let k = kt + (<usize>j << 2);
    for (let c = 0; c < head_dim; c++) {
      const qc = f32x4.mul(v128.load32_splat(q + <usize>(c >> 4) * xs + (<usize>(c & 15) << 2)), scale);
      s0 = f32x4.add(s0, f32x4.mul(v128.load(k), qc));
      k += lane;
    }
    // Lanes past the last key hold whatever the cache held: hide them.
    s0 = v128.bitselect(lowest, s0, past(j, t));
    v128.store(s + (<usize>j << 2), s0);
    top = f32x4.pmax(top, s0);
  }
  top = f32x4.pmax(top, i32x4.shuffle(top, top, 2, 3, 0, 1));
  top = f32x4.pmax(top, i32x4.shuffle(top, top, 1, 0, 3, 2));
  // Pass 2: exp(score - maximum).
  for (let i = 0; i <= t; i += 4) {
    const p = s + (<usize>i << 2);
    const x = v128.load(p);
    v128.store(p, v128.and(exp_f32x4(f32x4.sub(x, top)), f32x4.gt(x, f32x4.splat(-1.0e38))));
  }
}

/** o = sum_j s[j] v_j over keys 0..t for one head, panel by panel. */
// @ts-ignore: decorator
@inline
function decode_values(o: usize, xs: usize, s: usize, v: usize, lane: usize, t: i32, panels: i32): void {
  for (let c = 0; c < panels; c++) {
    let o0 = f32x4.splat(0), o1 = o0, o2 = o0, o3 = o0;
    let from = v + <usize>c * (lane << 4);
    for (let p = s, end = s + (<usize>t << 2); p <= end; p += 4) {
      const a = v128.load(from, 0), b = v128.load(from, 16), d = v128.load(from, 32), e = v128.load(from, 48);
      const w = v128.load32_splat(p);
      o0 = f32x4.add(o0, f32x4.mul(w, a)); o1 = f32x4.add(o1, f32x4.mul(w, b));
      o2 = f32x4.add(o2, f32x4.mul(w, d)); o3 = f32x4.add(o3, f32x4.mul(w, e));
      from += 64;
    }
    const to = o + <usize>c * xs;
    v128.store(to, o0, 0); v128.store(to, o1, 16); v128.store(to, o2, 32); v128.store(to, o3, 48);
  }
}

/**
 * One decoding step: appends K and V of this step (position `t` of the cache) and attends over keys 0..t.
 * qkv is (rows, 3 * heads * head_dim) and o (rows, heads * head_dim), panel stride `xs`: one token for each
 * of `rows` sequences. The cache holds, for each row and head, head_dim rows of `capacity` key values
 * (keys as lanes) and then `capacity` rows of head_dim values (panels of 16, each capacity * 64 bytes);
 * capacity % 4 = 0. `scratch` holds 4 * capacity floats. Adds in the same order as attention_forward, so that
 * decoding gives the same bits as a full pass. Four heads go together, for their sums over keys are serial chains.
 */
export function attention_decode(
  o: usize, cache: usize, qkv: usize, xs: usize, scratch: usize,
  rows: i32, t: i32, capacity: i32, heads: i32, head_dim: i32,
): void {
  const panels = head_dim >> 4;
  const part = <usize>(heads * panels) * xs;
  const size = <usize>capacity * <usize>head_dim << 2;
  const lane = <usize>capacity << 2;
  const scale = f32x4.div(f32x4.splat(1.0), f32x4.sqrt(f32x4.splat(<f32>head_dim)));
  const end = <usize>t << 2;
  for (let b = 0; b < rows; b++) {
    for (let first = 0; first < heads; first += 4) {
      const group = min(4, heads - first);
      // Pass 1: append K and V to the cache; the softmax's numerators.
      for (let h = 0; h < group; h++) {
        const q = qkv + <usize>((first + h) * panels) * xs + (<usize>b << 6);
        const k = q + part, v = k + part;
        const kt = cache + <usize>h * (size << 1), vs = kt + size;
        for (let c = 0; c < head_dim; c++) {
          const from = <usize>(c >> 4) * xs + (<usize>(c & 15) << 2);
          f32.store(kt + <usize>c * lane + end, f32.load(k + from));
        }
        for (let c = 0; c < panels; c++) {
          const from = v + <usize>c * xs, to = vs + <usize>c * (lane << 4) + (<usize>t << 6);
          const x0 = v128.load(from, 0), x1 = v128.load(from, 16), x2 = v128.load(from, 32), x3 = v128.load(from, 48);
          v128.store(to, x0, 0); v128.store(to, x1, 16); v128.store(to, x2, 32); v128.store(to, x3, 48);
        }
        decode_scores(scratch + <usize>h * lane, q, xs, kt, lane, t, head_dim, scale);
      }
      // Pass 2: their sums. Rows of scratch past `group` hold old scores, whose sums are not used.
      let t0: f32 = 0, t1: f32 = 0, t2: f32 = 0, t3: f32 = 0;
      for (let p = scratch, last = scratch + end; p <= last; p += 4) {
        t0 += f32.load(p);
        t1 += f32.load(p + lane);
        t2 += f32.load(p + 2 * lane);
        t3 += f32.load(p + 3 * lane);
      }
      // Pass 3: divide by the sum, and O = P V.
      for (let h = 0; h < group; h++) {
        const total = h == 0 ? t0 : h == 1 ? t1 : h == 2 ? t2 : t3;
        const inverse = f32x4.div(f32x4.splat(1.0), f32x4.splat(total));
        const s = scratch + <usize>h * lane;
        for (let p = s, last = s + end; p <= last; p += 16) v128.store(p, f32x4.mul(v128.load(p), inverse));
        decode_values(
          o + <usize>((first + h) * panels) * xs + (<usize>b << 6), xs, s,
          cache + <usize>h * (size << 1) + size, lane, t, panels,
        );
      }
      cache += <usize>group * (size << 1);
    }
  }
}
