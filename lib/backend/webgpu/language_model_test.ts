/** Pretrained models on the WebGPU engine against the plain loops of reference.ts and against the WASM engine. */
import assert from "node:assert/strict";
import { assertRelative, gpuTest } from "../../../kernels/wgsl/testing.ts";
import type { Architecture } from "../../language_model/architecture.ts";
import {
  CausalLanguageModel,
  type CausalLanguageModelOptions,
} from "../../language_model/causal_language_model.ts";
import { recordForward } from "../../language_model/decoder.ts";
import { PretrainedWeights, randomWeights } from "../../language_model/pretrained_weights.ts";
import { referenceLogits } from "../../language_model/reference.ts";
import { tinyArchitecture } from "../../language_model/tiny_architecture.ts";
import { adamW } from "../../nn/optimizer.ts";
import { RandomStream } from "../../numeric/random.ts";
import type { Backend } from "../../tensor/backend.ts";
import { Tape, type WeightStorage } from "../../tensor/tape.ts";
import { WasmEngine } from "../wasm/engine.ts";
import { wholeOf } from "./dispatch.ts";
import { WebGpuEngine } from "./engine.ts";
import { Lowering } from "./lower.ts";
import { WorkerEngine } from "./worker_engine.ts";

const LORA = { rank: 8, alpha: 16 };
const ARCHITECTURES: Record<string, Architecture> = {
  llama: tinyArchitecture(),
  "qwen2, untied": tinyArchitecture({
    ...{ family: "qwen2", qkvBias: true, tiedEmbeddings: false, vocabularySize: 131 },
    ...{ heads: 6, kvHeads: 2, hiddenSize: 48 },
  }),
  "heads of 48": tinyArchitecture({
    ...{ headDim: 48, heads: 2, kvHeads: 2, intermediateSize: 80, layers: 1 },
    ropeScaling: { type: "dynamic", factor: 2 },
    maxPositions: 16,
  }),
};

/** Numbers of each storage exactly, so that rounding is not what is compared. */
function exactWeights(architecture: Architecture): (name: string) => Float32Array {
  const random = randomWeights(architecture, 1);
  return (name) => {
    const values = random(name), bits = new Uint32Array(values.buffer);
    if (values.every((x) => x === 1)) values.forEach((_, i) => values[i] = 1 + (i % 7) / 16);
    // Seven bits behind the first, none below 2^-14: bfloat16 and float16 have them all.
    values.forEach((x, i) => Math.abs(x) < 2 ** -14 ? values[i] = 0 : bits[i]! &= 0xffff0000);
    return values;
  };
}

interface Made {
  readonly architecture: Architecture;
  readonly storage?: WeightStorage;
}

function modelOn(
  engine: Backend,
  { architecture, storage = "bfloat16" }: Made,
  options: Partial<CausalLanguageModelOptions> = {},
): CausalLanguageModel {
  const weights = new PretrainedWeights(engine, architecture, storage)
    .write(exactWeights(architecture));
  return new CausalLanguageModel(weights, { maxLength: 80, languageHead: true, ...options })
    .initialize(2);
}

/** Adapters that change something: LoRA's B is 0 at first. */
async function withAdapters(model: CausalLanguageModel): Promise<CausalLanguageModel> {
  const tensors = await model.tensors(), random = new RandomStream({ seed: 5, purpose: "test" });
  for (const { data } of Object.values(tensors)) {
    data.forEach((x, i) => data[i] = x === 0 ? 0.1 * random.normal() : x);
  }
  model.setTensors(tensors);
  return model;
}

async function onBoth<T>(run: (engine: Backend) => Promise<T>): Promise<{ wasm: T; gpu: T }> {
  const wasm = await WasmEngine.create(), gpu = await WebGpuEngine.create();
  try {
    return { wasm: await run(wasm), gpu: await run(gpu) };
  } finally {
    wasm.close();
    gpu.close();
  }
}

/** Texts of some lengths; a third of the tokens has no weight. */
function batch({ vocabularySize }: Architecture, lengths: readonly number[]) {
  const random = new RandomStream({ seed: 3, purpose: "texts" });
  return lengths.map((length) => {
    const draw = (count: number) =>
      Array.from({ length: count }, () => random.integer(vocabularySize));
    const weights = draw(length).map((x) => x % 3 === 0 ? 0 : 1 + x % 2);
    return { tokens: draw(length), targets: draw(length), weights };
  });
}

