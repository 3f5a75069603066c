/** Extrema of any number of values: the arguments of `Math.max(...values)` overflow the stack from about 120,000 on. */

/** The largest value as `Math.max` finds it: -Infinity of none, NaN if one is NaN. */
export function maximum(values: Iterable<number>): number {
  let most = -Infinity;
  for (const value of values) most = Math.max(most, value);
  return most;
}

/** The smallest value as `Math.min` finds it: Infinity of none, NaN if one is NaN. */
export function minimum(values: Iterable<number>): number {
  let least = Infinity;
  for (const value of values) least = Math.min(least, value);
  return least;
}
