/** x moved into [0, 1], the range of values. */
export function clip01(x: number): number {
  return Math.max(0, Math.min(1, x));
}
