/** How long a run takes on many machines. */
export interface Schedule {
  /** Until the last task has ended. */
  readonly makespan: number;
  /** The share of the workers' time until then in which they have nothing to do, in [0, 1). */
  readonly idle: number;
}

/**
 * A simulation of tasks on equal workers: the longest first, each to the worker that is free first, as batch systems do with
 * jobs in the order of their submission (Graham 1969: at most 4/3 of the best).
 *
 * @param durations Of the tasks, > 0, in any unit; the result has the same.
 * @param workers >= 1.
 */
export function schedule(durations: readonly number[], workers: number): Schedule {
  // No more than there are tasks get one.
  const ends = new Float64Array(Math.min(workers, durations.length));
  const total = durations.reduce((sum, duration) => sum + duration, 0);
  for (const duration of durations.toSorted((a, b) => b - a)) {
    let first = 0;
    for (let i = 1; i < ends.length; i++) if (ends[i]! < ends[first]!) first = i;
    ends[first]! += duration;
  }
  const makespan = ends.reduce((last, end) => Math.max(last, end), 0);
  return { makespan, idle: 1 - total / (makespan * workers) };
}
