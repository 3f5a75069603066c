/** The work of an iteration by part: tokens, FLOPs, and the seconds of a stopwatch. */
import { mean, sum } from "../numeric/sums.ts";

/** The parts of an iteration, in the order of tables. */
export const PARTS = ["rollout", "criticInference", "criticTraining", "actorTraining"] as const;

/**
 * Work of one iteration by part. What takes a critic's place, VinePPO's continuations, counts as its inference; what
 * references know (exact values, process rewards) counts as nothing.
 */
export type Parts = Readonly<Record<typeof PARTS[number], number>>;

/** The mean of each part. */
export function meanParts(all: readonly Parts[]): Parts {
  return Object.fromEntries(
    PARTS.map((part) => [part, mean(all.map((parts) => parts[part]))]),
  ) as Parts;
}

/** All parts together. */
export function totalParts(parts: Parts): number {
  return sum(Object.values(parts));
}

/** Wall time by what it was spent on. */
export class Stopwatch<Name extends string> {
  readonly seconds: Readonly<Record<Name, number>>;
  #last = performance.now();

  constructor(names: readonly Name[]) {
    this.seconds = Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
  }

  /** Charges the time since the last lap, or the start, to `name`. */
  lap(name: Name): void {
    const now = performance.now();
    (this.seconds as Record<Name, number>)[name] += (now - this.#last) / 1000;
    this.#last = now;
  }
}
