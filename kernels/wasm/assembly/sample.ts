// Choosing the next token on the device: greedy, or sampled by the Gumbel-max trick with counter-based noise.
import { log_f32x4 } from "./simd";

/** One Philox4x32-10 block (Salmon et al. 2011): counter (c0, c1, c2, 0), key (k0, k1); four words to `out`. */
// @ts-ignore: decorator
@inline
function philox(out: usize, c0: u32, c1: u32, c2: u32, k0: u32, k1: u32): void {
  let c3: u32 = 0;
  for (let r = 0; r < 10; r++) {
    const p0 = <u64>c0 * 0xD2511F53, p1 = <u64>c2 * 0xCD9E8D57;
    c0 = <u32>(p1 >> 32) ^ c1 ^ k0;
    c1 = <u32>p1;
    c2 = <u32>(p0 >> 32) ^ c3 ^ k1;
    c3 = <u32>p0;
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  store<u32>(out, c0, 0); store<u32>(out, c1, 4); store<u32>(out, c2, 8); store<u32>(out, c3, 12);
}

/**
 * next[i] = argmax_k x[i, k] (the first of equals) where inverse_temperature is 0; else
 * argmax_k (x[i, k] * inverse_temperature - log(-log(u[i, k]))), an exact draw from the softmax, with
 * u = (top 23 bits of Philox + 0.5) / 2^23, counter (k / 4, row_ids[i], step, 0), key (seed, purpose).
 * Where forced[i] >= 0 that token is taken instead: this is how a prompt is fed. x is (m, n padded to 16), stride `xs`.
 */
export function sample(
  next: usize, x: usize, xs: usize, forced: usize, row_ids: usize, scratch: usize, m: i32, n: i32,
  inverse_temperature: f32, step: u32, seed: u32, purpose: u32,
): void {
  const k = f32x4.splat(inverse_temperature);
  for (let i = 0; i < m; i++) {
    const at = <usize>i << 2, row = x + (<usize>i << 6);
    const given = load<i32>(forced + at);
    if (given >= 0) {
      store<i32>(next + at, given);
      continue;
    }
    let best: f32 = -3.4e38, token = 0;
    const id = load<u32>(row_ids + at);
    for (let j = 0; j < n; j += 4) {
      const p = row + <usize>(j >> 4) * xs + (<usize>(j & 15) << 2);
      let score = v128.load(p);
      if (inverse_temperature != 0) {
        philox(scratch, j >> 2, id, step, seed, purpose);
        const bits = i32x4.shr_u(v128.load(scratch), 9);
        const u = f32x4.mul(f32x4.add(f32x4.convert_i32x4_s(bits), f32x4.splat(0.5)), f32x4.splat(1.1920928955078125e-7));
        const gumbel = log_f32x4(f32x4.neg(log_f32x4(u)));
        score = f32x4.sub(f32x4.mul(score, k), gumbel);
      }
      v128.store(scratch, score);
      for (let l = 0; l < 4; l++) {
        const s = f32.load(scratch + (<usize>l << 2));
        if (j + l < n && s > best) {
          best = s;
          token = j + l;
        }
      }
    }
    store<i32>(next + at, token);
  }
}
