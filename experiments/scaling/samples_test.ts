import assert from "node:assert/strict";
import { createBackend } from "../../lib/backend/create.ts";
import { NeuralCritic } from "../../lib/critic/neural_critic.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import { permutationActor } from "../../lib/env/permutation.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { heldOutStates } from "../shared/test_report.ts";
import { meanOfFirst, samplesReport } from "./samples.ts";

Deno.test("the mean of the first values leaves out what could not be parsed", () => {
  const values = [0.25, null, 0.5, 0.75];
  assert.deepEqual([1, 2, 3, 4].map((n) => meanOfFirst(values, n)), [0.25, 0.25, 0.375, 0.5]);
  assert.equal(meanOfFirst([null, null, 0.5], 2), null);
});

Deno.test("the report is that of the responses, and charges 1 where none can be parsed", async () => {
  const environment = createEnvironment("permutation", { group: "S3" });
  const engine = await createBackend("wasm", { threads: 1 });
  try {
    const size = { dModel: 16, layers: 1 };
    const critic = new NeuralCritic(engine, criticDefinition("cot"), environment, size, 1);
    const actor = permutationActor.parse({ epsilon: 0.3 });
    const states = { seed: 1, purpose: "test/states" };
    const labelled = heldOutStates(environment, states, 40, { actor });
    const key = { seed: 5, purpose: "test/samples", firstRow: 0 };
    const greedy = labelled.map(({ value }) => ({ value: value / 2, expectation: null }));
    const report = await samplesReport(critic, labelled, greedy, [1, 3], key);
    const squares = labelled.reduce((sum, { value }) => sum + (value / 2) ** 2, 0);
    assert.ok(Math.abs(report.greedy.rmse - Math.sqrt(squares / 40)) < 1e-9);
    assert.equal(report.greedy.rankingAccuracy, 1);

    const responses = await critic.respond(labelled, key, { count: 3 });
    assert.deepEqual(report.sampled.map(({ count }) => count), [1, 3]);
    for (const { count, parseRate, rmse } of report.sampled) {
      let squares = 0, answered = 0;
      responses.forEach((all, i) => {
        const parsed = all.slice(0, count).flatMap(({ value }) => value === null ? [] : [value]);
        const mean = parsed.reduce((sum, value) => sum + value, 0) / parsed.length;
        squares += parsed.length > 0 ? (mean - labelled[i]!.value) ** 2 : 1;
        answered += parsed.length > 0 ? 1 : 0;
      });
      assert.ok(Math.abs(rmse - Math.sqrt(squares / 40)) < 1e-9);
      assert.equal(parseRate, answered / 40);
    }
    // Untrained, it writes some answers that cannot be parsed.
    assert.ok(report.sampled[0]!.parseRate < report.sampled[1]!.parseRate);
  } finally {
    engine.close();
  }
});
