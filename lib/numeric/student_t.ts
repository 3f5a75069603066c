/**
 * Student's t distribution, central and noncentral, for whole degrees of freedom, with the same bits
 * everywhere.
 *
 * Own code, as of npm's libraries jstat and simple-statistics call `Math.exp`, `Math.log` and
 * `Math.pow`, whose rounding is the engine's choice, and @stdlib's t, which brings over 200 packages, has
 * no noncentral one.
 */
import { exp, expm1, log1p, normalCdf, PI } from "./math.ts";

/**
 * P(T > t) for Student's t: half the regularized incomplete beta function I_x(df / 2, 1 / 2) at
 * x = df / (df + t^2) for t >= 0.
 *
 * @param t Any number; from 1e150 on the result is 0.
 * @param df Degrees of freedom, an integer in 1..100,000.
 * @returns In [0, 1], with a relative error below 1e-11, in the right tail too; below 1e-12 up to
 * 1000 degrees of freedom. NaN for NaN.
 * @throws RangeError for other degrees of freedom.
 */
export function studentTTail(t: number, df: number): number {
  checkDegreesOfFreedom(df);
  if (t !== t) return t;
  if (t < 0) return 1 - studentTTail(-t, df);
  if (t > 1e150) return 0;
  const a = df / 2;
  const square = t * t;
  const x = df / (df + square);
  const y = square / (df + square);
  // x^a y^(1/2) / B(a, 1/2), the power by way of the logarithm: x has lost what t^2 adds to df.
  const front = exp(-a * log1p(square / df)) * Math.sqrt(y) * inverseBeta(df);
  return x < (a + 1) / (a + 2.5)
    ? front * betaFraction(x, a, 0.5) / df
    : 0.5 - front * betaFraction(y, 0.5, a);
}

/**
 * The t with P(T <= t) = p for Student's t, by bisection to the last bit.
 *
 * @param p In [1e-100, 1).
 * @param df Degrees of freedom, an integer in 1..100,000.
 * @throws RangeError for other arguments.
 */
export function studentTQuantile(p: number, df: number): number {
  checkDegreesOfFreedom(df);
  if (!(p >= 1e-100 && p < 1)) throw new RangeError(`p: ${p}: give a number in [1e-100, 1)`);
  if (p === 0.5) return 0;
  if (p > 0.5) return -studentTQuantile(1 - p, df);
  let low = 0;
  let high = 1;
  while (studentTTail(high, df) > p) high *= 2;
  while (true) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return -middle;
    if (studentTTail(middle, df) > p) low = middle;
    else high = middle;
  }
}

/**
 * P(T > t) for the noncentral T = (Z + noncentrality) / S: Z standard normal and df S^2 chi-squared
 * with df degrees of freedom.
 *
 * It is the mean of normalCdf(noncentrality - t S). The density of u = log S is proportional to
 * e^(df (u - (e^(2u) - 1) / 2)), analytic and falling fast both ways, so that the trapezoidal rule
 * over u converges geometrically (Trefethen and Weideman 2014); dividing by the weights' sum spares
 * the constant.
 *
 * @param t Finite.
 * @param df Degrees of freedom, an integer in 1..100,000.
 * @param noncentrality Of magnitude at most 1000.
 * @returns In [0, 1], with an absolute error below 1e-12.
 * @throws RangeError for other arguments.
 */
export function noncentralTTail(t: number, df: number, noncentrality: number): number {
  checkDegreesOfFreedom(df);
  if (!Number.isFinite(t)) throw new RangeError(`t: ${t}: give a finite number`);
  if (!(Math.abs(noncentrality) <= 1000)) {
    throw new RangeError(`noncentrality: ${noncentrality}: give a number in -1000..1000`);
  }
  // The error is about e^(y^2 (df + noncentrality^2 / 2) - 2 pi y / step) for the best y < pi / 4.
  const step = Math.min(0.1, 0.4 / Math.sqrt(df + noncentrality * noncentrality / 2));
  let weights = 0;
  let total = 0;
  for (const side of [-1, 1]) {
    for (let k = side === 1 ? 0 : 1;; k++) {
      const u = side * k * step;
      const weight = exp(df * (u - expm1(2 * u) / 2));
      if (weight < 1e-18) break;
      weights += weight;
      total += weight * normalCdf(noncentrality - t * exp(u));
    }
  }
  return total / weights;
}

/** 1 / B(df / 2, 1 / 2) = Gamma((df + 1) / 2) / (Gamma(df / 2) sqrt(pi)): 1 / pi and 1 / 2, then by recurrence. */
function inverseBeta(df: number): number {
  let k = df % 2 === 1 ? 1 : 2;
  let value = k === 1 ? 1 / PI : 0.5;
  for (; k < df; k += 2) value *= (k + 1) / k;
  return value;
}

/**
 * I_x(a, b) = x^a (1 - x)^b / (a B(a, b)) times this continued fraction, by Lentz's method; it
 * converges fast for x < (a + 1) / (a + b + 2) (Abramowitz and Stegun 1964, 26.5.8).
 */
function betaFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / (1 - (a + b) * x / (a + 1));
  let value = d;
  for (let m = 1;; m++) {
    const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    value *= c * d;
    const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) return value;
  }
}

function checkDegreesOfFreedom(df: number): void {
  if (!(Number.isInteger(df) && df >= 1 && df <= 100_000)) {
    throw new RangeError(`df: ${df}: give an integer in 1..100000`);
  }
}
