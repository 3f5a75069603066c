/** The WebGPU engine against the WASM engine: the same model code, seeds and data on both. */
import assert from "node:assert/strict";
import { assertRelative, gpuTest } from "../../../kernels/wgsl/testing.ts";
import { Model, type NamedTensor, type Prompt } from "../../nn/model.ts";
import { adamW } from "../../nn/optimizer.ts";
import { randomSequences, smallConfig } from "../../nn/testing.ts";
import type { TransformerConfig } from "../../nn/transformer.ts";
import type { Backend } from "../../tensor/backend.ts";
import { WasmEngine } from "../wasm/engine.ts";
import { WebGpuEngine } from "./engine.ts";

const CONFIGS: Record<string, TransformerConfig> = {
  "language head": smallConfig(),
  "HL-Gauss head, heads of 32": smallConfig({
    dModel: 64,
    headDim: 32,
    rotaryDim: 16,
    layers: 1,
    languageHead: false,
    valueHead: { loss: "soft_cross_entropy", outputs: 19 },
  }),
  "both heads": smallConfig({ valueHead: { loss: "squared_error", outputs: 3 } }),
  "GRU, two loops": smallConfig({
    mixer: "gru",
    loops: 2,
    languageHead: false,
    valueHead: { loss: "squared_error", outputs: 1 },
  }),
};

/** Runs on both engines. */
async function onBoth<T>(run: (engine: Backend) => Promise<T>): Promise<{ wasm: T; gpu: T }> {
  const wasm = await WasmEngine.create(), gpu = await WebGpuEngine.create();
  try {
    return { wasm: await run(wasm), gpu: await run(gpu) };
  } finally {
    wasm.close();
    gpu.close();
  }
}

function close(actual: number, expected: number, relative: number, what: string): void {
  assert.ok(
    Math.abs(actual - expected) <= relative * Math.abs(expected),
    `${what}: ${actual}, WASM has ${expected}`,
  );
}

const LENGTH = 20;
const OPTIONS = { maxTokens: 9, temperature: 0.9, stop: [], seed: 5, purpose: "test" };
const batch = (config: TransformerConfig, seed: number) =>
  randomSequences(config, { count: 9, length: LENGTH, seed });

for (const [name, config] of Object.entries(CONFIGS)) {
  gpuTest(`${name}: initial bits are WASM's; losses, gradients and outputs agree`, async () => {
    const { wasm, gpu } = await onBoth(async (engine) => {
      const model = new Model(engine, config).initialize(3);
      const sequences = batch(config, 1);
      const rows = sequences.flatMap((s, sequence) =>
        s.tokens.map((_, token) => ({ sequence, token }))
      );
      return {
        digest: await model.digest(),
        gradients: await model.gradients(sequences, LENGTH),
        outputs: await model.forward(sequences, rows),
      };
    });
    assert.equal(gpu.digest, wasm.digest);
    for (const key of ["loss", "valueLoss", "gradientNorm"] as const) {
      close(gpu.gradients[key], wasm.gradients[key], 1e-5, key);
    }
    for (const [label, g] of Object.entries(wasm.gradients.gradients)) {
      assertRelative(gpu.gradients.gradients[label]!, g, `gradient of ${label}`, 5e-5);
    }
    assert.deepEqual(Object.keys(gpu.outputs), Object.keys(wasm.outputs));
    for (const [label, x] of Object.entries(wasm.outputs)) {
      assertRelative(gpu.outputs[label]!, x, label);
    }
  });

  gpuTest(`${name}: training follows WASM, and a second run has the same digest`, async () => {
    const run = async (engine: Backend) => {
      const model = new Model(engine, config).initialize(3), optimizer = adamW(0.01, 8);
      // None is awaited before the next is asked for.
      const reports = Array.from(
        { length: 8 },
        (_, step) => model.train(batch(config, step), LENGTH, optimizer),
      );
      return { reports: await Promise.all(reports), digest: await model.digest() };
    };
    const { wasm, gpu } = await onBoth(run);
    close(
      gpu.reports[0]!.loss + gpu.reports[0]!.valueLoss,
      wasm.reports[0]!.loss + wasm.reports[0]!.valueLoss,
      1e-5,
      "loss of the first step",
    );
    gpu.reports.forEach(({ loss, valueLoss, gradientNorm }, step) => {
      const expected = wasm.reports[step]!;
      close(loss, expected.loss, 1e-3, `loss of step ${step}`);
      close(valueLoss, expected.valueLoss, 1e-3, `value loss of step ${step}`);
      close(gradientNorm, expected.gradientNorm, 1e-2, `gradient norm of step ${step}`);
    });
    const again = await WebGpuEngine.create();
    try {
      assert.deepEqual(await run(again), gpu, "two runs on the same adapter differ");
    } finally {
      again.close();
    }
  });
}

