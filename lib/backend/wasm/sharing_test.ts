import assert from "node:assert/strict";
import type { Architecture } from "../../language_model/architecture.ts";
import {
  CausalLanguageModel,
  type CausalLanguageModelOptions,
} from "../../language_model/causal_language_model.ts";
import type { ForwardOutput } from "../../language_model/decoder.ts";
import { PretrainedWeights, randomWeights } from "../../language_model/pretrained_weights.ts";
import { tinyArchitecture } from "../../language_model/tiny_architecture.ts";
import { RandomStream } from "../../numeric/random.ts";
import type { WeightStorage } from "../../tensor/tape.ts";
import { SHARDS } from "./control.ts";
import { WasmDevice } from "./device.ts";
import type { WasmEngine } from "./engine.ts";
import type { GenerateJob, StepsJob } from "./generating.ts";
import type { Job } from "./lane.ts";
import { LaneContext } from "./lane_context.ts";
import type { Call, Plan } from "./plan.ts";
import { withEngine } from "./testing.ts";

interface Case {
  readonly storage: WeightStorage;
  readonly architecture: Architecture;
  readonly lora?: NonNullable<CausalLanguageModelOptions["lora"]>;
}

/** A model whose adapters and value head are not zero. */
async function modelOn(engine: WasmEngine, some: Case): Promise<CausalLanguageModel> {
  const { storage, architecture, lora } = some;
  const weights = new PretrainedWeights(engine, architecture, storage)
    .write(randomWeights(architecture, 1));
  const model = new CausalLanguageModel(weights, {
    maxLength: 128,
    languageHead: true,
    valueHead: { outputs: 1, loss: "squared_error" },
    ...lora && { lora },
  });
  const tensors = await model.tensors(), random = new RandomStream({ seed: 2, purpose: "trained" });
  for (const { data } of Object.values(tensors)) {
    data.forEach((_, i) => data[i] = random.uniform() - 0.5);
  }
  model.setTensors(tensors);
  return model;
}

/** Fewer heads, panels or rows than lanes among them. */
const CASES: readonly Case[] = [
  { storage: "float32", architecture: tinyArchitecture({ heads: 1, kvHeads: 1, headDim: 16 }) },
  {
    storage: "float16",
    architecture: tinyArchitecture({
      ...{ family: "qwen2", qkvBias: true, tiedEmbeddings: false, vocabularySize: 1060 },
      ...{ heads: 6, kvHeads: 2, headDim: 32, hiddenSize: 80, intermediateSize: 112 },
    }),
    lora: { rank: 3, alpha: 6 },
  },
  {
    storage: "bfloat16",
    architecture: tinyArchitecture({
      ...{ heads: 9, kvHeads: 3, ropeScaling: { type: "dynamic", factor: 2 }, maxPositions: 32 },
    }),
    lora: { rank: 20, alpha: 8, targetModules: ["k_proj", "down_proj"] },
  },
];

const OUTPUTS: readonly ForwardOutput[] = ["logits", "values", "logProbs", "hidden"];

/** Passes over 1 to 5 sequences, of 1, 13 and 75 tokens; of all rows, of a few, of the last. */
async function passes(model: CausalLanguageModel): Promise<Float32Array[]> {
  const random = new RandomStream({ seed: 1, purpose: "texts" }), results: Float32Array[] = [];
  const { vocabularySize } = model.config.architecture;
  for (const [count, length] of [[1, 1], [1, 13], [1, 75], [2, 13], [3, 13], [5, 1]] as const) {
    const sequences = Array.from({ length: count }, () => {
      const tokens = Array.from({ length }, () => random.integer(vocabularySize));
      return { tokens, targets: tokens };
    });
    const all = sequences.flatMap((_, sequence) =>
      Array.from({ length }, (_, token) => ({ sequence, token }))
    );
    const few = all.filter(({ token }) => token > length / 2 && token % 3 === 1);
    for (const rows of [all, few, all.slice(-1)]) {
      const outputs = await model.forward(sequences, rows, OUTPUTS);
      results.push(...OUTPUTS.map((name) => outputs[name]));
    }
  }
  return results;
}