for (const [name, architecture] of Object.entries(ARCHITECTURES)) {
  gpuTest(`${name}: outputs are the reference's in every storage`, async () => {
    const gpu = await WebGpuEngine.create();
    try {
      const texts = batch(architecture, [1, 7, 30]);
      const rows = texts.flatMap(({ tokens }, sequence) =>
        tokens.map((_, token) => ({ sequence, token }))
      );
      const read = exactWeights(architecture);
      const logits = texts.flatMap(({ tokens }) => referenceLogits(architecture, read, tokens));
      const logProbs = logits.flatMap((x, i) => {
        const { sequence, token } = rows[i]!, top = Math.max(...x);
        const log = top + Math.log(x.reduce((sum, v) => sum + Math.exp(v - top), 0));
        const entropy = -x.reduce((sum, v) => sum + Math.exp(v - log) * (v - log), 0);
        return [x[texts[sequence]!.targets[token]!]! - log, entropy];
      });
      for (const storage of ["float32", "float16", "bfloat16"] as const) {
        const model = modelOn(gpu, { architecture, storage });
        const out = await model.forward(texts, rows, ["logits", "logProbs"]);
        assertRelative(out.logits, logits.flatMap((x) => [...x]), `logits, ${storage}`, 5e-6);
        assertRelative(out.logProbs, logProbs, `log-probabilities, ${storage}`, 5e-6);
      }
    } finally {
      gpu.close();
    }
  });

  gpuTest(`${name}: losses, gradients and steps are WASM's`, async () => {
    const texts = batch(architecture, [30, 5, 18]).map((text) => ({
      ...text,
      valueTargets: text.tokens.map((token) => token / 10),
      valueWeights: text.tokens.map((_, t) => t % 2),
    }));
    const options = {
      lora: LORA,
      valueHead: { loss: "squared_error", outputs: 1 },
      checkpointing: true,
    } as const;
    const { wasm, gpu } = await onBoth(async (engine) => {
      const model = await withAdapters(modelOn(engine, { architecture }, options));
      const gradients = await model.gradients(texts, 32);
      const reports = Array.from({ length: 4 }, () => model.train(texts, 32, adamW(0.01, 4)));
      return { gradients, reports: await Promise.all(reports) };
    });
    for (const [label, expected] of Object.entries(wasm.gradients.gradients)) {
      assertRelative(gpu.gradients.gradients[label]!, expected, `gradient of ${label}`, 1e-4);
    }
    const numbers = ({ reports }: typeof wasm) =>
      reports.flatMap(({ loss, valueLoss, gradientNorm }) => [loss, valueLoss, gradientNorm]);
    assertRelative(numbers(gpu), numbers(wasm), "reports", 1e-3);
    assert.ok(gpu.reports[3]!.loss < gpu.reports[0]!.loss);
  });
}

gpuTest(
  "a value head alone is trained on a layer that is not, and gradients of a head are its own",
  async () => {
    const architecture = ARCHITECTURES.llama!;
    const texts = batch(architecture, [12, 12]).map(({ tokens }) => ({
      tokens,
      valueTargets: tokens.flatMap(() => [0.25, 0.5, 0.25]),
      valueWeights: tokens.map(() => 1),
    }));
    const { wasm, gpu } = await onBoth((engine) =>
      modelOn(engine, { architecture }, {
        languageHead: false,
        valueHead: { loss: "soft_cross_entropy", outputs: 3 },
      }).gradients(texts, 12)
    );
    assert.deepEqual(Object.keys(gpu.gradients), ["score.weight", "score.bias"]);
    for (const [label, expected] of Object.entries(wasm.gradients)) {
      assertRelative(gpu.gradients[label]!, expected, label, 1e-5);
    }
  },
);

