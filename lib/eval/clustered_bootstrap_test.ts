import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { mean } from "../numeric/sums.ts";
import { stratifiedBootstrap } from "./bootstrap.ts";
import { clusteredBootstrap } from "./clustered_bootstrap.ts";
import { near } from "./testdata.ts";

/** Two sums over each cluster's states: the statistics are ratios and differences of them. */
const right = [3, 8, 5, 9, 1], asked = [10, 10, 6, 12, 7];
const total = (sums: readonly number[], drawn: Uint32Array) =>
  drawn.reduce((all, k) => all + sums[k]!, 0);

Deno.test("the interval is that of all 3125 equally likely resamples", () => {
  const [ratio] = clusteredBootstrap(
    5,
    (drawn) => [total(right, drawn) / total(asked, drawn)],
    { seed: 1, replicates: 20_000 },
  );
  // Python: np.quantile of the ratio over itertools.product(range(5), repeat=5).
  near(ratio!.low, 0.325, 0.009);
  near(ratio!.high, 0.79545455, 0.012);
  assert.equal(ratio!.estimate, 26 / 45);
});

Deno.test("statistics share their resamples; seed and purpose alone decide", () => {
  const run = (seed: number) =>
    clusteredBootstrap(
      5,
      (drawn) => {
        const a = total(right, drawn), b = total(asked, drawn);
        return [a, b, a - b];
      },
      { seed, replicates: 500 },
    );
  assert.deepEqual(run(1), run(1));
  assert.notDeepEqual(run(1), run(2));
  const same = clusteredBootstrap(
    5,
    (drawn) => [total(right, drawn), total(right, drawn) - total(right, drawn)],
    { seed: 1, replicates: 50 },
  );
  assert.deepEqual([same[1]!.low, same[1]!.high], [0, 0]);
});

Deno.test("clusters of one state are the ordinary bootstrap", () => {
  const scores = [0.12, 0.31, 0.18, 0.27, 0.45];
  const options = { seed: 1, replicates: 999, purpose: "test/one" };
  const [clustered] = clusteredBootstrap(
    5,
    (drawn) => [mean(Array.from(drawn, (k) => scores[k]!))],
    options,
  );
  assert.deepEqual(clustered, stratifiedBootstrap([scores], ([s]) => mean(s!), options));
});

Deno.test("the level holds where states of a problem resemble one another, and not without clusters", () => {
  const problems = 40, states = 6, experiments = 300;
  let covered = 0, coveredByStates = 0;
  for (let row = 0; row < experiments; row++) {
    const random = new RandomStream({ seed: 1, purpose: "test/clustered", row });
    const means = Array.from({ length: problems }, () => {
      const offset = random.normal();
      return Array.from({ length: states }, () => offset + 0.5 * random.normal());
    });
    const sums = means.map((own) => own.reduce((a, b) => a + b, 0));
    const covers = (interval: { low: number | null; high: number | null }) =>
      +(interval.low! <= 0 && 0 <= interval.high!);
    const options = { seed: row, replicates: 400 };
    const [byProblem] = clusteredBootstrap(
      problems,
      (drawn) => [total(sums, drawn) / (problems * states)],
      options,
    );
    covered += covers(byProblem!);
    const all = means.flat();
    const [byState] = clusteredBootstrap(
      all.length,
      (drawn) => [total(all, drawn) / all.length],
      options,
    );
    coveredByStates += covers(byState!);
  }
  // numpy: 0.94 for 40 normal means; three standard errors of 300 experiments are 0.04.
  const share = covered / experiments;
  assert.ok(share > 0.9 && share < 0.98, `${share}`);
  assert.ok(coveredByStates / experiments < 0.7, "states are no independent draws");
});

Deno.test("one cluster has no interval; undefined replicates are left out", () => {
  const [one] = clusteredBootstrap(1, () => [5], { seed: 1 });
  assert.deepEqual(one, { estimate: 5, low: null, high: null, level: 0.95, replicates: 0 });
  const [never] = clusteredBootstrap(3, () => [null], { seed: 1, replicates: 10 });
  assert.deepEqual([never!.estimate, never!.low, never!.replicates], [null, null, 0]);
  const [some] = clusteredBootstrap(2, ([a, b]) => [a === b ? null : 1], {
    seed: 1,
    replicates: 200,
  });
  assert.ok(some!.replicates > 60 && some!.replicates < 140);
});

Deno.test("bad input is a RangeError that says what to do", () => {
  const none = () => [0];
  assert.throws(() => clusteredBootstrap(0, none, { seed: 1 }), /^RangeError: clusters: 0/);
  assert.throws(
    () => clusteredBootstrap(2, none, { seed: 1, replicates: 0.5 }),
    /^RangeError: replicates: 0.5/,
  );
  assert.throws(
    () => clusteredBootstrap(2, none, { seed: 1, level: 1 }),
    /^RangeError: level: 1/,
  );
});
