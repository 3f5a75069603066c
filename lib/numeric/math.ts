/**
 * Elementary functions in float64 that give the same bits everywhere.
 *
 * ECMAScript lets an engine choose how `Math.exp` and its relatives round, so their results may
 * differ between machines. These functions use only `+ - * /`, `Math.sqrt`, `Math.abs`,
 * `Math.floor` and bit patterns, all of which IEEE 754 and ECMAScript fix exactly.
 *
 * Promise: the relative error is below 1e-15 wherever the result is a normal number (exp, log, sin,
 * cos and pow: about one unit in the last place). Special values follow `Math`. Speed is not a goal: the
 * kernels have their own float32 versions, this module serves the sampling, schedules, tables and
 * metrics around them.
 */

/** pi rounded to float64. */
export const PI = 3.141592653589793;
/** The natural logarithm of 2 rounded to float64. */
export const LN2 = 0.6931471805599453;

/** ln 2 with the last 21 bits zero, so that `k * LN2_HIGH` is exact for every float64 exponent k. */
const LN2_HIGH = 6.93147180369123816490e-1;
/** ln 2 - LN2_HIGH. */
const LN2_LOW = 1.90821492927058770002e-10;
/** pi / 2 in three parts: two of 33 bits, whose products with integers below 2^20 are exact, and the rest. */
const HALF_PI_1 = 1.57079632673412561417e0;
const HALF_PI_2 = 6.07710050630396597660e-11;
const HALF_PI_3 = 2.02226624879595063154e-21;
const TWO_OVER_SQRT_PI = 1.1283791670955126;
const ONE_OVER_SQRT_PI = 0.5641895835477563;
const SQRT_HALF = 0.7071067811865476;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
/** Which half of a float64 holds sign and exponent: 1 where memory is little-endian. */
const HIGH = (() => {
  float[0] = 1;
  return words[1] === 0 ? 0 : 1;
})();

/** 2^k exactly, for an integer k; 0 below -1074, Infinity above 1023. */
export function pow2(k: number): number {
  if (k > 1023) return Infinity;
  if (k >= -1022) return fromWords((k + 1023) << 20, 0);
  if (k < -1074) return 0;
  // Subnormal: two exact factors.
  return pow2(k + 60) * pow2(-60);
}

/** x * 2^k, rounded once. k is an integer in -1080..1024. */
function scale(x: number, k: number): number {
  if (k < -1021) return x * pow2(k + 60) * pow2(-60);
  if (k > 1023) return x * 2 * pow2(k - 1);
  return x * pow2(k);
}

/** e^x. 0 below about -745.1, Infinity above about 709.8. */
export function exp(x: number): number {
  return expSum(x, 0);
}

/** e^(x + tail) for a tail far smaller than x, as `pow` and `erfc` need it. */
function expSum(x: number, tail: number): number {
  if (x !== x) return x;
  if (x > 709.79) return Infinity;
  if (x < -745.14) return 0;
  const k = Math.floor(x / LN2 + 0.5);
  return scale(1 + expm1Reduced(x - k * LN2_HIGH, k * LN2_LOW - tail), k);
}

/** e^x - 1, accurate near 0 too. */
export function expm1(x: number): number {
  if (x !== x || x === 0) return x;
  if (x > 709.79) return Infinity;
  if (x < -50) return -1;
  const k = Math.floor(x / LN2 + 0.5);
  const e = expm1Reduced(x - k * LN2_HIGH, k * LN2_LOW);
  if (k === 0) return e;
  // 2^k (1 + e) - 1 = 2^k (e + (1 - 2^-k)): the bracket cancels nothing.
  return scale(e + (1 - pow2(-k)), k);
}

/** e^(high - low) - 1 for |high - low| <= 0.35: Taylor to degree 13, next term below 1e-17 of the result. */
function expm1Reduced(high: number, low: number): number {
  const r = high - low;
  const lost = (high - r) - low;
  let p = 1 / 6227020800;
  p = p * r + 1 / 479001600;
  p = p * r + 1 / 39916800;
  p = p * r + 1 / 3628800;
  p = p * r + 1 / 362880;
  p = p * r + 1 / 40320;
  p = p * r + 1 / 5040;
  p = p * r + 1 / 720;
  p = p * r + 1 / 120;
  p = p * r + 1 / 24;
  p = p * r + 1 / 6;
  p = p * r + 1 / 2;
  return r + (r * r * p + lost);
}

