/** When generation on a WebGPU device stops, and in what order its parts are submitted. */
import assert from "node:assert/strict";
import { gpuTest, runDispatches } from "../../../kernels/wgsl/testing.ts";
import { Model, type Prompt } from "../../nn/model.ts";
import { adamW } from "../../nn/optimizer.ts";
import { randomSequences, smallConfig } from "../../nn/testing.ts";
import { NOT_FINITE } from "../generated_tokens.ts";
import { RandomStream } from "../../numeric/random.ts";
import type { Buffer } from "../../tensor/tape.ts";
import { WasmEngine } from "../wasm/engine.ts";
import { WebGpuEngine } from "./engine.ts";

const config = smallConfig({ dModel: 16, layers: 1, maxPosition: 96 });
const prompts = (count: number): Prompt[] =>
  Array.from({ length: count }, (_, row) => ({
    tokens: Array.from({ length: 1 + row % 5 }, (_, i) => (3 * row + 5 * i) % 21),
    row,
    position: (i: number) => i,
  }));
const every = Array.from({ length: config.vocabularySize }, (_, token) => token);
const options = (stop: readonly number[], seed = 5) => ({
  ...{ maxTokens: 70, temperature: 0.9, seed, purpose: "test", stop },
});

async function withModel<T>(run: (model: Model, engine: WebGpuEngine) => Promise<T>): Promise<T> {
  const engine = await WebGpuEngine.create();
  try {
    return await run(new Model(engine, config).initialize(3), engine);
  } finally {
    engine.close();
  }
}

gpuTest("advance counts the rows that have chosen neither a stop token nor none", async () => {
  const rows = 150, steps = 6, size = (steps + 1) * rows;
  const random = new RandomStream({ seed: 1, purpose: "advance" });
  const tokens = Int32Array.from(
    { length: size },
    () => random.integer(30) === 0 ? NOT_FINITE : random.integer(70),
  );
  const forced = tokens.map((token) => random.integer(3) === 0 ? Math.max(0, token) : -1);
  const stop = [0, 31, 32, 69], stops = new Uint32Array(3);
  for (const token of stop) stops[token >> 5]! |= 1 << (token % 32);
  const names = ["step", "stops", "forced", "tokens", "finished"];
  const dispatch = {
    ...{ kernel: "advance", constants: {}, dims: [rows], groups: [1, 1, 1] as const },
    operands: Object.fromEntries(names.map((label): [string, Buffer] => [
      label,
      { id: 0, label, space: "batch", rows: 1, cols: 1, layout: "plain" },
    ])),
  };
  const vector = (data: Int32Array | Uint32Array) => ({ rows: data.length, cols: 1, data });
  const words = (x: Float32Array) => new Uint32Array(x.buffer, x.byteOffset, x.length);
  // The last ten rows are not in use.
  const expected = new Uint32Array(rows).fill(1, 140);
  let finished = expected.slice(), counters = new Uint32Array(4);
  for (let step = 0; step < steps; step++) {
    const out = await runDispatches([dispatch], {
      ...{ step: vector(counters), finished: vector(finished), stops: vector(stops) },
      ...{ forced: vector(forced), tokens: vector(tokens) },
    });
    finished = words(out.finished!).slice();
    counters = words(out.step!).slice();
    let live = 0;
    for (let row = 0; row < rows; row++) {
      const i = (step + 1) * rows + row;
      const ends = tokens[i] === NOT_FINITE || stop.includes(tokens[i]!);
      if (forced[i]! < 0 && ends) expected[row] = 1;
      live += 1 - expected[row]!;
    }
    assert.deepEqual(finished, expected, `step ${step}`);
    assert.deepEqual([...counters], [step + 1, live, 0, 0]);
  }
});

gpuTest("generation ends soon after the last row has", async () => {
  await withModel(async (model, { device }) => {
    const encoders = GPUComputePassEncoder.prototype, dispatch = encoders.dispatchWorkgroups;
    let dispatches = 0;
    encoders.dispatchWorkgroups = function (...groups) {
      dispatches++;
      return dispatch.apply(this, groups);
    };
    const count = async (stop: readonly number[]) => {
      dispatches = 0;
      const responses = await model.generate(prompts(6), options(stop));
      return { dispatches, longest: Math.max(...responses.map((r) => r.length)) };
    };
    try {
      const whole = await count([]), one = await count(every);
      assert.deepEqual([whole.longest, one.longest], [70, 1]);
      const step = whole.dispatches / 74; // the longest prompt has 5 tokens
      assert.equal(one.dispatches, step * 12, "up to the first count");
      const some = await count([3, 11]);
      assert.ok(some.dispatches < whole.dispatches && some.longest > 8, JSON.stringify(some));
    } finally {
      encoders.dispatchWorkgroups = dispatch;
    }
    device.check();
  });
});

gpuTest(
  "runs of one program take turns, and training waits for what was asked before",
  async () => {
    const sequences = randomSequences(config, { count: 4, length: 12, seed: 1 });
    const stop = [3, 11], many = prompts(300), few = prompts(40);
    const all = async (model: Model) => {
      const before = [model.generate(many, options(stop)), model.generate(few, options(stop, 6))];
      const again = model.generate(few, options(stop, 7));
      const report = model.train(sequences, 12, adamW(0.5, 2));
      const after = model.generate(few, options(stop, 6));
      return { before: await Promise.all(before), again: await again, report, after: await after };
    };
    const { report: _, ...gpu } = await withModel(all);
    const wasm = await WasmEngine.create();
    try {
      const { report: _, ...expected } = await all(new Model(wasm, config).initialize(3));
      assert.deepEqual(gpu, expected);
      assert.notDeepEqual(gpu.after, gpu.before[1], "training has changed the model");
    } finally {
      wasm.close();
    }
  },
);

gpuTest("a device lost between two counts rejects the run, and those behind it", async () => {
  await withModel(async (model, { device }) => {
    const runs = [5, 6].map((seed) => model.generate(prompts(40), options([3], seed)));
    device.device.destroy();
    for (const run of runs) await assert.rejects(run, /the GPU device was lost/);
    await assert.rejects(model.generate(prompts(3), options([3])), /the GPU device was lost/);
  });
});