gpuTest("logits of a few rows are collected where those of all have no room", async () => {
  const gpu = await WebGpuEngine.create();
  try {
    const architecture = tinyArchitecture({
      ...{ vocabularySize: 60_000, hiddenSize: 16, intermediateSize: 16, layers: 1 },
      ...{ heads: 1, kvHeads: 1 },
    });
    const model = modelOn(gpu, { architecture });
    const texts = batch(architecture, [64, 60, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64]);
    const rows = [[0, 0], [1, 59], [8, 47], [8, 48], [11, 63]]
      .map(([sequence, token]) => ({ sequence: sequence!, token: token! }));
    // 12 x 64 x 60,000 float32 are 176 MiB.
    const tape = new Tape(12, 64, false);
    recordForward(tape, model.config, ["logits"]);
    const operands = Lowering.of(tape, {}).dispatches.flatMap((d) => Object.values(d.operands));
    const sizes = operands.map((x) => {
      const whole = wholeOf(x);
      if (typeof whole === "string" || whole.space === "frozen") return 0;
      return whole.space === "temporary" ? whole.elements : whole.rows * whole.cols;
    });
    assert.ok(4 * Math.max(...sizes) <= 2 ** 27);
    const { logits } = await model.forward(texts, rows, ["logits"]);
    for (const [i, { sequence, token }] of rows.entries()) {
      const alone = await model.forward([texts[sequence]!], [{ sequence: 0, token }], ["logits"]);
      const size = architecture.vocabularySize;
      assertRelative(logits.subarray(i * size, (i + 1) * size), alone.logits, `row ${i}`, 1e-6);
    }
  } finally {
    gpu.close();
  }
});

/** Prompts that begin alike, are alike, and are one token long. */
function prompts(count: number) {
  return Array.from({ length: count }, (_, row) => ({
    tokens: Array.from({ length: [1, 3, 20, 5, 20][row % 5]! }, (_, i) => (1 + 7 * i) % 37),
    row: 100 + row,
  }));
}

const OPTIONS = { maxTokens: 24, temperature: 0.9, stop: [] as number[], seed: 5, purpose: "test" };

gpuTest("generation takes WASM's tokens, greedy and sampled, and stops as it does", async () => {
  const architecture = ARCHITECTURES["qwen2, untied"]!, eleven = prompts(11);
  const tokenBytes = Array.from(
    { length: architecture.vocabularySize },
    (_, token) => new TextEncoder().encode("abc"[token % 3]!),
  );
  const { wasm, gpu } = await onBoth(async (engine) => {
    const model = await withAdapters(modelOn(engine, { architecture }, { lora: LORA }));
    const responses: Record<string, number[][]> = {};
    for (
      const [what, changes] of Object.entries({
        greedy: { temperature: 0 },
        sampled: {},
        stopped: { stop: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11] },
        "top-k": { topK: 4 },
        "top-p": { topP: 0.4 },
        both: { temperature: 2, topK: 9, topP: 0.6 },
        texts: { stopTexts: ["abc", "cc"], tokenBytes },
        one: { maxTokens: 1 },
      })
    ) responses[what] = await model.generate(eleven, { ...OPTIONS, ...changes });
    return responses;
  });
  assert.deepEqual(gpu, wasm);
  const texts = gpu.texts!.map((tokens) => tokens.map((token) => "abc"[token % 3]).join(""));
  assert.ok(
    texts.some((text) => text.length < 24) && texts.every((text) => !/(abc|cc)./.test(text)),
  );
});

gpuTest("a response depends on its prompt and row alone, not on the rows beside it", async () => {
  const gpu = await WebGpuEngine.create();
  try {
    const model = modelOn(gpu, { architecture: ARCHITECTURES.llama! }), many = prompts(40);
    const all = await model.generate(many, OPTIONS);
    for (const part of [[0, 1], [3, 9], [39, 40]] as const) {
      const alone = await model.generate(many.slice(...part), OPTIONS);
      assert.deepEqual(alone, all.slice(...part));
    }
    const backwards = await model.generate([...many].reverse(), OPTIONS);
    assert.deepEqual(backwards.reverse(), all);
    assert.notDeepEqual(all[2], all[7], "rows draw apart");
  } finally {
    gpu.close();
  }
});

