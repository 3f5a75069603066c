import assert from "node:assert/strict";
import { cellContext, finished, interruptionTest, verdictsOf } from "../shared/testing.ts";
import { type CriticTrainingMetrics, runCell } from "./cell.ts";
import { UsageError } from "../../lib/errors.ts";
import { pinsPath, readPins } from "../../lib/run/pins.ts";
import { criticTrainingCells } from "./cells.ts";
import { criticTrainingClaims } from "./claims.ts";
import { type CriticTrainingConfig, criticTrainingConfig, profiles, STARTS } from "./config.ts";
import criticTraining from "./mod.ts";
import { isReinforce, RECIPE_NAMES } from "./recipes.ts";
import { collapses, type Snapshot } from "./snapshot.ts";
import {
  bestRecipe,
  type CriticTrainingSummary,
  criticTrainingTable,
  summarizeCriticTraining,
} from "./summary.ts";

/** A puzzle that is learned in a second. */
function config(change: Partial<CriticTrainingConfig> = {}): CriticTrainingConfig {
  return {
    ...criticTrainingConfig.parse({
      seeds: [1],
      environment: { group: "S3", minLength: 2, maxLength: 3, maxMoves: 3, maxMovesBefore: 1 },
      size: { dModel: 16, layers: 1, learningRate: 1e-2 },
      sftSteps: 60,
      sftBatchSize: 16,
      weakLoss: 2,
      recipes: [
        { name: "outcome-trace-kl-value", learningRate: 1e-3 },
        { name: "raw", learningRate: 1e-3 },
        { name: "mc-own", learningRate: 1e-3 },
        { name: "mc-sft", learningRate: 1e-3 },
      ],
      prompts: 3,
      responses: 2,
      steps: 4,
      evaluateEvery: 2,
      testStates: 30,
    }),
    ...change,
  };
}

Deno.test("every profile has a cell for each start and seed, tuning seeds too, all recipes in it", () => {
  for (const profile of Object.values(profiles)) {
    const parsed = criticTrainingConfig.parse(profile);
    const cells = criticTrainingCells(parsed);
    const seeds = parsed.seeds.length + (parsed.search?.seeds.length ?? 0);
    assert.equal(cells.length, STARTS.length * seeds);
    assert.equal(new Set(cells.map((cell) => cell.id)).size, cells.length);
    for (const cell of cells) {
      assert.ok(cell.cost > 0);
      assert.deepEqual(new Set(cell.config.runs.map((r) => r.recipe)), new Set(RECIPE_NAMES));
      const rates = cell.config.role === "search" ? 3 : 1;
      assert.equal(cell.config.runs.length, RECIPE_NAMES.length * rates);
      // What the fall over the last fifth needs.
      assert.equal(cell.config.steps % (5 * cell.config.evaluateEvery), 0);
    }
  }
});

Deno.test("a learning rate at the edge of the search, or a tuning seed that is reported, is an error", () => {
  const search = { seeds: [101], rates: [3e-4, 1e-3, 3e-3] };
  const input = { ...profiles.smoke, search };
  assert.ok(criticTrainingConfig.safeParse(input).success);
  for (const rates of [[1e-4, 3e-4, 1e-3], [1e-3, 3e-3, 1e-2], [1e-4, 3e-4, 3e-3]]) {
    const found = criticTrainingConfig.safeParse({ ...input, search: { ...search, rates } });
    assert.match(found.error!.message, /not inside the searched ones/);
  }
  const same = criticTrainingConfig.parse({ ...input, search: { ...search, seeds: [2] } });
  assert.throws(() => criticTrainingCells(same), UsageError);
});

Deno.test("the rates of the standard profile are the best of its pinned search", () => {
  const { search } = readPins(pinsPath(criticTraining, "standard"))!
    .summary as unknown as CriticTrainingSummary;
  for (const recipe of RECIPE_NAMES) {
    const rows = search.filter((row) => row.recipe === recipe);
    assert.equal(rows.length, 3, recipe);
    const best = rows.reduce((a, b) => b.error < a.error ? b : a);
    assert.ok(best.chosen, `${recipe}: ${best.learningRate}`);
  }
});

