import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import type { PermutationState } from "../env/permutation.ts";
import { createEnvironment } from "../env/registry.ts";
import { sampleStates } from "../env/sampling.ts";
import { UsageError } from "../errors.ts";
import { batchLength, type Sequence } from "../nn/batch.ts";
import { adamW } from "../nn/optimizer.ts";
import fixture from "../rl/testdata/objective.json" with { type: "json" };
import { NeuralCritic } from "./neural_critic.ts";
import { criticDefinition, critics } from "./registry.ts";
import { clippedSquaredError } from "./value_clip.ts";

const environment = createEnvironment("permutation", { group: "S3", minLength: 3, maxLength: 4 });
const states = sampleStates(environment, { seed: 5, purpose: "test/clip" }, 12, {
  actor: { epsilon: 0.3 },
  split: "train",
});
const batch = states.map((state, i) => ({ state, context: {}, value: i / 11 }));

async function withCritic(
  name: string,
  test: (critic: NeuralCritic<PermutationState>, sequences: Sequence[]) => Promise<void>,
): Promise<void> {
  const engine = await WasmEngine.create();
  try {
    const size = { dModel: 16, layers: 1 };
    const critic = new NeuralCritic(engine, criticDefinition(name), environment, size, 1);
    await test(critic, batch.map((labelled) => critic.definition.encode(environment, labelled)));
  } finally {
    engine.close();
  }
}
const scalar = Object.values(critics).filter((c) => c.valueHead?.loss === "squared_error")
  .map(({ name }) => name);

Deno.test("the clipped loss and where it has a slope are PyTorch's", () => {
  // rl/testdata/make_objective.py
  const { clipped, loss, now, old, range, slope, target } = fixture.value;
  assert.ok(clipped.some((x) => x) && clipped.some((x) => !x));
  now.forEach((value, i) => {
    const error = clippedSquaredError(value, target[i]!, old[i]!, range);
    assert.ok(Math.abs(error.loss - loss[i]!) < 1e-15, `${i}: ${error.loss}`);
    assert.equal(error.clipped, clipped[i]);
    const own = error.clipped ? 0 : 2 * (value - target[i]!);
    assert.ok(Math.abs(own - slope[i]!) < 1e-15, `${i}: ${own}`);
  });
});

Deno.test("a range that nothing leaves changes no bit of a step", async () => {
  for (const name of scalar) {
    const digests: string[] = [];
    for (const clip of [false, true]) {
      await withCritic(name, async (critic, sequences) => {
        const optimizer = adamW(1e-2, 10);
        if (clip) {
          const old = await critic.scalarValues(sequences);
          const report = await critic.trainClipped(sequences, optimizer, { old, range: 1e-9 });
          assert.equal(report.valueClipFraction, 0, name);
        } else await critic.train(sequences, optimizer);
        digests.push(await critic.model.digest());
      });
    }
    assert.equal(digests[0], digests[1], name);
  }
});

Deno.test("clipped values have no gradient and still count in the mean", () =>
  withCritic("discriminative-mse", async (critic, sequences) => {
    const now = await critic.scalarValues(sequences), range = 0.1;
    // Every other value has come from far away, towards its target.
    const held = now.map((_, i) => i % 2 === 0);
    const old = now.map((v, i) => held[i] ? v + (v < batch[i]!.value ? -1 : 1) : v);
    const free = sequences.filter((_, i) => !held[i]);
    const { gradients } = await critic.model.gradients(free, batchLength(sequences));
    // With beta1 = 0 AdamW's first moment is the gradient.
    const optimizer = { ...adamW(1e-3, 10), beta1: 0, clip: 1e9 };
    const report = await critic.trainClipped(sequences, optimizer, { old, range });
    assert.equal(report.valueClipFraction, 0.5);
    const losses = now.map((v, i) => clippedSquaredError(v, batch[i]!.value, old[i]!, range).loss);
    const mean = losses.reduce((a, b) => a + b) / losses.length;
    assert.ok(Math.abs(report.valueLoss - mean) < 1e-6, `${report.valueLoss}, not ${mean}`);
    const moments = await critic.model.tensors("m");
    let largest = 0;
    for (const [name, gradient] of Object.entries(gradients)) {
      gradient.forEach((g, k) => {
        largest = Math.max(largest, Math.abs(g));
        // Half of the mean over the free half.
        const own = moments[name]!.data[k]!;
        assert.ok(Math.abs(own - g / 2) < 1e-6, `${name}[${k}]: ${own}, not ${g / 2}`);
      });
    }
    assert.ok(largest > 1e-2);
  }));

Deno.test("where all are clipped nothing moves", () =>
  withCritic("discriminative-gru", async (critic, sequences) => {
    const before = await critic.model.digest();
    const now = await critic.scalarValues(sequences);
    const old = now.map((v, i) => v + (v < batch[i]!.value ? -1 : 1));
    const optimizer = { ...adamW(1e-2, 10), weightDecay: 0 };
    const report = await critic.trainClipped(sequences, optimizer, { old, range: 0.1 });
    assert.deepEqual([report.valueClipFraction, report.gradientNorm], [1, 0]);
    assert.equal(await critic.model.digest(), before);
  }));

Deno.test("critics without a scalar head refuse", async () => {
  for (const name of Object.keys(critics).filter((name) => !scalar.includes(name))) {
    await withCritic(name, async (critic, sequences) => {
      const clip = { old: batch.map(() => 0), range: 0.1 };
      await assert.rejects(
        () => critic.trainClipped(sequences, adamW(1e-2, 10), clip),
        (e: Error) =>
          e instanceof UsageError &&
          e.message.startsWith(`critic: "${name}": value clipping needs`),
      );
    });
  }
  await withCritic("discriminative-mse", async (critic, sequences) => {
    const clip = { old: batch.map(() => 0), range: 0 };
    await assert.rejects(() => critic.trainClipped(sequences, adamW(1e-2, 10), clip), UsageError);
  });
});
