/** Ridge regression in closed form, in float64 and in a fixed order: the same bits everywhere. */

/** Sums over examples from which a ridge regression follows; nothing else of them is kept. */
export class Moments {
  /** Examples seen. */
  examples = 0;
  /** Sums of x_i x_j for j <= i at [i * count + j]; x has `count` features. */
  readonly products: Float64Array;
  readonly sums: Float64Array;
  /** Sums of x_i y. */
  readonly targets: Float64Array;
  /** Sums of y and of y^2. */
  y = 0;
  yy = 0;

  constructor(readonly count: number) {
    this.products = new Float64Array(count * count);
    this.sums = new Float64Array(count);
    this.targets = new Float64Array(count);
  }

  /** One more example; `x` has `count` entries. */
  add(x: Float64Array, y: number): void {
    const { count, products, sums, targets } = this;
    this.examples++;
    this.y += y;
    this.yy += y * y;
    for (let i = 0; i < count; i++) {
      const xi = x[i]!;
      // Most features are 0.
      if (xi === 0) continue;
      sums[i]! += xi;
      targets[i]! += xi * y;
      const row = i * count;
      for (let j = 0; j <= i; j++) products[row + j]! += xi * x[j]!;
    }
  }

  /** All examples of both. */
  plus(other: Moments): Moments {
    const all = new Moments(this.count);
    all.examples = this.examples + other.examples;
    all.y = this.y + other.y;
    all.yy = this.yy + other.yy;
    for (const field of ["products", "sums", "targets"] as const) {
      for (let i = 0; i < all[field].length; i++) {
        all[field][i] = this[field][i]! + other[field][i]!;
      }
    }
    return all;
  }
}

/** y = intercept + weights . x. */
export interface LinearModel {
  readonly intercept: number;
  readonly weights: Float64Array;
}

/**
 * Minimizes the mean squared error plus `penalty` times the sum of (weight_i * standard deviation of x_i)^2: as on
 * standardized features. The intercept is not penalized.
 *
 * @param penalty > 0, so that features may depend on one another; the weight of a feature that never varies is 0.
 */
export function ridge(moments: Moments, penalty: number): LinearModel {
  const { count, examples: n, products, sums, targets } = moments;
  const mean = sums.map((s) => s / n), meanY = moments.y / n;
  const matrix = new Float64Array(count * count), right = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j <= i; j++) {
      matrix[i * count + j] = products[i * count + j]! / n - mean[i]! * mean[j]!;
    }
    right[i] = targets[i]! / n - mean[i]! * meanY;
    const variance = matrix[i * count + i]!;
    if (variance > 1e-12) matrix[i * count + i] = variance * (1 + penalty);
    else {
      for (let j = 0; j < i; j++) matrix[i * count + j] = 0;
      matrix[i * count + i] = 1;
      right[i] = 0;
    }
  }
  const weights = solve(matrix, right);
  let intercept = meanY;
  for (let i = 0; i < count; i++) intercept -= weights[i]! * mean[i]!;
  return { intercept, weights };
}

/** The model's mean squared error on the examples of `moments`. */
export function meanSquaredError(
  { intercept: c, weights: w }: LinearModel,
  { count, examples: n, products, sums, targets, y, yy }: Moments,
): number {
  // sum (y - c - w.x)^2, multiplied out.
  let sum = yy - 2 * c * y + n * c * c;
  for (let i = 0; i < count; i++) {
    sum += 2 * w[i]! * (c * sums[i]! - targets[i]!);
    sum += w[i]! * w[i]! * products[i * count + i]!;
    for (let j = 0; j < i; j++) sum += 2 * w[i]! * w[j]! * products[i * count + j]!;
  }
  return sum / n;
}

/** The model's answer. */
export function predict({ intercept, weights }: LinearModel, x: Float64Array): number {
  let y = intercept;
  for (let i = 0; i < weights.length; i++) y += weights[i]! * x[i]!;
  return y;
}

/**
 * Solves A x = b for a symmetric positive definite A, given by its lower triangle (row-major), by A = L L^T (Cholesky).
 * A is overwritten by L.
 *
 * @throws RangeError if A is not positive definite.
 */
export function solve(a: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= a[i * n + k]! * a[j * n + k]!;
      if (i > j) a[i * n + j] = sum / a[j * n + j]!;
      else if (sum > 0) a[i * n + i] = Math.sqrt(sum);
      else throw new RangeError(`pivot ${i}: ${sum}: the matrix must be positive definite`);
    }
  }
  const x = b.slice();
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= a[i * n + k]! * x[k]!;
    x[i]! /= a[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= a[k * n + i]! * x[k]!;
    x[i]! /= a[i * n + i]!;
  }
  return x;
}