Deno.test("outputs of few sequences have the same bits, however many lanes share them", async () => {
  for (const some of CASES) {
    const run = (threads: number) => withEngine(threads, (e) => modelOn(e, some).then(passes));
    const expected = await run(1);
    assert.ok(expected.every((values) => values.every(Number.isFinite)));
    for (const threads of [2, 3, 4]) {
      assert.deepEqual(await run(threads), expected, `${some.storage}, ${threads} lanes`);
    }
  }
});

Deno.test("responses to few prompts have the same tokens, however many lanes share them", async () => {
  for (const some of CASES) {
    const run = (threads: number) =>
      withEngine(threads, async (engine) => {
        const model = await modelOn(engine, some), results: number[][][] = [];
        const random = new RandomStream({ seed: 1, purpose: "prompts" });
        const word = () => random.integer(some.architecture.vocabularySize);
        const stop = Array.from({ length: some.architecture.vocabularySize }, (_, i) => i)
          .filter((token) => token % 7 === 0);
        const start = Array.from({ length: 7 }, word);
        for (const count of [1, 2, 3, 4, 16]) {
          // Some start alike, some are of one token.
          const prompts = Array.from({ length: count }, (_, row) => ({
            tokens: [...row % 3 === 0 ? start : [], ...Array.from({ length: 1 + row }, word)]
              .slice(0, 20),
            row,
          }));
          for (const sampling of [{ temperature: 0 }, { temperature: 1, topP: 0.8, topK: 20 }]) {
            const options = { maxTokens: 9, seed: 3, purpose: "test", ...sampling };
            results.push(await model.generate(prompts, { ...options, stop }));
          }
        }
        return results;
      });
    const expected = await run(1);
    assert.ok(new Set(expected.flat().map((tokens) => tokens.length)).size > 1);
    for (const threads of [2, 3, 4]) {
      assert.deepEqual(await run(threads), expected, `${some.storage}, ${threads} lanes`);
    }
  }
});

/** Remembers what a device loads. */
function loadedBy(device: WasmDevice): Map<number, Job> {
  const jobs = new Map<number, Job>(), load = device.load.bind(device);
  device.load = (job, id) => {
    const own = load(job, id);
    jobs.set(own, job);
    return own;
  };
  return jobs;
}

/** Lanes that run on this thread, one after the other from one meeting to the next; each time in another order. */
class Lanes {
  readonly #contexts: LaneContext[];
  #turn: number;

  constructor(device: WasmDevice, turn: number) {
    this.#turn = turn;
    this.#contexts = Array.from({ length: device.threads }, (_, index) => {
      const context = new LaneContext(device.kernels, device.memory, index, device.threads);
      context.meet = () => {};
      return context;
    });
  }

  run(plan: Plan, chunk: number): void {
    const parts: Call[][] = [[]];
    for (const call of plan.calls) {
      if (call.waits) parts.push([]);
      parts.at(-1)!.push(call);
    }
    for (const part of parts) {
      const order = this.#contexts.slice(this.#turn).concat(this.#contexts.slice(0, this.#turn));
      if (this.#turn % 2 === 1) order.reverse();
      for (const context of order) context.bindShared(plan, part, chunk)(0);
      this.#turn = (this.#turn + 1) % order.length;
    }
  }
}

Deno.test("between two meetings of the lanes their order does not matter, nor what memory held", async () => {
  for (const some of CASES) {
    const expected = await withEngine(1, async (engine) => passes(await modelOn(engine, some)));
    for (let turn = 0; turn < SHARDS; turn++) {
      await withEngine(4, async (engine) => {
        const { device } = engine, jobs = loadedBy(device), run = device.run.bind(device);
        const lanes = new Lanes(device, turn);
        let shared = 0;
        device.run = (id, scalars) => {
          const job = jobs.get(id)!;
          if (job.kind !== "forward") return run(id, scalars);
          const start = new LaneContext(device.kernels, device.memory, 0, 4).arena;
          device.f32(start, job.plan.laneBytes).fill(NaN);
          for (let chunk = 0; chunk < job.chunks; chunk++) lanes.run(job.plan, chunk);
          shared++;
        };
        assert.deepEqual(await passes(await modelOn(engine, some)), expected);
        assert.ok(shared > 0);
      });
    }
  }
});

