/** Exports asked by the kit's own readers of ONNX files. Skipped, with the reason, where ONNX Runtime cannot be loaded. */
import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { criticDefinition } from "../critic/registry.ts";
import { supervisedStep } from "../critic/supervised.ts";
import { createEnvironment } from "../env/registry.ts";
import { sampleStates } from "../env/sampling.ts";
import { adamW } from "../nn/optimizer.ts";
import { GREEDY } from "../llm/language_model.ts";
import { OnnxLanguageModel } from "../llm/onnx/onnx_language_model.ts";
import { onnxTests } from "../llm/onnx/testing.ts";
import { OnnxValueCritic } from "../llm/onnx/value_critic.ts";
import { exportOnnx } from "./onnx.ts";

const test = await onnxTests();

const environment = createEnvironment("permutation", { group: "S3" });
const actor = { epsilon: 0.3 };

/** A critic after a few steps, exported, with states to ask about. */
async function exported(
  name: string,
  { cache }: { cache: boolean },
  body: (
    critic: NeuralCritic<unknown>,
    states: readonly unknown[],
    folder: string,
  ) => Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "genac export " });
  const engine = await WasmEngine.create({ threads: 1 });
  const size = { dModel: 16, layers: 1 };
  const critic = new NeuralCritic(engine, criticDefinition(name), environment, size, 1);
  const data = { seed: 1, purpose: "test/train", batchSize: 32, actor };
  for (let i = 0; i < 30; i++) await supervisedStep(critic, data, adamW(6e-3, 30));
  const key = { seed: 1, purpose: "test/states" };
  const states = sampleStates(environment, key, 5, { actor, split: "test" });
  await exportOnnx(critic, `${folder}/critic`, { cache });
  await body(critic as unknown as NeuralCritic<unknown>, states, `${folder}/critic`);
  engine.close();
  Deno.removeSync(folder, { recursive: true });
}

test(
  "a value head's file gives the critic's values",
  () =>
    exported("discriminative-mse", { cache: false }, async (critic, states, folder) => {
      const scale = { kind: "linear", low: 0, high: 1 } as const;
      const local = await OnnxValueCritic.open(`${folder}/model.onnx`, { scale });
      const records = states.map((state) => ({
        group: "a",
        prompt: { tokens: critic.environment.criticPrompt(state, {}) },
        response: { tokens: [] },
        outcome: 1,
      }));
      const found = await local.values(
        records.map((record) => ({ state: { record, at: 0, unit: "token" }, context: {} })),
      );
      const expected = await critic.values(states.map((state) => ({ state, context: {} })));
      assert.notEqual(found[0]!.value, found[1]!.value);
      found.forEach(({ value }, i) => assert.ok(Math.abs(value - expected[i]!.value!) < 1e-6));
      await local.close();
    }),
);

test(
  "a language model's file, with a cache and without, writes the critic's value token",
  async () => {
    for (const cache of [false, true]) {
      await exported("one-shot", { cache }, async (critic, states, folder) => {
        const local = await OnnxLanguageModel.open(folder);
        const answers = await critic.values(states.map((state) => ({ state, context: {} })));
        for (const [i, state] of states.entries()) {
          const prompt = critic.environment.criticPrompt(state, {});
          const [completion] = await local.complete({ prompt, sampling: GREEDY, maxTokens: 1 });
          const [[token]] = answers[i]!.responses as [[number]];
          // A value token ends the text.
          assert.deepEqual(completion!.finishReason, "stop");
          assert.ok(critic.environment.vocabulary.values.includes(token));
          assert.deepEqual(completion!.tokens, [token]);
        }
        await local.close();
      });
    }
  },
);