/** Prompts of 1 to 7 tokens. */
const prompts: Prompt[] = Array.from({ length: 11 }, (_, row) => ({
  tokens: Array.from({ length: 1 + row % 7 }, (_, i) => (3 * row + 5 * i) % 21),
  row: 100 + row,
  position: (i: number) => i,
}));

gpuTest("with a normalizer, weights may have signs", async () => {
  const config = smallConfig();
  const signed = batch(config, 4).map((s, i) =>
    i % 2 === 0 ? s : { ...s, weights: s.weights!.map((w) => -w) }
  );
  const { wasm, gpu } = await onBoth((engine) =>
    new Model(engine, config).initialize(3).gradients(signed, LENGTH, 17)
  );
  assertRelative(
    Float32Array.of(gpu.loss, gpu.gradientNorm),
    Float32Array.of(wasm.loss, wasm.gradientNorm),
    "loss and norm",
    1e-5,
  );
  for (const [label, g] of Object.entries(wasm.gradients)) {
    assertRelative(gpu.gradients[label]!, g, `gradient of ${label}`, 5e-5);
  }
});

gpuTest("generation takes WASM's tokens, greedy and sampled, and stops as it does", async () => {
  const config = CONFIGS["both heads"]!;
  const { wasm, gpu } = await onBoth(async (engine) => {
    const model = new Model(engine, config).initialize(3);
    const options = { maxTokens: 9, seed: 5, purpose: "test" };
    return [
      await model.generate(prompts, { ...options, temperature: 0, stop: [] }),
      await model.generate(prompts, { ...options, temperature: 0.9, stop: [] }),
      await model.generate(prompts, { ...options, temperature: 0.9, stop: [2, 3, 4, 5, 6] }),
      await model.generate(prompts, { ...options, temperature: 0.9, stop: [], topK: 4 }),
      await model.generate(prompts, { ...options, temperature: 0.9, stop: [], topP: 0.4 }),
      await model.generate(prompts, { ...options, temperature: 2, stop: [], topK: 9, topP: 0.6 }),
    ];
  });
  assert.deepEqual(gpu, wasm);
});

gpuTest("logits that are not finite are WASM's error, with and without stop tokens", async () => {
  const config = CONFIGS["language head"]!;
  const { wasm, gpu } = await onBoth(async (engine) => {
    const messages: string[] = [];
    for (const [name, at] of [["head", 20], ["norm", 3], ["embedding", 32]] as const) {
      const model = new Model(engine, config).initialize(3), tensors = await model.tensors();
      const usual = await model.generate(prompts, OPTIONS);
      for (const x of [NaN, Infinity]) {
        const data = tensors[name]!.data.slice();
        data[at] = x;
        model.setTensors({ ...tensors, [name]: { ...tensors[name]!, data } });
        for (const stop of [[], [3]]) {
          await assert.rejects(model.generate(prompts, { ...OPTIONS, stop }), (error: Error) => {
            messages.push(error.message);
            return /^prompt \d: the logits of token \d of its response are not finite/.test(
              error.message,
            );
          });
        }
      }
      model.setTensors(tensors);
      assert.deepEqual(await model.generate(prompts, OPTIONS), usual);
    }
    return messages;
  });
  assert.deepEqual(gpu, wasm);
});

