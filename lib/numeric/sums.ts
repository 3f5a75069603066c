/**
 * Sums whose last bit is fixed.
 *
 * Metrics are pinned and hashed, so every sum in lib/eval is this one: float64, first to last,
 * with Neumaier's compensation (Neumaier 1974). For a given order of the items the result is the same
 * on every machine, and unless huge terms cancel it is within an ulp or so of the exact sum.
 */

/** The sum of finite numbers, in index order; 0 for none. */
export function sum(values: ArrayLike<number>): number {
  let total = 0;
  let lost = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? (total - next) + value : (value - next) + total;
    total = next;
  }
  return total + lost;
}

/** The arithmetic mean. RangeError if there is no value. */
export function mean(values: ArrayLike<number>): number {
  if (values.length === 0) throw new RangeError("values: empty: give at least one number");
  return sum(values) / values.length;
}

/** Mean squared deviation from the mean (divides by n, not n - 1); exactly 0 for equal values. */
export function populationVariance(values: ArrayLike<number>): number {
  if (isConstant(values)) return 0;
  const centre = mean(values);
  const squares = new Float64Array(values.length);
  for (let i = 0; i < squares.length; i++) {
    const deviation = values[i]! - centre;
    squares[i] = deviation * deviation;
  }
  return sum(squares) / squares.length;
}

/** Whether all values are equal. The variance cannot tell: the rounded mean of three 0.1 is not 0.1. */
export function isConstant(values: ArrayLike<number>): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}
