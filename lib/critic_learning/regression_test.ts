import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { criticDefinition } from "../critic/registry.ts";
import { supervisedStep } from "../critic/supervised.ts";
import { createEnvironment } from "../env/registry.ts";
import type { PermutationState } from "../env/permutation.ts";
import { sampleStates } from "../env/sampling.ts";
import { adamW } from "../nn/optimizer.ts";
import { monteCarloConfig, monteCarloStep } from "./regression.ts";

const environment = createEnvironment("permutation", {
  group: "S3",
  minLength: 2,
  maxLength: 3,
  maxMoves: 2,
  maxMovesBefore: 1,
});
const data = { seed: 1, purpose: "test/mc" };
const actor = { epsilon: 0.2 };
const states = sampleStates(environment, { seed: 9, purpose: "judge" }, 60, {
  actor,
  split: "train",
});

/** RMSE of the expectation over value tokens, and how many chains of thought are right. */
async function judge(critic: NeuralCritic<PermutationState>) {
  const answers = await critic.values(states.map((state) => ({ state, context: {} })));
  const squares = answers.map(({ expectation }, i) =>
    expectation === null ? 1 : (expectation - environment.exactValue(states[i]!, actor)) ** 2
  );
  const right = answers.filter(({ responses }, i) =>
    environment.reasoningTrace(states[i]!).every((token, t) => responses![0]![t] === token)
  );
  return { rmse: Math.sqrt(squares.reduce((a, b) => a + b) / states.length), right: right.length };
}

Deno.test("a critic of another actor learns this one's values from outcomes", async (t) => {
  const engine = await WasmEngine.create();
  try {
    const critic = new NeuralCritic(
      engine,
      criticDefinition("cot"),
      environment,
      { dModel: 32, layers: 2 },
      1,
    );
    const stale = { ...data, batchSize: 64, actor: { epsilon: 0.9 } };
    for (let i = 0; i < 400; i++) await supervisedStep(critic, stale, adamW(1e-2, 400));
    const weights = await critic.model.tensors();
    const before = await judge(critic);
    assert.ok(before.rmse > 0.45 && before.right === 60, JSON.stringify(before));
    for (const target of ["outcomes", "mean"] as const) {
      for (const trace of ["own", "reference", "labels"] as const) {
        await t.step(`${target}, trace ${trace}`, async () => {
          const learner = new NeuralCritic(
            engine,
            critic.definition,
            environment,
            { dModel: 32, layers: 2 },
            1,
          );
          learner.model.setTensors(weights);
          const config = monteCarloConfig.parse({ prompts: 16, target, trace });
          for (let i = 0; i < 100; i++) {
            await monteCarloStep(learner, { ...data, actor }, config, adamW(2e-3, 100), critic);
          }
          const after = await judge(learner);
          // Nothing holds the critic's own chain of thought.
          if (trace === "own") assert.ok(after.rmse < 0.2, JSON.stringify(after));
          else assert.ok(after.rmse < 0.1 && after.right === 60, JSON.stringify(after));
        });
      }
    }
  } finally {
    engine.close();
  }
});
