import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { criticDefinition } from "../critic/registry.ts";
import type { PermutationState } from "../env/permutation.ts";
import { createEnvironment } from "../env/registry.ts";
import { sampleStates } from "../env/sampling.ts";
import { UsageError } from "../errors.ts";
import { criticLearningConfig, type CriticStep, trainCritic } from "./train_critic.ts";

const environment = createEnvironment("permutation", { group: "S3", minLength: 3, maxLength: 4 });
const states = sampleStates(environment, { seed: 7, purpose: "test/critic training" }, 12, {
  actor: { epsilon: 0.3 },
  split: "train",
});
/** Two states to a response; what was written does not matter. */
const rollouts = Array.from({ length: 6 }, (_, i) => ({
  states: states.slice(2 * i, 2 * i + 2),
  tokens: [0, 0],
  final: null,
  reward: 0 as const,
}));
const targets = rollouts.map((_, i) => [i / 5, 1 - i / 5]);

type Step = CriticStep<PermutationState>;

async function withStep(
  name: string,
  config: Record<string, unknown>,
  test: (step: Step) => Promise<void>,
): Promise<void> {
  const engine = await WasmEngine.create();
  try {
    const make = () =>
      new NeuralCritic<PermutationState>(
        engine,
        criticDefinition(name),
        environment,
        { dModel: 16, layers: 1 },
        1,
      );
    await test({
      critic: make(),
      reference: make(),
      rollouts,
      targets,
      sparse: false,
      asked: rollouts.map(() => [0, 1]),
      context: {},
      config: criticLearningConfig.parse({ batch: 12, learningRate: 1e-2, ...config }),
      iterations: 4,
      key: { seed: 1, purpose: "test", step: 0 },
    });
  } finally {
    engine.close();
  }
}

const usage = (message: RegExp) => (e: Error) => e instanceof UsageError && message.test(e.message);

Deno.test("a value target outside 0..1 is refused by name, whatever the critic and the method", async () => {
  for (
    const [name, method] of [
      ["discriminative-mse", "regression"],
      ["discriminative-hl-gauss", "regression"],
      ["one-shot", "regression"],
      ["cot", "regression"],
      ["cot", "reinforce"],
    ] as const
  ) {
    await withStep(name, { method }, async (step) => {
      for (const bad of [-0.1, 1.2, NaN]) {
        const wrong = targets.map((row, i) => i === 2 ? [row[0]!, bad] : row);
        await assert.rejects(
          () => trainCritic({ ...step, targets: wrong }),
          usage(new RegExp(`^targets\\[2\\]\\[1\\]: ${bad}: a value target is a probability`)),
          `${name}, ${method}`,
        );
      }
    });
  }
});

Deno.test("without epochs and clip a step is what it was; one epoch leaves the clip nothing to do", async () => {
  const run = async (config: Record<string, unknown>) => {
    let result = "";
    await withStep("discriminative-mse", config, async (step) => {
      const { flops: _, valueClipFraction, ...report } = (await trainCritic(step))!;
      assert.equal(valueClipFraction, "valueClip" in config ? 0 : null);
      result = await step.critic.model.digest() + JSON.stringify(report);
    });
    return result;
  };
  const plain = await run({});
  assert.equal(await run({ epochs: 1 }), plain);
  assert.equal(await run({ valueClip: 1e-6 }), plain);
  assert.notEqual(await run({ epochs: 2 }), plain);
});

Deno.test("the clip holds the values of several epochs near those before them", async () => {
  const moved = async (config: Record<string, unknown>) => {
    let largest = 0, fraction: number | null = null;
    await withStep("discriminative-mse", { epochs: 30, ...config }, async (step) => {
      const { critic } = step;
      const sequences = states.map((state) =>
        critic.definition.encode(environment, { state, context: {}, value: 0 })
      );
      const before = await critic.scalarValues(sequences);
      const report = (await trainCritic(step))!;
      fraction = report.valueClipFraction;
      const plain = 30 * critic.trainingFlops(12);
      assert.equal(report.flops > plain, "valueClip" in config);
      (await critic.scalarValues(sequences)).forEach((v, i) =>
        largest = Math.max(largest, Math.abs(v - before[i]!))
      );
    });
    return { largest, fraction };
  };
  const free = await moved({}), held = await moved({ valueClip: 0.05 });
  assert.equal(free.fraction, null);
  assert.ok(held.fraction! > 0, String(held.fraction));
  assert.ok(held.largest < free.largest / 2, `${held.largest} and ${free.largest}`);
});

Deno.test("what critic or method cannot do is refused", async () => {
  const refused = (name: string, config: Record<string, unknown>, message: RegExp) =>
    withStep(name, config, async (step) => {
      await assert.rejects(() => trainCritic(step), usage(message));
    });
  for (const name of ["cot", "one-shot", "discriminative-hl-gauss"]) {
    await refused(
      name,
      { valueClip: 0.2 },
      /^critic: ".*": value clipping needs a critic with a scalar/,
    );
  }
  const reinforce = { method: "reinforce" };
  await refused("cot", { ...reinforce, valueClip: 0.2 }, /^critic.valueClip: 0.2: leave it out/);
  await refused("cot", { ...reinforce, epochs: 2 }, /^critic.epochs: 2: leave it out/);
});
