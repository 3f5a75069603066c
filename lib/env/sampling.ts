/** Many states at once, and what is estimated from many episodes. */
import { RandomStream } from "../numeric/random.ts";
import type { Environment, SampleOptions } from "./environment.ts";

/** Where the random numbers of a batch come from; row i draws from the stream of row `firstRow + i`. */
export interface BatchKey {
  readonly seed: number;
  readonly purpose: string;
  /** Default 0. */
  readonly step?: number;
  /** Default 0. */
  readonly firstRow?: number;
}

/**
 * `count` states. Row i depends on the key and i alone, so a batch can be drawn in parts.
 *
 * @param count An integer >= 0.
 * @param options For all rows, or a function of the row, e.g. to give every state its own actor.
 */
export function sampleStates<State, Actor>(
  environment: Environment<State, Actor>,
  key: BatchKey,
  count: number,
  options: SampleOptions<Actor> | ((row: number) => SampleOptions<Actor>),
): State[] {
  const { seed, purpose, step = 0, firstRow = 0 } = key;
  return Array.from({ length: count }, (_, i) => {
    const row = firstRow + i;
    const random = new RandomStream({ seed, purpose, step, row });
    return environment.sampleState(random, typeof options === "function" ? options(row) : options);
  });
}

/**
 * The fraction of `episodes` full episodes which end with reward 1: what a critic reads about the
 * actor (In-Context Conditioning). Its standard error is sqrt(p (1 - p) / episodes).
 *
 * @param episodes A positive integer.
 * @returns In [0, 1].
 * @throws RangeError for another number of episodes.
 */
export function estimateSuccessRate<State, Actor>(
  environment: Environment<State, Actor>,
  key: BatchKey,
  episodes: number,
  options: SampleOptions<Actor>,
): number {
  if (!Number.isInteger(episodes) || episodes < 1) {
    throw new RangeError(`episodes: ${episodes}: must be a positive integer`);
  }
  const { seed, purpose, step = 0, firstRow = 0 } = key;
  let sum = 0;
  for (let i = 0; i < episodes; i++) {
    const random = new RandomStream({ seed, purpose, step, row: firstRow + i });
    const start = environment.initialState(random, options);
    sum += environment.rollout(random, start, options.actor).reward;
  }
  return sum / episodes;
}
