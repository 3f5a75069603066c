/** What an episode with a critic is worth in episodes without one, and at which price of an episode that pays. */
import { type SeedInterval, seedInterval } from "../../lib/eval/student.ts";
import { mean } from "../../lib/numeric/sums.ts";

/** One run: success against episodes, and what it took. */
export interface Path {
  readonly points: readonly { readonly episodes: number; readonly success: number }[];
  /** Episodes of RL. */
  readonly episodes: number;
  /** FLOPs of these, and of all else in RL. */
  readonly rolloutFlops: number;
  readonly otherFlops: number;
  /** Of preparing the critic, training included; 0 without one. A continuation counts as an episode. */
  readonly preparationEpisodes: number;
  readonly preparationFlops: number;
}

/** A run with the critic against a longer one without. */
export interface Exchange {
  /**
   * By seed: episodes without the critic that reach the success with which the run with it ends, for each of its episodes;
   * null where the longer run ends before it gets there: more than `longest`.
   */
  readonly rates: readonly (number | null)[];
  /** Episodes of the longer run for each of the other's. */
  readonly longest: number;
  /** By seed: success at the end of the run with the critic, and of the longer one where it has cost as much. */
  readonly withCritic: readonly number[];
  readonly atEqualFlops: readonly number[];
  /** FLOPs of the run with the critic, preparation included, over those of all of the longer run. */
  readonly flopsRatio: SeedInterval;
  /** What each takes to reach that success, mean over seeds: with the critic's preparation, without it, and the longer run. */
  readonly costs: { readonly critic: Cost; readonly preparedCritic: Cost; readonly long: Cost };
}

/** Episodes, what one costs here in FLOPs, and the FLOPs of all else. */
export interface Cost {
  readonly episodes: number;
  readonly episodeFlops: number;
  readonly otherFlops: number;
}

/**
 * Compares pairs of runs, one a seed.
 *
 * @param pairs The run with the critic, and the longer one without, from the same actor.
 */
export function exchangeOf(pairs: readonly (readonly [Path, Path])[]): Exchange {
  const rates = pairs.map(([critic, long]) => {
    const episodes = episodesTo(long, critic.points.at(-1)!.success);
    return episodes === null ? null : episodes / critic.episodes;
  });
  const flopsOf = (path: Path) => path.rolloutFlops + path.otherFlops + path.preparationFlops;
  const [first] = pairs;
  const longest = first![1].episodes / first![0].episodes;
  const average = (f: (pair: readonly [Path, Path], i: number) => number) => mean(pairs.map(f));
  const episodeFlops = average(([critic]) => critic.rolloutFlops / critic.episodes);
  // Where the longer run never gets there, its whole length is the least that it would take.
  const longShare = (i: number) => (rates[i] ?? longest) / longest;
  return {
    rates,
    longest,
    withCritic: pairs.map(([critic]) => critic.points.at(-1)!.success),
    atEqualFlops: pairs.map(([critic, long]) =>
      successAt(long, long.episodes * Math.min(1, flopsOf(critic) / flopsOf(long)))
    ),
    flopsRatio: seedInterval(pairs.map(([critic, long]) => flopsOf(critic) / flopsOf(long))),
    costs: {
      critic: cost(
        average(([critic]) => critic.episodes + critic.preparationEpisodes),
        average(([critic]) => flopsOf(critic)),
      ),
      preparedCritic: cost(
        average(([critic]) => critic.episodes),
        average(([critic]) => critic.rolloutFlops + critic.otherFlops),
      ),
      long: cost(
        average(([, long], i) => longShare(i) * long.episodes),
        average(([, long], i) => longShare(i) * flopsOf(long)),
      ),
    },
  };

  function cost(episodes: number, flops: number): Cost {
    return { episodes, episodeFlops, otherFlops: flops - episodes * episodeFlops };
  }
}

/**
 * Total FLOPs where an episode costs `price` times what it costs here: with larger models, longer responses, or a verifier
 * that has to be paid.
 */
export function totalCost({ episodes, episodeFlops, otherFlops }: Cost, price: number): number {
  return otherFlops + price * episodes * episodeFlops;
}

/** The price at which two costs are equal; null where one is the lower at every price from 0 on. */
export function breakEvenPrice(a: Cost, b: Cost): number | null {
  const slope = a.episodes * a.episodeFlops - b.episodes * b.episodeFlops;
  const price = (b.otherFlops - a.otherFlops) / slope;
  return Number.isFinite(price) && price >= 0 ? price : null;
}

/** The first episode at which success is reached, on straight lines between the points; null if it never is. */
export function episodesTo({ points }: Pick<Path, "points">, success: number): number | null {
  const i = points.findIndex((point) => point.success >= success);
  if (i < 0) return null;
  const to = points[i]!, from = points[i - 1];
  if (!from) return to.episodes;
  const share = (success - from.success) / (to.success - from.success);
  return from.episodes + share * (to.episodes - from.episodes);
}

/** Success after so many episodes, on straight lines between the points. */
export function successAt({ points }: Pick<Path, "points">, episodes: number): number {
  const i = points.findIndex((point) => point.episodes >= episodes);
  if (i < 0) return points.at(-1)!.success;
  const to = points[i]!, from = points[i - 1];
  if (!from) return to.success;
  const share = (episodes - from.episodes) / (to.episodes - from.episodes);
  return from.success + share * (to.success - from.success);
}