/** The natural logarithm. -Infinity at 0, NaN below. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return x;
  const { k, f } = splitLog(x);
  // With s = f / (2 + f): log(1 + f) = 2 atanh(s) = 2 s + s R, and 2 s = f - s f.
  const s = f / (2 + f);
  return k * LN2_HIGH - ((s * (f - atanhTail(s * s)) - k * LN2_LOW) - f);
}

/** log(1 + x), accurate near 0 too. */
export function log1p(x: number): number {
  const u = 1 + x;
  if (u === 1 || u === Infinity) return x;
  if (!(u > 0)) return log(u);
  // The rounding of u is undone by the factor x / (u - 1) (Kahan).
  return log(u) * (x / (u - 1));
}

/** x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)); f is exact. */
function splitLog(x: number): { k: number; f: number } {
  let k = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984; // 2^54
    k = -54;
  }
  float[0] = x;
  const high = words[HIGH]!;
  k += (high >>> 20) - 1023;
  let m = fromWords((high & 0xfffff) | 0x3ff00000, words[1 - HIGH]!);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    k++;
  }
  return { k, f: m - 1 };
}

/** 2 (z/3 + z^2/5 + z^3/7 + ...), so that 2 atanh(s) = s (2 + atanhTail(s^2)), for z <= 0.0295. */
function atanhTail(z: number): number {
  let p = 2 / 25;
  p = p * z + 2 / 23;
  p = p * z + 2 / 21;
  p = p * z + 2 / 19;
  p = p * z + 2 / 17;
  p = p * z + 2 / 15;
  p = p * z + 2 / 13;
  p = p * z + 2 / 11;
  p = p * z + 2 / 9;
  p = p * z + 2 / 7;
  p = p * z + 2 / 5;
  p = p * z + 2 / 3;
  return p * z;
}

/** x^y with the special cases of `Math.pow`. */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  if (x !== x || y !== y) return NaN;
  const size = Math.abs(x);
  if (y === Infinity || y === -Infinity) {
    if (size === 1) return NaN;
    return (size > 1) === (y > 0) ? Infinity : 0;
  }
  const integer = Math.floor(y) === y;
  const odd = integer && Math.abs(y) <= 9007199254740992 && y % 2 !== 0;
  const sign = odd && (x < 0 || Object.is(x, -0)) ? -1 : 1;
  if (size === 0) return sign * (y > 0 ? 0 : Infinity);
  if (size === Infinity) return sign * (y > 0 ? Infinity : 0);
  if (x < 0 && !integer) return NaN;
  if (size === 1) return sign;
  const { high, low } = logPair(size);
  // y log(x) needs more than 53 bits: its absolute error becomes the relative error of the result.
  const product = y * high;
  if (!(Math.abs(product) < 1e4)) return sign * (product > 0 ? Infinity : 0);
  return sign * expSum(product, productError(y, high, product) + y * low);
}

/** log(x) as an unevaluated sum with about 70 correct bits, for finite x > 0. */
function logPair(x: number): { high: number; low: number } {
  const { k, f } = splitLog(x);
  const d = 2 + f;
  const dLow = f - (d - 2);
  const s = f / d;
  const sd = s * d;
  const sLow = (((f - sd) - productError(s, d, sd)) - s * dLow) / d;
  const tail = s * atanhTail(s * s);
  // k ln2 + 2 s + tail, largest first; each step keeps what it rounds away.
  const a = k * LN2_HIGH;
  const b = 2 * s;
  const sum = a + b;
  const back = sum - a;
  const lost = (a - (sum - back)) + (b - back);
  const rest = lost + (2 * sLow + (tail + k * LN2_LOW));
  const high = sum + rest;
  // k = 0 leaves sum = 2 s >= rest, k != 0 leaves |sum| >= 0.34 > |rest|: the order below is exact.
  return { high, low: rest - (high - sum) };
}

