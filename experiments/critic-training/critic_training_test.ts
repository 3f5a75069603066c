import assert from "node:assert/strict";
import { cellContext, finished, interruptionTest, verdictsOf } from "../shared/testing.ts";
import { type CriticTrainingMetrics, runCell } from "./cell.ts";
import { criticTrainingCells, trainingRuns } from "./cells.ts";
import { criticTrainingClaims } from "./claims.ts";
import { type CriticTrainingConfig, criticTrainingConfig, profiles, STARTS } from "./config.ts";
import criticTraining from "./mod.ts";
import { isReinforce, RECIPE_NAMES } from "./recipes.ts";
import { collapses, type Snapshot } from "./snapshot.ts";
import { bestRecipe, criticTrainingTable, summarizeCriticTraining } from "./summary.ts";

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
        { name: "loo-trace-kl-value", learningRates: [1e-3] },
        { name: "raw", learningRates: [1e-3] },
        { name: "mc-own", learningRates: [1e-3] },
        { name: "mc-sft", learningRates: [1e-3] },
      ],
      prompts: 3,
      responses: 2,
      steps: 4,
      evaluateEvery: 2,
      testStates: 30,
      bootstrapReplicates: 300,
    }),
    ...change,
  };
}

Deno.test("every profile has a cell for each start and seed, all recipes in it", () => {
  for (const profile of Object.values(profiles)) {
    const parsed = criticTrainingConfig.parse(profile);
    const cells = criticTrainingCells(parsed);
    assert.equal(cells.length, STARTS.length * parsed.seeds.length);
    assert.equal(new Set(cells.map((cell) => cell.id)).size, cells.length);
    for (const cell of cells) {
      assert.ok(cell.cost > 0);
      assert.deepEqual(new Set(cell.config.runs.map((r) => r.recipe)), new Set(RECIPE_NAMES));
    }
  }
});

interruptionTest(
  criticTraining,
  () => criticTrainingCells(config()),
  4,
  async (cell, whole) => {
    const recipes: CriticTrainingConfig["recipes"] = [{ name: "mc-sft", learningRates: [1e-3] }];
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
  end: (start: string, recipe: string, seed: number) => Partial<Snapshot>,
  starts: Record<string, Partial<Snapshot>> = {},
) {
  const full = config({
    seeds: [1, 2, 3],
    recipes: RECIPE_NAMES.map((name) => ({ name, learningRates: [1e-3] })),
  });
  const cells = finished(criticTrainingCells(full), ({ config, seed }): CriticTrainingMetrics => {
    const begin = { ...GOOD, ...starts[config.start] };
    const runs = Object.fromEntries(
      trainingRuns(full).map(({ id, recipe }) => {
        const last = { ...begin, step: 4, ...end(config.start, recipe, seed) };
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
    const rmse = { "raw": 0.04, "loo": 0.03, "loo-outcome": 0.02 }[recipe] ?? 0.03;
    // What damages a critic shows in its reward.
    if (recipe === "loo-kl-value" && start === "weak") return { rmse: 0.5, reward: 0.5 };
    return { rmse: rmse + 1e-4 * seed };
  }, STALE);
  assert.deepEqual(new Set(Object.values(verdicts(s))), new Set(["supported"]));
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
  assert.deepEqual(new Set(Object.values(verdicts(s))), new Set(["not supported"]));
  const row = s.rows.find((r) => r.recipe === "raw")!;
  assert.deepEqual(
    row.collapse,
    [1, 2, 3].map(() => ({ step: 4, kinds: ["chain of thought", "constant value"] })),
  );
});

Deno.test("nothing is decided where the seeds disagree, nor without a run that the claim is about", () => {
  const s = summary((_, __, seed) => seed === 1 ? { rmse: 0.9, traceAccuracy: 0 } : {}, STALE);
  for (const id of ["T1", "T3", "T8", "T9", "T10"]) {
    assert.equal(verdicts(s)[id], "inconclusive", id);
  }
  const calm = verdicts(summary(() => ({})));
  assert.equal(calm.T7, "inconclusive");
});

Deno.test("recipes are ranked by their error over all starts, each at its better rate", () => {
  const s = summary((start, recipe) => ({
    expectationRmse: recipe === "mc-sft-mean" ? 0.05 : recipe === "loo" ? 0.1 : 0.2,
    ...recipe === "loo" && start === "weak" ? { expectationRmse: 0.13 } : {},
  }));
  assert.deepEqual(s.ranking.slice(0, 2).map((r) => r.recipe), ["mc-sft-mean", "loo"]);
  assert.equal(s.ranking.length, RECIPE_NAMES.length);
  const best = bestRecipe(s, "reinforce")!;
  assert.equal(best.recipe, "loo");
  assert.ok(Math.abs(best.error.estimate! - 0.11) < 1e-12);
  assert.deepEqual([best.worst, best.worstStart], [0.13, "weak"]);
  assert.equal(criticTrainingTable(s).length, 3 * (1 + RECIPE_NAMES.length));
});
