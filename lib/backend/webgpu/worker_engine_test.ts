/** The WebGPU engine in a Worker against the same engine here. */
import assert from "node:assert/strict";
import { gpuTest } from "../../../kernels/wgsl/testing.ts";
import { errorData, errorOf, UsageError } from "../../errors.ts";
import { packBatch } from "../../nn/batch.ts";
import { Model } from "../../nn/model.ts";
import { adamW } from "../../nn/optimizer.ts";
import { randomSequences, smallConfig } from "../../nn/testing.ts";
import type { Backend } from "../../tensor/backend.ts";
import { createBackend } from "../create.ts";
import { WebGpuEngine } from "./engine.ts";
import { WorkerEngine } from "./worker_engine.ts";

const config = smallConfig({ valueHead: { loss: "squared_error", outputs: 3 } });
const LENGTH = 20;
const batch = (seed: number) => randomSequences(config, { count: 9, length: LENGTH, seed });

async function withEngine<E extends Backend, T>(
  engine: Promise<E>,
  run: (engine: E) => Promise<T>,
): Promise<T> {
  const it = await engine;
  try {
    return await run(it);
  } finally {
    it.close();
  }
}

/** All that a model can be asked for. */
async function everything(engine: Backend) {
  const model = new Model(engine, config).initialize(3), optimizer = adamW(0.01, 6);
  const reports = [];
  for (let step = 0; step < 6; step++) {
    const records = packBatch(batch(step), LENGTH);
    reports.push(model.trainPacked(records, 9, LENGTH, optimizer));
    // The caller may use its arrays again.
    for (const values of Object.values(records)) values.fill(0);
    if (step === 2) await reports[1];
  }
  const prompts = Array.from({ length: 5 }, (_, row) => ({
    tokens: [row, row + 1, 3],
    row,
    position: (i: number) => i,
  }));
  return {
    reports: await Promise.all(reports),
    digest: await model.digest(),
    moments: await model.tensors("m"),
    gradients: await model.gradients(batch(9), LENGTH),
    outputs: await model.forward(batch(9), [{ sequence: 0, token: 1 }, { sequence: 8, token: 0 }]),
    tokens: await model.generate(prompts, {
      ...{ maxTokens: 6, temperature: 0.8, stop: [4], seed: 5, purpose: "test" },
    }),
  };
}

gpuTest("an engine in a Worker gives the same bits, and the same for two in a row", async () => {
  const here = await withEngine(WebGpuEngine.create(), everything);
  assert.deepEqual(await withEngine(WorkerEngine.create(), everything), here);
  assert.deepEqual(await withEngine(WorkerEngine.create(), everything), here);
});

gpuTest("createBackend takes a Worker here, and none where told", async () => {
  const there = await createBackend("webgpu"),
    here = await createBackend("webgpu", { worker: false });
  there.close();
  here.close();
  assert.ok(there instanceof WorkerEngine && here instanceof WebGpuEngine);
  assert.deepEqual(there.adapter, here.adapter);
});

gpuTest("timers fire while a step is waited for", async () => {
  await withEngine(WorkerEngine.create(), async (engine) => {
    const model = new Model(engine, config).initialize(1);
    const step = () => model.train(batch(1), LENGTH, adamW(0.01, 50));
    await step(); // compiles
    const began = performance.now();
    let last = began, longest = 0;
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }, 1);
    await Promise.all(Array.from({ length: 20 }, step));
    clearInterval(timer);
    const all = performance.now() - began;
    assert.ok(last > began && longest < all / 2, `no timer for ${longest} of ${all} ms`);
  });
});

gpuTest("errors have the class and text that they have without a Worker", async () => {
  const fail = async (engine: Backend) => {
    const { valueHead: _, ...actor } = config;
    const step = (model: Model, change: object) => async () =>
      await model.train([{ tokens: [1, 2], ...change }], 4, adamW(0.01, 6));
    const model = new Model(engine, actor).initialize(1);
    const session = engine.session(
      [{ name: "w", rows: 2 ** 34, cols: 16, init: 1, decay: true }],
      {},
    );
    const calls: Record<string, () => Promise<unknown>> = {
      token: step(model, { tokens: [1, 21] }),
      record: step(model, { valueTargets: [1, 1], valueWeights: [1, 1] }),
      head: step(new Model(engine, smallConfig({ dModel: 144, headDim: 144 })), {}),
      memory: () => session.read("weights", "w"),
      name: async () => await session.read("weights", "x"),
      length: async () => await session.write("weights", "w", new Float32Array(3)),
      // The last one, for it stays the device's error.
      kernel: async () => {
        const program = session.forward({ sequences: 1, length: 4, slots: 1 }, (tape) => {
          const [qkv, o, p] = ["qkv", "o", "p"].map((label) => tape.activation(label, 48));
          const scratch = tape.scratch("scratch", 4);
          const shape = { sequences: 1, length: 4, heads: 1, headDim: 0 };
          tape.emit({ op: "attention_forward", qkv: qkv!, o: o!, p: p!, scratch, ...shape });
        });
        return await program.run({}, 1);
      },
      after: () => model.forward(batch(1), [{ sequence: 0, token: 0 }]),
    };
    const errors: Record<string, string> = {};
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(call, (error: Error) => {
        errors[name] = `${error.constructor.name} ${error.name}: ${error.message}`;
        return true;
      });
    }
    return errors;
  };
  const here = await withEngine(WebGpuEngine.create(), fail);
  const there = await withEngine(WorkerEngine.create(), fail);
  assert.deepEqual(there, here);
  assert.match(here.record!, /^RangeError RangeError: the model has no use for valueTargets/);
  assert.match(here.head!, /^UsageError UsageError: headDim: 144: the WebGPU backend has heads/);
  assert.match(here.memory!, /^UsageError .*this device's buffers hold/);
  assert.match(here.kernel!, /kernels\/wgsl\/attention_forward\.wgsl does not compile/);
  assert.equal(here.after, here.kernel);
});

gpuTest("a closed engine says so to those who wait and to those who ask", async () => {
  const engine = await WorkerEngine.create();
  const model = new Model(engine, config).initialize(1);
  const waiting = model.digest();
  engine.close();
  engine.close();
  await assert.rejects(waiting, /the engine is closed/);
  await assert.rejects(model.digest(), /the engine is closed/);
  assert.throws(() => model.train(batch(1), LENGTH, adamW(0.01, 6)), /the engine is closed/);
});

Deno.test("an error that is sent as data is the same error", () => {
  const errors = [
    new UsageError("--x", 1, "y"),
    new RangeError("r"),
    new TypeError("t"),
    new Error("e"),
  ];
  for (const error of errors) {
    const again = errorOf(structuredClone(errorData(error)));
    assert.equal(again.constructor, error.constructor);
    assert.equal(again.name, error.name);
    assert.equal(again.message, error.message);
    assert.equal(again.stack, error.stack);
  }
  assert.equal(errorOf(errorData("a string")).message, "a string");
});
