import assert from "node:assert/strict";
import { createEnvironment } from "../../lib/env/registry.ts";
import { sampleStates } from "../../lib/env/sampling.ts";
import { permutationActor } from "../../lib/env/permutation.ts";
import { outcomeLabels } from "./outcomes.ts";

const environment = createEnvironment("permutation", { group: "S3" });
const actor = permutationActor.parse({ epsilon: 0.3 });
const data = { seed: 3, purpose: "test/train", batchSize: 200, actor };

Deno.test("outcomes are 0 or 1, on the states that exact training has", () => {
  const labelled = outcomeLabels(environment, data, 4);
  assert.deepEqual(new Set(labelled.map(({ value }) => value)), new Set([0, 1]));
  const key = { seed: 3, purpose: "test/train", step: 4 };
  const states = sampleStates(environment, key, 200, { actor, split: "train" });
  assert.deepEqual(labelled.map(({ state }) => state), states);
});

Deno.test("outcomes have the exact value as their mean", () => {
  let error = 0, variance = 0;
  for (let step = 0; step < 50; step++) {
    for (const { state, value } of outcomeLabels(environment, data, step)) {
      const exact = environment.exactValue(state, actor);
      error += value - exact;
      variance += exact * (1 - exact);
    }
  }
  // 10,000 outcomes: four standard errors.
  assert.ok(Math.abs(error) < 4 * Math.sqrt(variance), `${error}`);
});

Deno.test("a row depends on seed, step and row alone", () => {
  const batch = outcomeLabels(environment, data, 1);
  assert.deepEqual(outcomeLabels(environment, { ...data, batchSize: 20 }, 1), batch.slice(0, 20));
  assert.notDeepEqual(outcomeLabels(environment, data, 2), batch);
});
