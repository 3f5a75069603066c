// Elementary functions on four float32 lanes, from additions, multiplications and bit operations only, so
// that every machine and engine returns the same bits. Polynomials: Cephes single precision (Moshier).

// Constants are broadcast from memory: V8 would build a vector constant from two 64-bit moves at every use.

/** exp: lowest argument, log2(e), 1.5 * 2^23, log(2) in two parts, polynomial from the highest power, 1. */
const EXP = memory.data<f32>([
  -87.0, 1.44269504088896341, 12582912.0, 0.693359375, -2.12194440e-4,
  1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1.0,
], 16);
const EXP_BIAS = memory.data<i32>([127], 16);

/** exp(x) for x <= 88, within 1 ulp (0.991 over every float of the range). Below -87 the result is exp(-87), about 1.6e-38: mask where 0 is meant. */
// @ts-ignore: decorator
@inline
export function exp_f32x4(x: v128): v128 {
  x = f32x4.pmax(v128.load32_splat(EXP, 0), x);
  // Adding 1.5 * 2^23 rounds to an integer n that then stands in the low mantissa bits of t.
  const t = f32x4.add(f32x4.mul(x, v128.load32_splat(EXP, 4)), v128.load32_splat(EXP, 8));
  const n = f32x4.sub(t, v128.load32_splat(EXP, 8));
  let r = f32x4.sub(x, f32x4.mul(n, v128.load32_splat(EXP, 12)));
  r = f32x4.sub(r, f32x4.mul(n, v128.load32_splat(EXP, 16)));
  let p = v128.load32_splat(EXP, 20);
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(EXP, 24));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(EXP, 28));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(EXP, 32));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(EXP, 36));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(EXP, 40));
  p = f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r);
  p = f32x4.add(p, v128.load32_splat(EXP, 44));
  // Shifting n + 127 into the exponent makes the float 2^n.
  return f32x4.mul(p, i32x4.shl(i32x4.add(t, v128.load32_splat(EXP_BIAS)), 23));
}

/** log: sqrt(1/2), 1, polynomial from the highest power, log(2) in two parts, 1/2. */
const LOG = memory.data<f32>([
  0.707106781186547524, 1.0,
  7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1, -2.12194440e-4, 0.693359375, 0.5,
], 16);
const LOG_BITS = memory.data<i32>([126, 0x007fffff, 0x3f000000], 16);

/** log(x) for normal positive x, within 1 ulp (0.830 over every float of the range). */
// @ts-ignore: decorator
@inline
export function log_f32x4(x: v128): v128 {
  let e = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(x, 23), v128.load32_splat(LOG_BITS, 0)));
  // Mantissa in [0.5, 1), moved to [sqrt(1/2), sqrt(2)).
  let m = v128.or(v128.and(x, v128.load32_splat(LOG_BITS, 4)), v128.load32_splat(LOG_BITS, 8));
  const small = f32x4.lt(m, v128.load32_splat(LOG, 0));
  e = f32x4.sub(e, v128.and(small, v128.load32_splat(LOG, 4)));
  m = f32x4.add(m, v128.and(small, m));
  m = f32x4.sub(m, v128.load32_splat(LOG, 4));
  const z = f32x4.mul(m, m);
  let p = v128.load32_splat(LOG, 8);
  p = f32x4.add(f32x4.mul(p, m), v128.load32_splat(LOG, 12));
  p = f32x4.add(f32x4.mul(p, m), v128.load32_splat(LOG, 16));
  p = f32x4.add(f32x4.mul(p, m), v128.load32_splat(LOG, 20));
  p = f32x4.add(f32x4.mul(p, m), v128.load32_splat(LOG, 24));
  p = f32x4.add(f32x4.mul(p, m), v128.load32_splat(LOG, 28));
  p = f32x4.add(f32x4.mul(p, m), v128.load32_splat(LOG, 32));
  p = f32x4.add(f32x4.mul(p, m), v128.load32_splat(LOG, 36));
  p = f32x4.add(f32x4.mul(p, m), v128.load32_splat(LOG, 40));
  p = f32x4.mul(f32x4.mul(p, m), z);
  p = f32x4.add(p, f32x4.mul(e, v128.load32_splat(LOG, 44)));
  p = f32x4.sub(p, f32x4.mul(z, v128.load32_splat(LOG, 52)));
  return f32x4.add(f32x4.add(m, p), f32x4.mul(e, v128.load32_splat(LOG, 48)));
}

/** sigmoid: 1, 87. tanh: 2, 0.625, polynomial from the highest power. */
const SIGMOID = memory.data<f32>([1.0, 87.0], 16);
const TANH = memory.data<f32>([
  2.0, 0.625,
  -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1,
], 16);
const SIGN = memory.data<i32>([0x80000000], 16);

/** 1 / (1 + exp(-x)), within 2 ulp where x >= -87; below, about 1.6e-38. */
// @ts-ignore: decorator
@inline
export function sigmoid_f32x4(x: v128): v128 {
  // Kept below 87 so that exp stays finite.
  const e = exp_f32x4(f32x4.pmin(v128.load32_splat(SIGMOID, 4), f32x4.neg(x)));
  return f32x4.div(v128.load32_splat(SIGMOID, 0), f32x4.add(v128.load32_splat(SIGMOID, 0), e));
}

/** tanh(x), within 2 ulp: below 0.625 in magnitude x + x^3 p(x^2), from there on 1 - 2 / (exp(2 |x|) + 1) with the sign of x. */
// @ts-ignore: decorator
@inline
export function tanh_f32x4(x: v128): v128 {
  const sign = v128.load32_splat(SIGN);
  const a = v128.andnot(x, sign), z = f32x4.mul(x, x);
  let p = v128.load32_splat(TANH, 8);
  p = f32x4.add(f32x4.mul(p, z), v128.load32_splat(TANH, 12));
  p = f32x4.add(f32x4.mul(p, z), v128.load32_splat(TANH, 16));
  p = f32x4.add(f32x4.mul(p, z), v128.load32_splat(TANH, 20));
  p = f32x4.add(f32x4.mul(p, z), v128.load32_splat(TANH, 24));
  const near = f32x4.add(x, f32x4.mul(f32x4.mul(p, z), x));
  const e = exp_f32x4(f32x4.pmin(v128.load32_splat(SIGMOID, 4), f32x4.add(a, a)));
  const one = v128.load32_splat(SIGMOID, 0);
  const far = f32x4.sub(one, f32x4.div(v128.load32_splat(TANH, 0), f32x4.add(e, one)));
  return v128.bitselect(near, v128.or(far, v128.and(x, sign)), f32x4.lt(a, v128.load32_splat(TANH, 4)));
}

/** Sum of the four lanes: (0 + 1) + (2 + 3). */
// @ts-ignore: decorator
@inline
export function sum_lanes(x: v128): f32 {
  return (f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1)) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

/** Largest of the four lanes. */
// @ts-ignore: decorator
@inline
export function max_lanes(x: v128): f32 {
  const y = f32x4.pmax(x, i32x4.shuffle(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmax(y, i32x4.shuffle(y, y, 1, 0, 3, 2)), 0);
}
