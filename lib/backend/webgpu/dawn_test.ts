/**
 * The kernels under a second WGSL implementation: Chrome's, Dawn, as the npm package `webgpu` brings it. Deno's wgpu takes
 * text that is not WGSL. Dawn's null backend checks everything and computes nothing: it needs no adapter.
 */
import assert from "node:assert/strict";
import { CausalLanguageModel } from "../../language_model/causal_language_model.ts";
import { PretrainedWeights, randomWeights } from "../../language_model/pretrained_weights.ts";
import { tinyArchitecture } from "../../language_model/tiny_architecture.ts";
import { Model } from "../../nn/model.ts";
import { adamW } from "../../nn/optimizer.ts";
import { randomSequences, smallConfig } from "../../nn/testing.ts";
import type { Backend } from "../../tensor/backend.ts";
import type { WeightStorage } from "../../tensor/tape.ts";
import { testUnless } from "../../testing.ts";
import { WebGpuDevice } from "./device.ts";
import { WebGpuFrozenWeights } from "./frozen.ts";
import { GEMM_VARIANTS } from "./gemm.ts";
import type { Storage } from "./half_storage.ts";
import { WebGpuSession } from "./session.ts";
import { wholeKernels } from "./source.ts";

const DAWN = "npm:webgpu@0.6.2";
/** The part of it that is used. */
interface Dawn {
  create(options: string[]): GPU;
}

let gpu: GPU | undefined, missing: string | undefined;
try {
  // Named where the compiler does not see it: only this test needs its 137 MB.
  const { create }: Dawn = await import(DAWN);
  gpu = create(["backend=null"]);
} catch (error) {
  missing = `no Dawn for this machine: ${(error as Error).message}`;
}

function dawnTest(name: string, run: () => Promise<void>): void {
  testUnless(missing, name, run);
}

async function withDevice(run: (device: WebGpuDevice) => Promise<void>): Promise<void> {
  const device = await WebGpuDevice.create({ gpu });
  try {
    await run(device);
  } finally {
    device.close();
  }
}

type Use = Parameters<WebGpuDevice["kernel"]>;

/** Throws what Dawn has to say against a kernel. */
function check(...use: Use): Promise<void> {
  return withDevice((device) => {
    device.kernel(...use);
    return device.settle();
  });
}

/** Trains a model of each kind, and asks it for all that a model can do; reports the kernels that this takes. */
async function useModels(storage: Storage, report: (...use: Use) => void): Promise<void> {
  const value = (loss: "squared_error" | "soft_cross_entropy") => ({
    languageHead: false,
    valueHead: { loss, outputs: 5 },
  });
  await withDevice(async (device) => {
    const compile = device.kernel.bind(device);
    device.kernel = (...use) => {
      report(...use);
      return compile(...use);
    };
    const backend: Backend = {
      name: "webgpu",
      session: (...model) => new WebGpuSession(device, {}, storage, ...model),
      frozen: (weights) => new WebGpuFrozenWeights(device, weights),
      close: () => device.close(),
    };
    for (
      const config of [
        smallConfig(),
        smallConfig({ dModel: 64, headDim: 32, rotaryDim: 16, ...value("soft_cross_entropy") }),
        smallConfig({ mixer: "gru", ...value("squared_error") }),
      ]
    ) {
      const model = new Model(backend, config).initialize(1);
      const sequences = randomSequences(config, { count: 4, length: 16, seed: 1 });
      await model.train(sequences, 16, adamW(1e-3, 10));
      await model.forward(sequences, [{ sequence: 0, token: 0 }]);
      if (!config.languageHead) continue;
      const options = { maxTokens: 4, temperature: 1, stop: [1], seed: 1, purpose: "test" };
      for (const topK of [undefined, 3]) {
        const prompt = { tokens: [1, 2], row: 0, position: (i: number) => i };
        await model.generate([prompt], { ...options, topK });
      }
    }
    for (const weights of ["float32", "float16", "bfloat16"] as const) {
      await useLanguageModel(backend, weights);
    }
    await device.settle();
  });
}

/** Trains adapters and value head of a pretrained model, and asks it for all that such a model can do. */
async function useLanguageModel(backend: Backend, storage: WeightStorage): Promise<void> {
  const architecture = tinyArchitecture({ qkvBias: true, layers: 1 });
  const weights = new PretrainedWeights(backend, architecture, storage)
    .write(randomWeights(architecture, 1));
  const model = new CausalLanguageModel(weights, {
    ...{ maxLength: 64, languageHead: true, lora: { rank: 8, alpha: 16 } },
    valueHead: { loss: "squared_error", outputs: 1 },
  }).initialize(1);
  const tokens = [1, 2, 3, 4], ones = [1, 1, 1, 1];
  const text = { tokens, targets: tokens, weights: ones, valueTargets: ones, valueWeights: ones };
  await model.train([text], 4, adamW(1e-3, 10));
  await model.forward([text], [{ sequence: 0, token: 0 }], ["logits", "logProbs", "values"]);
  const options = { maxTokens: 2, temperature: 1, stop: [1], seed: 1, purpose: "test" };
  for (const topK of [undefined, 3]) {
    await model.generate([{ tokens, row: 0 }], { ...options, topK });
  }
}

for (const storage of ["float32", "float16"] as const) {
  dawnTest(`Dawn takes every kernel as models use it, generation in ${storage}`, async () => {
    const uses = new Map<string, Use>();
    try {
      await useModels(storage, (...use) => uses.set(JSON.stringify(use), use));
    } finally {
      // Where a kernel is wrong the run has ended with a consequence: this says which one it is, and why.
      for (const use of uses.values()) await check(...use);
    }
    const expected = wholeKernels();
    if (storage === "float32") expected.delete("store"); // what float16 is made with
    assert.deepEqual(new Set([...uses.values()].map(([name]) => name)), expected);
  });
}

dawnTest("Dawn takes all variants of the matrix product", () =>
  withDevice(async (device) => {
    for (const { BM, BN, TM, TN } of GEMM_VARIANTS) {
      for (const [TRANSPOSE_A, TRANSPOSE_B] of [[0, 0], [0, 1], [1, 0]] as const) {
        for (const INIT of [0, 1, 2]) {
          const constants = { BM, BN, TM, TN, TRANSPOSE_A, TRANSPOSE_B, INIT };
          device.kernel("gemm", constants);
          if (!TRANSPOSE_A) device.kernel("frozen_gemm", { ...constants, BFLOAT16: 1 });
        }
      }
    }
    await device.settle();
  }));

dawnTest(
  "Dawn refuses an expression that wgpu takes and WGSL's grammar does not have",
  () =>
    withDevice(async ({ device }) => {
      device.pushErrorScope("validation");
      device.createShaderModule({
        code: `
        @group(0) @binding(0) var<storage, read_write> x: array<u32>;
        @compute @workgroup_size(1) fn main() { x[0] = x[1] >> (x[2]) & 1u; }`,
      });
      const error = await device.popErrorScope();
      assert.match(error?.message ?? "no error", /mixing '>>' and '&' requires parenthesis/);
    }),
);