interruptionTest(
  criticTraining,
  () => criticTrainingCells(config()),
  4,
  async (cell, whole) => {
    const recipes: CriticTrainingConfig["recipes"] = [{ name: "mc-sft", learningRate: 1e-3 }];
    const alone = criticTrainingCells(config({ recipes })).find(({ id }) => id === cell.id)!;
    const { digests } = await runCell(alone, cellContext());
    const id = "mc-sft/lr0.001";
    assert.equal(digests[id], whole.digests[id], "a recipe does not depend on those before it");
    assert.equal(new Set(Object.values(whole.digests)).size, 5);
  },
);

Deno.test("the weak critic stops early, the stale one learns another actor's values", () => {
  const [calibrated, stale, weak] = criticTrainingCells(config()).map((cell) => cell.config);
  assert.deepEqual([calibrated!.sftLoss, stale!.sftLoss, weak!.sftLoss], [0, 0, 2]);
  assert.deepEqual(
    [calibrated!.sftActor, stale!.sftActor, weak!.sftActor].map((a) => a.epsilon),
    [0.5, 0.1, 0.5],
  );
});

const GOOD: Snapshot = {
  step: 0,
  rmse: 0.03,
  expectationRmse: 0.03,
  rankingAccuracy: 0.95,
  parseRate: 1,
  traceAccuracy: 1,
  tokenAccuracy: 1,
  valueSpread: 0.2,
  reward: 0.8,
  kl: 0,
};

Deno.test("collapse has three kinds, each with its own threshold", () => {
  assert.deepEqual(collapses(GOOD, GOOD, 0.2), []);
  assert.deepEqual(collapses({ ...GOOD, traceAccuracy: 0.5 }, GOOD, 0.2), []);
  assert.deepEqual(collapses({ ...GOOD, traceAccuracy: 0.49 }, GOOD, 0.2), ["chain of thought"]);
  // A weak critic is measured by its own start.
  assert.deepEqual(
    collapses({ ...GOOD, traceAccuracy: 0.3 }, { ...GOOD, traceAccuracy: 0.5 }, 0.2),
    [],
  );
  assert.deepEqual(collapses({ ...GOOD, valueSpread: 0.09 }, GOOD, 0.2), ["constant value"]);
  assert.deepEqual(
    collapses({ ...GOOD, parseRate: 0.4, valueSpread: 0 }, GOOD, 0.2),
    ["constant value", "no answer"],
  );
});

/** A summary in which each run's last point is what `end` says of its start, recipe and seed. */
function summary(
  end: (start: string, recipe: string, seed: number, learningRate: number) => Partial<Snapshot>,
  starts: Record<string, Partial<Snapshot>> = {},
) {
  const full = config({
    seeds: [1, 2, 3],
    search: { seeds: [101, 102], rates: [3e-4, 1e-3, 3e-3] },
    recipes: RECIPE_NAMES.map((name) => ({ name, learningRate: 1e-3 })),
  });
  const cells = finished(criticTrainingCells(full), ({ config, seed }): CriticTrainingMetrics => {
    const begin = { ...GOOD, ...starts[config.start] };
    const runs = Object.fromEntries(
      config.runs.map(({ id, learningRate, recipe }) => {
        const last = { ...begin, step: 4, ...end(config.start, recipe, seed, learningRate) };
        return [id, { points: [{ ...begin, step: 2 }, last], training: [] }];
      }),
    );
    return { sftSteps: 60, curve: [], exactSpread: 0.2, start: begin, runs };
  });
  return summarizeCriticTraining(full, cells);
}

function verdicts(s: ReturnType<typeof summary>): Record<string, string> {
  return verdictsOf(criticTrainingClaims, s);
}

const STALE = { stale: { rmse: 0.4, expectationRmse: 0.4, reward: 0.6 } };

Deno.test("the verdicts where all is as the claims say", () => {
  const s = summary((start, recipe, seed) => {
    // Raw is worse than leave-one-out, which is worse than by outcome; all are good from anywhere.
    const rmse = { "raw": 0.05, "loo": 0.03, "loo-outcome": 0.01 }[recipe] ?? 0.03;
    // What damages a critic shows in its reward.
    if (recipe === "outcome-trace-kl-value" && start === "weak") return { rmse: 0.5, reward: 0.5 };
    return { rmse: rmse + 1e-4 * seed };
  }, STALE);
  const { T5, T6, ...others } = verdicts(s);
  assert.deepEqual(new Set(Object.values(others)), new Set(["supported"]));
  // Lower by 0.02, which does not matter.
  assert.deepEqual([T5, T6], ["no material difference", "no material difference"]);
});