/** a * b - product exactly, for product = the rounded a * b (Dekker; no overflow in our ranges). */
function productError(a: number, b: number, product: number): number {
  const ca = 134217729 * a; // 2^27 + 1
  const aHigh = ca - (ca - a);
  const aLow = a - aHigh;
  const cb = 134217729 * b;
  const bHigh = cb - (cb - b);
  const bLow = b - bHigh;
  return ((aHigh * bHigh - product) + aHigh * bLow + aLow * bHigh) + aLow * bLow;
}

/** The hyperbolic tangent. */
export function tanh(x: number): number {
  if (x !== x || x === 0) return x;
  if (Math.abs(x) > 22) return x > 0 ? 1 : -1;
  if (x > 0) return x > 1 ? 1 - 2 / (expm1(2 * x) + 2) : tanhSmall(x);
  return -tanh(-x);
}

function tanhSmall(x: number): number {
  const e = expm1(2 * x);
  return e / (e + 2);
}

/** The logistic function 1 / (1 + e^-x). */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + exp(-x));
  const e = exp(x);
  return e / (1 + e);
}

/** sin x for |x| <= 1e6; beyond that a RangeError, as the argument's own rounding then dominates. */
export function sin(x: number): number {
  if (x !== x || x === Infinity || x === -Infinity) return NaN;
  if (x === 0) return x;
  const { quadrant, r, tail } = reduceHalfPi(x, "sin");
  return quarterTurn(quadrant, r, tail);
}

/** cos x for |x| <= 1e6; beyond that a RangeError. */
export function cos(x: number): number {
  if (x !== x || x === Infinity || x === -Infinity) return NaN;
  const { quadrant, r, tail } = reduceHalfPi(x, "cos");
  return quarterTurn(quadrant + 1, r, tail);
}

/** sin(pi x), exact at multiples of 1/2; any finite x. */
export function sinPi(x: number): number {
  return halfTurns(x, 0);
}

/** cos(pi x), exact at multiples of 1/2; any finite x. */
export function cosPi(x: number): number {
  return halfTurns(x, 1);
}

function halfTurns(x: number, quarter: number): number {
  if (x !== x || x === Infinity || x === -Infinity) return NaN;
  const turned = x % 2;
  const n = Math.floor(2 * turned + 0.5);
  const rest = turned - 0.5 * n; // exact, |rest| <= 1/4
  const r = rest * PI;
  // pi's rounding (1.2e-16) and the product's are kept as the tail.
  return quarterTurn(n + quarter, r, productError(rest, PI, r) + rest * 1.2246467991473532e-16);
}

/** x = quadrant pi/2 + r + tail, |r| <= pi/4. */
function reduceHalfPi(x: number, name: string): { quadrant: number; r: number; tail: number } {
  if (Math.abs(x) > 1e6) {
    throw new RangeError(`${name}: ${x}: the argument must lie in -1e6..1e6`);
  }
  const n = Math.floor(x / (PI / 2) + 0.5);
  const first = x - n * HALF_PI_1;
  const second = n * HALF_PI_2;
  const sum = first - second;
  const back = sum - first;
  const lost = (first - (sum - back)) - (second + back);
  const rest = lost - n * HALF_PI_3;
  const r = sum + rest;
  return { quadrant: n, r, tail: rest - (r - sum) };
}

/** sin(quadrant pi/2 + r + tail). */
function quarterTurn(quadrant: number, r: number, tail: number): number {
  switch (((quadrant % 4) + 4) % 4) {
    case 0:
      return sinReduced(r, tail);
    case 1:
      return cosReduced(r, tail);
    case 2:
      return 0 - sinReduced(r, tail);
    default:
      return 0 - cosReduced(r, tail);
  }
}

/** Taylor to degree 17: the next term is below 1e-19 of the result for |r| <= pi/4. */
function sinReduced(r: number, tail: number): number {
  const z = r * r;
  let p = 1 / 355687428096000;
  p = p * z - 1 / 1307674368000;
  p = p * z + 1 / 6227020800;
  p = p * z - 1 / 39916800;
  p = p * z + 1 / 362880;
  p = p * z - 1 / 5040;
  p = p * z + 1 / 120;
  p = p * z - 1 / 6;
  return r + (r * z * p + tail * (1 - 0.5 * z));
}

