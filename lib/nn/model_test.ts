import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { UsageError } from "../errors.ts";
import { Model } from "./model.ts";
import { smallConfig } from "./testing.ts";
import { type TransformerConfig, transformerParameters } from "./transformer.ts";

const engine = await WasmEngine.create();

Deno.test("a config that the kernels cannot run is a UsageError that names the field", () => {
  const cases: [Partial<TransformerConfig>, RegExp][] = [
    [{ vocabularySize: 0 }, /^vocabularySize: 0: give a positive integer/],
    [{ dModel: 24 }, /^dModel: 24: give a multiple of 16/],
    [{ dModel: -16 }, /^dModel: -16/],
    [{ layers: 1.5 }, /^layers: 1.5/],
    [{ headDim: 8 }, /^headDim: 8: give a multiple of 16/],
    [{ dModel: 64, headDim: 48 }, /^headDim: 48: give a divisor of dModel \(64\)/],
    [{ rotaryDim: 4 }, /^rotaryDim: 4: give a multiple of 16/],
    [{ rotaryDim: 24, headDim: 32 }, /^rotaryDim: 24/],
    [{ rotaryDim: 32 }, /^rotaryDim: 32: give at most headDim \(16\)/],
    [{ ropeBase: 0 }, /^ropeBase: 0: give a positive number/],
    [{ maxPosition: 0 }, /^maxPosition: 0/],
    [{ mlpRatio: 0 }, /^mlpRatio: 0/],
    [{ loops: 0 }, /^loops: 0: give a positive integer/],
    [{ loops: 1.5 }, /^loops: 1.5/],
    [{ mixer: "lstm" as "gru" }, /^mixer: "lstm": give "attention" or "gru"/],
    [{ languageHead: false }, /^languageHead: false: give the model this head or a value head/],
    [{ valueHead: { loss: "squared_error", outputs: 0 } }, /^valueHead.outputs: 0/],
  ];
  for (const [change, message] of cases) {
    const make = () => new Model(engine, smallConfig(change));
    assert.throws(
      make,
      (e: Error) => e instanceof UsageError && message.test(e.message),
      JSON.stringify(change),
    );
  }
});

Deno.test("initial weights have their standard deviations, and streams of their own", async () => {
  const config = smallConfig({ dModel: 64, valueHead: { loss: "squared_error", outputs: 20 } });
  const model = new Model(engine, config).initialize(1), tensors = await model.tensors();
  const again = new Model(engine, config).initialize(1);
  assert.equal(await again.digest(), await model.digest());
  assert.notEqual(await again.initialize(2).digest(), await model.digest());
  for (const { name, rows, cols, init } of transformerParameters(config)) {
    const { data, shape } = tensors[name]!;
    assert.deepEqual(shape, rows === 1 ? [cols] : [rows, cols], name);
    if (init === "ones") {
      assert.ok(data.every((x) => x === 1), name);
      continue;
    }
    const n = data.length, mean = data.reduce((a, b) => a + b, 0) / n;
    const std = Math.sqrt(data.reduce((s, x) => s + x * x, 0) / n);
    // Four standard errors.
    assert.ok(Math.abs(mean) < 4 * init / Math.sqrt(n), `${name}: mean ${mean}`);
    assert.ok(
      Math.abs(std / init - 1) < 4 / Math.sqrt(2 * n),
      `${name}: standard deviation ${std}, not ${init}`,
    );
  }
  const first = Object.values(tensors).map((t) => t.data[0]).filter((x) => x !== 1);
  assert.equal(new Set(first).size, first.length, "two tensors share a stream");
});

Deno.test("tensors come back as they were set", async () => {
  const config = smallConfig({ valueHead: { loss: "soft_cross_entropy", outputs: 19 } });
  const a = new Model(engine, config).initialize(1), b = new Model(engine, config);
  for (const state of ["weights", "m", "v"] as const) {
    b.setTensors(await a.tensors(), state);
    assert.deepEqual(await b.tensors(state), await a.tensors());
  }
  assert.equal(await b.digest(), await a.digest());
  assert.deepEqual(
    Object.keys(await a.tensors()),
    transformerParameters(config).map((p) => p.name),
  );
});

Deno.test("a checkpoint of another model is a UsageError that names the tensor", async () => {
  const model = new Model(engine, smallConfig()).initialize(1), tensors = await model.tensors();
  const { "layers.1.up": _, ...missing } = tensors;
  assert.throws(
    () => model.setTensors(missing),
    (e: Error) =>
      e instanceof UsageError &&
      e.message === 'checkpoint: "layers.1.up": this tensor is missing: is it another model\'s?',
  );
  const wider = await new Model(engine, smallConfig({ dModel: 48 })).tensors();
  assert.throws(
    () => model.setTensors(wider),
    (e: Error) =>
      e instanceof UsageError &&
      /^checkpoint embedding: "21 x 48": the model needs 21 x 32/.test(e.message),
  );
});

Deno.test("parameters with weight decay come first: the optimizer's blocks rely on it", () => {
  const config = smallConfig({ layers: 3, valueHead: { loss: "squared_error", outputs: 1 } });
  const decay = transformerParameters(config).map((p) => p.decay);
  assert.deepEqual(decay, decay.toSorted((a, b) => Number(b) - Number(a)));
  for (const p of transformerParameters(config)) assert.equal(p.decay, p.rows > 1, p.name);
});
