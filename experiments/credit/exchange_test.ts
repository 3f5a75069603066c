import assert from "node:assert/strict";
import {
  breakEvenPrice,
  type Cost,
  episodesTo,
  exchangeOf,
  type Path,
  successAt,
  totalCost,
} from "./exchange.ts";

/** Success 0.2, 0.4, 0.3, 0.6 after 0, 100, 200, 300 episodes. */
const points = [[0, 0.2], [100, 0.4], [200, 0.3], [300, 0.6]]
  .map(([episodes, success]) => ({ episodes: episodes!, success: success! }));

/** A longer run without a critic, and one with it that has taken as many FLOPs after 200 of its 300 episodes. */
const long: Path = {
  points,
  episodes: 300,
  rolloutFlops: 300,
  otherFlops: 600,
  preparationEpisodes: 0,
  preparationFlops: 0,
};
const critic: Path = {
  points: [{ episodes: 0, success: 0.2 }, { episodes: 50, success: 0.45 }],
  episodes: 50,
  rolloutFlops: 50,
  otherFlops: 350,
  preparationEpisodes: 20,
  preparationFlops: 200,
};

/** The same with another success at its end. */
function endingAt(success: number): Path {
  return { ...critic, points: [critic.points[0]!, { episodes: 50, success }] };
}

function near(got: number | null, expected: number): void {
  assert.ok(got !== null && Math.abs(got - expected) < 1e-12, `${got}, not ${expected}`);
}

Deno.test("episodes to a success: the first crossing, on straight lines; null where it is never reached", () => {
  near(episodesTo({ points }, 0.3), 50);
  near(episodesTo({ points }, 0.4), 100);
  near(episodesTo({ points }, 0.45), 250);
  near(episodesTo({ points }, 0.1), 0);
  assert.equal(episodesTo({ points }, 0.61), null);
});

Deno.test("success after episodes: on straight lines, the last one's beyond the end", () => {
  near(successAt({ points }, 0), 0.2);
  near(successAt({ points }, 150), 0.35);
  near(successAt({ points }, 300), 0.6);
  near(successAt({ points }, 1000), 0.6);
});

Deno.test("rates and success at equal FLOPs by seed", () => {
  const { atEqualFlops, flopsRatio, longest, rates, withCritic } = exchangeOf([
    [critic, long],
    [endingAt(0.7), long],
    [endingAt(0.2), long],
  ]);
  // 250 episodes, never, none: for each of 50.
  near(rates[0]!, 5);
  assert.deepEqual(rates.slice(1), [null, 0]);
  assert.equal(longest, 6);
  assert.deepEqual(withCritic, [0.45, 0.7, 0.2]);
  // 600 FLOPs of 900 are 200 episodes of 300.
  for (const success of atEqualFlops) near(success, 0.3);
  near(flopsRatio.estimate, 2 / 3);
});

Deno.test("where the run with the critic takes more FLOPs than all of the longer one, that one's end counts", () => {
  const { atEqualFlops } = exchangeOf([[{ ...critic, preparationFlops: 1000 }, long]]);
  near(atEqualFlops[0]!, 0.6);
});

Deno.test("at the price 1 a cost is the FLOPs that were counted; the longer run's up to that success", () => {
  const { costs } = exchangeOf([[critic, long]]);
  near(totalCost(costs.critic, 1), 600);
  near(totalCost(costs.preparedCritic, 1), 400);
  // 250 of 300 episodes of 900 FLOPs.
  near(totalCost(costs.long, 1), 750);
  // One FLOP an episode: 70, 50 and 250 of them more for each unit of price.
  near(totalCost(costs.critic, 11), 600 + 700);
  near(totalCost(costs.preparedCritic, 11), 400 + 500);
  near(totalCost(costs.long, 11), 750 + 2500);
  assert.deepEqual(Object.values(costs).map(({ episodes }) => Math.round(episodes)), [70, 50, 250]);
});

Deno.test("a longer run that never gets there costs its whole length", () => {
  const { costs } = exchangeOf([[endingAt(0.7), long]]);
  near(costs.long.episodes, 300);
  near(totalCost(costs.long, 1), 900);
});

Deno.test("the price at which two costs are equal; null where one is lower at every price", () => {
  const few: Cost = { episodes: 10, episodeFlops: 2, otherFlops: 500 };
  const many: Cost = { episodes: 60, episodeFlops: 2, otherFlops: 100 };
  near(breakEvenPrice(few, many), 4);
  near(breakEvenPrice(many, few), 4);
  near(totalCost(few, 4), totalCost(many, 4));
  assert.equal(breakEvenPrice({ ...few, otherFlops: 50 }, many), null);
  assert.equal(breakEvenPrice(few, { ...few, otherFlops: 1 }), null);
  assert.equal(breakEvenPrice(few, few), null);
});