gpuTest("decoding follows the full forward pass", async () => {
  const gpu = await WebGpuEngine.create();
  try {
    const config = CONFIGS["language head"]!;
    const model = new Model(gpu, config).initialize(3);
    const options = { maxTokens: 12, temperature: 0, stop: [], seed: 5, purpose: "test" };
    const responses = await model.generate(prompts, options);
    const sequences = prompts.map((p, i) => ({ tokens: [...p.tokens, ...responses[i]!] }));
    const rows = prompts.flatMap((p, sequence) =>
      responses[sequence]!.map((_, t) => ({ sequence, token: p.tokens.length + t - 1 }))
    );
    const { logits } = await model.forward(sequences, rows);
    const n = config.vocabularySize;
    responses.flat().forEach((token, i) => {
      const row = logits!.subarray(i * n, (i + 1) * n), best = Math.max(...row);
      assert.ok(best - row[token]! <= 2e-5 * Math.abs(best), `token ${i}: ${token}`);
    });
  } finally {
    gpu.close();
  }
});

gpuTest("training resumes from saved tensors with the same bits", async () => {
  const gpu = await WebGpuEngine.create();
  try {
    const config = CONFIGS["both heads"]!, optimizer = adamW(0.01, 6);
    const train = async (model: Model, from: number, to: number) => {
      for (let step = from; step < to; step++) {
        await model.train(batch(config, step), LENGTH, optimizer);
      }
    };
    const whole = new Model(gpu, config).initialize(1);
    await train(whole, 0, 3);
    const states = ["weights", "m", "v"] as const;
    const saved = await Promise.all(states.map((state) => whole.tensors(state)));
    await train(whole, 3, 6);
    const resumed = new Model(gpu, config);
    states.forEach((state, i) => resumed.setTensors(saved[i]!, state));
    resumed.step = 3;
    await train(resumed, 3, 6);
    assert.equal(await resumed.digest(), await whole.digest());
  } finally {
    gpu.close();
  }
});

gpuTest(
  "a gradient that is not finite rejects the step and leaves the weights as they were",
  async () => {
    const gpu = await WebGpuEngine.create();
    try {
      const config = CONFIGS["language head"]!, optimizer = adamW(0.01, 6);
      const model = new Model(gpu, config).initialize(1);
      const tensors: Record<string, NamedTensor> = await model.tensors();
      tensors["layers.0.qkv"]!.data[0] = Infinity;
      model.setTensors(tensors);
      const before = await model.digest();
      const steps = [0, 1].map((seed) => model.train(batch(config, seed), LENGTH, optimizer));
      for (const step of steps) {
        await assert.rejects(
          step,
          /the gradient is NaN .*lower the learning/,
        );
      }
      assert.equal(await model.digest(), before);
    } finally {
      gpu.close();
    }
  },
);

gpuTest("what does not fit is refused by name", async () => {
  const gpu = await WebGpuEngine.create();
  try {
    const { valueHead: _, ...actor } = CONFIGS["both heads"]!;
    const model = new Model(gpu, actor);
    const step = (change: object) => () =>
      model.train([{ tokens: [1, 2], ...change }], 4, adamW(0.01, 6));
    assert.throws(step({ tokens: [1, 21] }), /tokens: 21: the model has 0 to 20/);
    assert.throws(
      step({ valueTargets: [1, 1], valueWeights: [1, 1] }),
      /no use for valueTargets: it knows tokens/,
    );
    const wide = new Model(gpu, smallConfig({ dModel: 144, headDim: 144 }));
    assert.throws(
      () => wide.train([{ tokens: [1] }], 4, adamW(0.01, 6)),
      /headDim: 144: the WebGPU backend has heads of at most 128/,
    );
    const recurrent = new Model(gpu, smallConfig({ dModel: 1040, layers: 1, mixer: "gru" }));
    assert.throws(
      () => recurrent.train([{ tokens: [1] }], 4, adamW(0.01, 6)),
      /dModel: 1040: the WebGPU backend has GRUs of at most 1024/,
    );
  } finally {
    gpu.close();
  }
  assert.throws(() => gpu.device.check(), /the engine is closed/);
});