gpuTest("greedy generation is what whole passes choose", async () => {
  const gpu = await WebGpuEngine.create();
  try {
    const architecture = ARCHITECTURES.llama!, five = prompts(5), n = architecture.vocabularySize;
    const model = await withAdapters(modelOn(gpu, { architecture }, { lora: LORA }));
    const responses = await model.generate(five, { ...OPTIONS, temperature: 0 });
    const texts = five.map(({ tokens }, i) => ({ tokens: [...tokens, ...responses[i]!] }));
    const rows = five.flatMap(({ tokens }, sequence) =>
      responses[sequence]!.map((_, t) => ({ sequence, token: tokens.length + t - 1 }))
    );
    const { logits } = await model.forward(texts, rows, ["logits"]);
    responses.flat().forEach((token, i) => {
      const row = logits.subarray(i * n, (i + 1) * n), best = Math.max(...row);
      assert.ok(best - row[token]! <= 2e-5 * Math.abs(best), `token ${i}: ${token}`);
    });
  } finally {
    gpu.close();
  }
});

gpuTest("generation goes with the weights of when it was asked for, and others wait", async () => {
  const texts = batch(ARCHITECTURES.llama!, [20, 20]), many = prompts(9);
  const stopped = { ...OPTIONS, maxTokens: 60, stop: [36] };
  const all = async (engine: Backend) => {
    const model = await withAdapters(
      modelOn(engine, { architecture: ARCHITECTURES.llama! }, { lora: LORA }),
    );
    const before = [model.generate(many, stopped), model.generate(many.slice(3), stopped)];
    model.train(texts, 20, adamW(0.5, 2));
    const after = model.generate(many, stopped);
    return { before: await Promise.all(before), after: await after };
  };
  const { wasm, gpu } = await onBoth(all);
  assert.deepEqual(gpu.before, wasm.before);
  assert.notDeepEqual(gpu.after, gpu.before[0], "training has changed the model");
});

gpuTest("logits that are not finite end a row with WASM's error", async () => {
  const { wasm, gpu } = await onBoth(async (engine) => {
    const model = await withAdapters(
      modelOn(engine, { architecture: ARCHITECTURES.llama! }, { lora: LORA }),
    );
    const tensors = await model.tensors(), [first] = Object.values(tensors);
    first!.data[0] = NaN;
    model.setTensors(tensors);
    let message = "";
    await assert.rejects(model.generate(prompts(3), OPTIONS), (error: Error) => {
      message = error.message;
      return /^prompt 0: the logits of token 0 of its response are not finite/.test(message);
    });
    return message;
  });
  assert.equal(gpu, wasm);
});

gpuTest("a Worker gives the same bits", async () => {
  const everything = async (create: Promise<Backend & { close(): void }>) => {
    const engine = await create, architecture = ARCHITECTURES["qwen2, untied"]!;
    try {
      const model = modelOn(engine, { architecture }, { lora: LORA });
      const texts = batch(architecture, [12, 20]), rows = [{ sequence: 1, token: 3 }];
      const report = model.train(texts, 20, adamW(0.01, 3));
      return {
        report: await report,
        digest: await model.digest(),
        outputs: await model.forward(texts, rows, ["logProbs", "hidden"]),
        responses: await model.generate(prompts(6), OPTIONS),
        again: await model.generate(prompts(9), { ...OPTIONS, topK: 3, stop: [1, 2, 3] }),
      };
    } finally {
      engine.close();
    }
  };
  const here = await everything(WebGpuEngine.create());
  assert.deepEqual(await everything(WorkerEngine.create()), here);
});

gpuTest("frozen weights of another engine, and what does not fit, are refused", async () => {
  const [one, other] = [await WebGpuEngine.create(), await WebGpuEngine.create()];
  try {
    const weights = [{ name: "w", rows: 2, cols: 3, storage: "float16" as const }];
    assert.throws(() => one.session([], {}, other.frozen(weights)), /are another backend's/);
    const frozen = one.frozen(weights);
    assert.throws(() => frozen.write("x", new Float32Array(6)), /no parameter "x"/);
    assert.throws(() => frozen.write("w", new Float32Array(5)), RangeError);
    assert.throws(
      () => one.frozen([{ name: "embedding", rows: 2 ** 16, cols: 2 ** 20, storage: "float32" }]),
      /^UsageError: embedding: "262144 MiB": this device's buffers hold .* storage "bfloat16"/,
    );
  } finally {
    one.close();
    other.close();
  }
});