/** Taylor to degree 18. */
function cosReduced(r: number, tail: number): number {
  const z = r * r;
  let p = -1 / 6402373705728000;
  p = p * z + 1 / 20922789888000;
  p = p * z - 1 / 87178291200;
  p = p * z + 1 / 479001600;
  p = p * z - 1 / 3628800;
  p = p * z + 1 / 40320;
  p = p * z - 1 / 720;
  p = p * z + 1 / 24;
  const half = 0.5 * z;
  const w = 1 - half;
  return w + (((1 - w) - half) + (z * z * p - r * tail));
}

/** The error function 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x. */
export function erf(x: number): number {
  if (x !== x || x === 0) return x;
  const size = Math.abs(x);
  const value = size < 2 ? erfSeries(size) : 1 - erfc(size);
  return x < 0 ? -value : value;
}

/** 1 - erf(x), accurate in the right tail too. */
export function erfc(x: number): number {
  if (x !== x) return x;
  if (x < 0.5) return 1 - erf(x);
  if (x > 28) return 0;
  return expMinusSquare(x, 1) * erfcScaled(x);
}

/** The standard normal distribution function, accurate in the left tail too. */
export function normalCdf(x: number): number {
  if (x !== x) return x;
  const size = Math.abs(x);
  if (size > 39) return x > 0 ? 1 : 0;
  const z = size * SQRT_HALF;
  if (z < 0.5) return 0.5 + 0.5 * erf(x * SQRT_HALF);
  const tail = 0.5 * expMinusSquare(size, 0.5) * erfcScaled(z);
  return x > 0 ? 1 - tail : tail;
}

/** e^(-factor x^2) for factor 1 or 1/2: x^2 is kept in full, as its rounding would be multiplied by x^2. */
function expMinusSquare(x: number, factor: number): number {
  const square = x * x;
  return expSum(-factor * square, -factor * productError(x, x, square));
}

/** erf(x) = 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!, positive terms only, for 0 <= x <= 2. */
function erfSeries(x: number): number {
  const z = x * x;
  if (z < 0.25) {
    // Here the plain alternating series loses nothing and saves the exponential.
    let p = 0;
    for (let n = 13; n >= 1; n--) {
      p = ERF_TAYLOR[n]! + z * p;
    }
    return TWO_OVER_SQRT_PI * (x + x * z * p);
  }
  let p = 1;
  for (let n = 45; n >= 1; n--) p = 1 + p * (2 * z / (2 * n + 1));
  return TWO_OVER_SQRT_PI * expMinusSquare(x, 1) * (x * p);
}

/** (-1)^n / (n! (2n + 1)). */
const ERF_TAYLOR = (() => {
  const out: number[] = [];
  for (let n = 0, f = 1; n <= 13; n++, f *= -n) out.push(1 / (f * (2 * n + 1)));
  return out;
})();

/** e^(x^2) erfc(x) for x >= 0.5. */
function erfcScaled(x: number): number {
  if (x < 2) return erfcScaledSmall(x);
  // 1/sqrt(pi) / (x + (1/2) / (x + (2/2) / (x + (3/2) / ...))).
  let t = x;
  for (let n = 60; n >= 1; n--) t = x + (n / 2) / t;
  return ONE_OVER_SQRT_PI / t;
}

/**
 * x/pi times the integral of e^(-t^2) / (x^2 + t^2) over the line, by the trapezoidal rule with step
 * h, whose error is about e^(-(pi/h)^2) once the pole at t = ix is accounted for (Matta and Reichel
 * 1971, Hunter and Regan 1972).
 */
function erfcScaledSmall(x: number): number {
  const h = 0.5;
  const z = x * x;
  let sum = 0.5 / z;
  for (let n = 13; n >= 1; n--) {
    const node = n * h;
    sum += exp(-node * node) / (z + node * node);
  }
  const trapezoid = 2 * h * x / PI * sum;
  // The pole's share, present for x < pi / h, times e^(x^2) like the rest.
  return trapezoid - 2 * exp(z) / expm1(2 * PI * x / h);
}

function fromWords(high: number, low: number): number {
  words[HIGH] = high;
  words[1 - HIGH] = low;
  return float[0]!;
}
