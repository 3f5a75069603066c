import assert from "node:assert/strict";
import { Model } from "../nn/model.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { loadModels, saveModels } from "./training_checkpoint.ts";

const config = {
  vocabularySize: 7,
  dModel: 16,
  layers: 1,
  headDim: 16,
  rotaryDim: 8,
  ropeBase: 1000,
  maxPosition: 16,
  mlpRatio: 4,
  languageHead: true,
};

Deno.test("several models go through one file and come back with their own weights", async () => {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    const model = (seed: number) => new Model(engine, config).initialize(seed);
    const saved = { a: model(1), "a/b": model(2) };
    const bytes = await saveModels(saved, { progress: "half" });
    const loaded = { a: model(3), "a/b": model(4) };
    assert.deepEqual({ ...loadModels(loaded, bytes) }, { progress: "half" });
    for (const name of ["a", "a/b"] as const) {
      assert.equal(await loaded[name].digest(), await saved[name].digest());
    }
    assert.notEqual(await loaded.a.digest(), await loaded["a/b"].digest());
  } finally {
    engine.close();
  }
});

Deno.test("a model that the file does not hold is an error", async () => {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    const bytes = await saveModels({ actor: new Model(engine, config).initialize(1) }, {});
    assert.throws(() => loadModels({ critic: new Model(engine, config) }, bytes), /critic|missing/);
  } finally {
    engine.close();
  }
});
