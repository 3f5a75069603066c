/** A hash of problems, for splits that depend on the problem alone. */

/**
 * Whether a problem, written as integers, belongs to the held-out `fraction` in [0, 1]. Depends on nothing else, so
 * that training and test problems are disjoint whatever the seed.
 */
export function isHeldOut(problem: Iterable<number>, fraction: number): boolean {
  return hashIntegers(problem) < fraction * 4294967296;
}

/** FNV-1a-32 over integers, then MurmurHash3's finalizer, as FNV mixes its top bits poorly. */
function hashIntegers(integers: Iterable<number>): number {
  let h = 0x811c9dc5;
  for (const x of integers) h = Math.imul(h ^ x, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