Deno.test("steps of generation, likewise: logits, caches and drawn tokens", async () => {
  for (const some of CASES) {
    await withEngine(4, async (engine) => {
      const { device } = engine, jobs = loadedBy(device);
      const prompts = Array.from({ length: 4 }, (_, row) => ({ tokens: [3, 4, 5, row], row }));
      const options = { maxTokens: 2, temperature: 1, stop: [], seed: 1, purpose: "test" };
      await (await modelOn(engine, some)).generate(prompts, options);
      const loaded = [...jobs.values()];
      const { staging, isShared } = loaded.find((j): j is GenerateJob => j.kind === "generate")!;
      assert.ok(isShared);
      const { plans } = loaded.find((job): job is StepsJob => job.kind === "steps")!;
      assert.deepEqual(plans.map(({ rows }) => rows), [4]);
      const alone = new LaneContext(device.kernels, device.memory, 0, 4);
      for (const { rows, plan } of plans) {
        const { caches, logits } = plan;
        const cached = (caches.at(-1)!.offset + caches.at(-1)!.rowBytes * 4) / 4;
        const memory = device.f32(alone.arena, plan.laneBytes / 4);
        const after = (step: () => void) => {
          const random = new RandomStream({ seed: rows, purpose: "step" });
          const fill = (address: number, most: number) => {
            device.i32(address, rows).forEach((_, i, all) => all[i] = random.integer(most));
          };
          fill(staging.tokens, some.architecture.vocabularySize);
          fill(staging.positions, 20);
          fill(staging.filled, 20);
          fill(staging.rowIds, 1000);
          device.i32(staging.next, rows).fill(-1);
          memory.fill(NaN);
          for (let i = 0; i < cached; i++) memory[i] = random.uniform() - 0.5;
          step();
          const { offset, stride, classes } = logits!;
          return {
            next: device.i32(staging.next, rows).slice(),
            caches: memory.slice(0, cached),
            logits: Array.from(
              { length: Math.ceil(classes / 16) },
              (_, panel) => device.f32(alone.arena + offset + panel * stride, rows * 16).slice(),
            ),
          };
        };
        const expected = after(() => alone.bind(plan.calls)(0, 0));
        assert.ok(expected.next.every((token) => token >= 0));
        for (let turn = 0; turn < SHARDS; turn++) {
          const lanes = new Lanes(device, turn);
          assert.deepEqual(after(() => lanes.run(plan, 0)), expected, `${rows} rows`);
        }
      }
    });
  }
});

/** A program of one call that copies keys and values of two heads; a lane's panel of values may lie beyond all memory. */
function copying(device: WasmDevice, values: number): Job {
  const cache = device.allocate(4 * 1024 + 64), keys = device.allocate(2 * 17 * 64);
  const args = [cache, keys, values, 17 * 64, 16, 16, 2, 16]
    .map((value) => ({ base: "constant" as const, value, perChunk: 0, perStep: 0 }));
  const call = { kernel: "gqa_prefill", args };
  const calls = [call, { ...call, waits: true }];
  return {
    kind: "forward",
    chunks: 1,
    plan: { calls, laneBytes: 0, ownBytes: 0, caches: [], logits: undefined },
  };
}

Deno.test("a lane that fails is reported, and the others do not wait for it", async () => {
  const panel = 17 * 64;
  // Heads are lanes': of the first lane the second head's are beyond memory, of the second the first head's.
  for (const [failing, values] of [[1, 65536 * 16 - panel], [0, 2 ** 32 - panel]] as const) {
    const device = await WasmDevice.create(2);
    try {
      const id = device.load(copying(device, values));
      const size = device.memory.buffer.byteLength;
      assert.ok(size === 65536 * 16 || failing === 0);
      const pattern = failing === 1 ? /^Error: lane 1: RuntimeError/ : /RuntimeError/;
      assert.throws(() => device.run(id), pattern);
      const goOn = () => device.run(device.load(copying(device, device.allocate(2 * panel))));
      // As ever where a worker failed, the engine says so from then on.
      if (failing === 1) assert.throws(goOn, pattern);
      else goOn();
    } finally {
      device.close();
    }
  }
});