Deno.test("a baseline that lowers the error by more than the margin is better", () => {
  const s = summary((_, recipe, seed) => ({
    rmse: ({ "raw": 0.15, "loo": 0.1, "loo-outcome": 0.05 }[recipe] ?? 0.1) + 1e-3 * seed,
  }));
  const { T5, T6 } = verdicts(s);
  assert.deepEqual([T5, T6], ["supported", "supported"]);
});

Deno.test("the verdicts where the opposite is true", () => {
  const s = summary((_, recipe, seed) => {
    const noise = 1e-3 * seed;
    // The reward rises while everything gets worse; leave-one-out is worse than raw, by outcome worse still.
    if (isReinforce(recipe as (typeof RECIPE_NAMES)[number])) {
      const worse = { "raw": 0.5, "loo": 0.6, "loo-outcome": 0.7 }[recipe] ?? 0.5;
      return { rmse: worse + noise, traceAccuracy: 0.1, reward: 0.9, valueSpread: 0 };
    }
    return { expectationRmse: 0.6 + noise };
  }, STALE);
  assert.deepEqual(new Set(Object.values(verdicts(s))), new Set(["contradicted"]));
  const row = s.rows.find((r) => r.recipe === "raw")!;
  assert.deepEqual(
    row.collapse,
    [1, 2, 3].map(() => ({ step: 4, kinds: ["chain of thought", "constant value"] })),
  );
});

Deno.test("nothing is decided where the seeds disagree, nor without a run that the claim is about", () => {
  const s = summary((_, __, seed) => seed === 1 ? { rmse: 0.9, traceAccuracy: 0 } : {}, STALE);
  for (const id of ["T1", "T3", "T8", "T10"]) {
    assert.equal(verdicts(s)[id], "undecided", id);
  }
  const calm = verdicts(summary(() => ({})));
  assert.equal(calm.T7, "undecided");
});

Deno.test("a reading names the rates at which the claim holds on the tuning seeds", () => {
  const s = summary((_, __, ___, learningRate) => ({ rmse: learningRate < 1e-3 ? 0.04 : 0.3 }));
  const { reading, verdict } = criticTrainingClaims[0]!.evaluate(s);
  assert.equal(verdict, "contradicted");
  assert.match(reading, /it holds at 0.0003 of the rates 0.0003, 0.001, 0.003/);
  const row = s.search.find((r) => r.recipe === "raw" && r.learningRate === 3e-4)!;
  assert.deepEqual(row.starts[0], { start: "calibrated", before: 0.03, after: 0.04 });
  assert.deepEqual([row.chosen, row.error], [false, 0.04]);
});

Deno.test("recipes are ranked by their error over all starts", () => {
  const s = summary((start, recipe) => ({
    expectationRmse: recipe === "mc-sft-mean" ? 0.05 : recipe === "loo" ? 0.1 : 0.2,
    ...recipe === "loo" && start === "weak" ? { expectationRmse: 0.13 } : {},
  }));
  assert.deepEqual(s.ranking.slice(0, 2).map((r) => r.recipe), ["mc-sft-mean", "loo"]);
  assert.equal(s.ranking.length, RECIPE_NAMES.length);
  const best = bestRecipe(s, "reinforce")!;
  assert.equal(best.recipe, "loo");
  assert.ok(Math.abs(best.error.estimate - 0.11) < 1e-12);
  assert.deepEqual([best.worst, best.worstStart], [0.13, "weak"]);
  assert.equal(criticTrainingTable(s).length, 3 * (1 + RECIPE_NAMES.length));
});

Deno.test("the fall over the last fifth is of the error by which the rate was chosen", () => {
  const s = summary(() => ({ rmse: 0.02, expectationRmse: 0.01 }));
  const fall = (recipe: string) => s.rows.find((r) => r.recipe === recipe)!.lastFall.estimate;
  assert.ok(Math.abs(fall("raw") - 0.01) < 1e-12);
  assert.ok(Math.abs(fall("mc-sft") - 0.02) < 1e-12);
});
