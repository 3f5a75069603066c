/** Generation in float16: what is stored how, what it does to logits and tokens, and where it is refused. */
import assert from "node:assert/strict";
import { assertRelative, gpuTest, testDevice } from "../../../kernels/wgsl/testing.ts";
import { UsageError } from "../../errors.ts";
import { Model, type Prompt } from "../../nn/model.ts";
import { adamW } from "../../nn/optimizer.ts";
import { randomSequences, smallConfig } from "../../nn/testing.ts";
import { recordDecoding } from "../../nn/transformer.ts";
import { Tape } from "../../tensor/tape.ts";
import { skip } from "../../testing.ts";
import { createBackend } from "../create.ts";
import { WebGpuDevice } from "./device.ts";
import { WebGpuEngine } from "./engine.ts";
import { checkStorage, halfBuffers } from "./half_storage.ts";
import { specialize } from "./source.ts";

const config = smallConfig({ dModel: 64, headDim: 32, rotaryDim: 16 });
const LENGTH = 20, STEPS = 30;

/** A test that needs an adapter with shader-f16. */
function halfTest(name: string, run: () => Promise<void>): void {
  gpuTest(name, async (t) => {
    if (testDevice().device.features.has("shader-f16")) return await run();
    await skip(t, "the adapter lacks shader-f16");
  });
}

const prompts: Prompt[] = Array.from({ length: 24 }, (_, row) => ({
  tokens: Array.from({ length: 1 + row % 7 }, (_, i) => (3 * row + 5 * i) % 21),
  row,
  position: (i: number) => i,
}));

async function withModel<T>(
  generationStorage: "float32" | "float16",
  run: (model: Model) => Promise<T>,
): Promise<T> {
  const engine = await WebGpuEngine.create({ generationStorage });
  try {
    const model = new Model(engine, config).initialize(3);
    // Trained, so that logits are apart.
    for (let step = 0; step < STEPS; step++) {
      const sequences = randomSequences(config, { count: 16, length: LENGTH, seed: step });
      model.train(sequences, LENGTH, adamW(0.01, STEPS));
    }
    return await run(model);
  } finally {
    engine.close();
  }
}

const measure = async (model: Model) => ({
  digest: await model.digest(),
  greedy: await model.generate(prompts, {
    ...{ maxTokens: 9, temperature: 0, stop: [], seed: 5, purpose: "test" },
  }),
  logits: await model.generationLogits(prompts),
  forward: await model.forward(
    prompts,
    prompts.map(({ tokens }, sequence) => ({ sequence, token: tokens.length - 1 })),
  ),
});

halfTest(
  "float16 changes generation a little, and training and forward passes not at all",
  async () => {
    const full = await withModel("float32", measure), half = await withModel("float16", measure);
    assert.equal(half.digest, full.digest);
    assert.deepEqual(half.forward, full.forward);
    const n = config.vocabularySize;
    full.logits.forEach((logits, i) => {
      const last = logits.subarray(logits.length - n);
      assertRelative(
        last,
        full.forward.logits!.subarray(i * n, (i + 1) * n),
        `logits of text ${i}`,
      );
    });
    let largest = 0, scale = 0;
    full.logits.forEach((logits, i) =>
      logits.forEach((x, k) => {
        largest = Math.max(largest, Math.abs(x - half.logits[i]![k]!));
        scale = Math.max(scale, Math.abs(x));
      })
    );
    // 11 significant bits; a float32 path would be 1e-6 off, a wrong one by the scale itself.
    assert.ok(largest > 1e-5 * scale && largest < 1e-2 * scale, `${largest} of ${scale}`);
    const tokens = full.greedy.flat(), same = half.greedy.flat().filter((t, i) => t === tokens[i]);
    assert.ok(same.length >= 0.9 * tokens.length, `${same.length} of ${tokens.length} tokens`);
  },
);

halfTest("float16 weights follow training", async () => {
  await withModel("float16", async (model) => {
    const [before] = await model.generationLogits(prompts.slice(0, 1));
    model.train(
      randomSequences(config, { count: 16, length: LENGTH, seed: 99 }),
      LENGTH,
      adamW(0.1, 1000),
    );
    const [after] = await model.generationLogits(prompts.slice(0, 1));
    const { logits } = await model.forward([prompts[0]!], [{ sequence: 0, token: 0 }]);
    const off = (x: Float32Array) => Math.max(...x.map((v, k) => Math.abs(v - logits![k]!)));
    const scale = Math.max(...logits!.map(Math.abs));
    assert.ok(off(after!) < 1e-2 * scale && off(before!) > 0.1 * scale);
  });
});

Deno.test("all is halved but logits and what no kernel of generation reads", () => {
  const tape = new Tape(4, 1, false);
  recordDecoding(tape, config, 8);
  const half = halfBuffers(tape);
  const full = tape.buffers.filter((b) => !half.has(b) && b.space === "activation");
  const names = [...new Set(full.map(({ label }) => label))];
  assert.deepEqual(names, ["rstd", "head"], "head: the logits");
  assert.ok(tape.buffers.every((b) => b.space !== "batch" || !half.has(b)));
  for (const space of ["parameter", "cache", "activation"]) {
    assert.ok([...half].some((b) => b.space === space), space);
  }
});

Deno.test("types of bindings are replaced where the kernel allows it", () => {
  const { code } = specialize("gemm", {}, ["a", "c"]);
  assert.match(code, /^enable f16;\n/);
  assert.match(code, /alias stored_a = vec4<f16>;/);
  assert.match(code, /alias stored_b = vec4<f32>;/);
  assert.match(code, /alias stored_c = vec4<f16>;/);
  assert.doesNotMatch(specialize("gemm").code, /f16/);
  assert.throws(() => specialize("sample", {}, ["x"]), /sample\.wgsl stores x in float32 only/);
});

gpuTest("an adapter without shader-f16 is refused, with a remedy", async () => {
  const real = (await navigator.gpu.requestAdapter())!;
  const features = new Set([...real.features].filter((name) => name !== "shader-f16"));
  const adapter = {
    ...{ features, limits: real.limits, info: real.info },
    requestDevice: (descriptor: GPUDeviceDescriptor) => real.requestDevice(descriptor),
  };
  const gpu = { requestAdapter: () => Promise.resolve(adapter) } as unknown as GPU;
  const device = await WebGpuDevice.create({ gpu });
  try {
    checkStorage(device, "float32");
    assert.throws(() => checkStorage(device, "float16"), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.match(
        error.message,
        /^generationStorage: "float16": .* lacks WebGPU's shader-f16: leave/,
      );
      return true;
    });
  } finally {
    device.close();
  }
});

Deno.test("WASM has no storage to choose", async () => {
  await assert.rejects(
    createBackend("wasm", { generationStorage: "float16" }),
    /generationStorage: "float16": only "webgpu" has it/,
  );
});
