import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { Model } from "../nn/model.ts";
import { adamW } from "../nn/optimizer.ts";
import { randomSequences } from "../nn/testing.ts";
import type { TransformerConfig } from "../nn/transformer.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { sha256 } from "../numeric/digest.ts";
import { readSafetensors, type StoredTensor, writeSafetensors } from "./safetensors.ts";
import { loadModels, loadTraining, saveModels, saveTraining } from "./training_checkpoint.ts";

const config: TransformerConfig = {
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
const engine = await WasmEngine.create({ threads: 1 });

function made(seed: number, change: Partial<TransformerConfig> = {}): Model {
  return new Model(engine, { ...config, ...change }).initialize(seed);
}

/** A model that has moments. */
async function trained(seed: number, change: Partial<TransformerConfig> = {}): Promise<Model> {
  const model = made(seed, change);
  const sequences = randomSequences(model.config, { count: 4, length: 8, seed });
  await model.train(sequences, 8, adamW(1e-2, 10));
  return model;
}

/** All that a checkpoint must bring back. */
async function stateOf(model: Model) {
  const [weights, m, v] = await Promise.all(
    (["weights", "m", "v"] as const).map((state) => model.tensors(state)),
  );
  return { weights, m, v, step: model.step };
}

type Content = { tensors: Map<string, StoredTensor>; metadata: Record<string, string> };

/** A file with one thing changed. */
function edited(bytes: Uint8Array, edit: (content: Content) => void): Uint8Array {
  const { tensors, metadata } = readSafetensors(bytes, "test");
  const content = { tensors: new Map<string, StoredTensor>(tensors), metadata: { ...metadata } };
  edit(content);
  return writeSafetensors(content.tensors, content.metadata);
}

/** The loader refuses with this message, and the model is as it was. */
async function refused(models: readonly Model[], load: () => void, message: string) {
  const before = await Promise.all(models.map(stateOf));
  assert.throws(load, (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.ok(error.message.startsWith(message), `${error.message}, not ${message}`);
    return true;
  });
  assert.deepEqual(await Promise.all(models.map(stateOf)), before, message);
}

Deno.test("a training state comes back whole; a finished model leaves the moments alone", async () => {
  const model = await trained(1), other = await trained(2), { m, v } = await stateOf(other);
  assert.equal(loadTraining(other, await saveTraining(model, { curve: "[1]" })).curve, "[1]");
  assert.deepEqual(await stateOf(other), await stateOf(model));
  other.setTensors(m!, "m");
  other.setTensors(v!, "v");
  loadTraining(other, await saveTraining(model, {}, { moments: false }));
  assert.deepEqual(await stateOf(other), { ...await stateOf(model), m, v });
});

Deno.test("a file has the bytes that the first version of the kit gave it", async () => {
  assert.equal(
    sha256(await saveTraining(made(1), { curve: "[]" })),
    "382916ed4323c48ecbef6a9d9b5cc7fb7bbc82c4da02c30c98edec99f855b695",
  );
});

Deno.test("a training state that is not this model's is refused whole", async () => {
  const saved = await saveTraining(await trained(1), {}), model = await trained(2);
  const set = (name: string, change: Partial<StoredTensor>) => ({ tensors }: Content) =>
    tensors.set(name, { ...tensors.get(name)!, ...change });
  const cases: [string, (content: Content) => void][] = [
    ['f step: "": not a training checkpoint', ({ metadata }) => metadata.step = ""],
    ['f step: "-5": not a training checkpoint', ({ metadata }) => metadata.step = "-5"],
    ['f step: "1.5": ', ({ metadata }) => metadata.step = "1.5"],
    ['f step: "1e3": ', ({ metadata }) => metadata.step = "1e3"],
    ['f step: " 5": ', ({ metadata }) => metadata.step = " 5"],
    ['f step: "9007199254740992": ', ({ metadata }) => metadata.step = "9007199254740992"],
    ["f step: undefined: ", ({ metadata }) => delete metadata.step],
    ["f config: undefined: not a model's config", ({ metadata }) => delete metadata.config],
    ['f config: "{": not a model\'s config', ({ metadata }) => metadata.config = "{"],
    [
      "f config vocabularySize: undefined: the model has 7",
      ({ metadata }) => metadata.config = "{}",
    ],
    ['f: "norm": this tensor is missing', ({ tensors }) => tensors.delete("norm")],
    ['f: "adamw.v.norm": this tensor is missing', ({ tensors }) => tensors.delete("adamw.v.norm")],
    [
      'f: "adamw.v.embedding": this tensor is missing',
      ({ tensors }) =>
        [...tensors.keys()].filter((name) => name.startsWith("adamw.v.")).forEach((name) =>
          tensors.delete(name)
        ),
    ],
    [
      'f: "layers.1.up": the model has no such tensor',
      set("layers.1.up", { shape: [1], data: new Float32Array(1) }),
    ],
    [
      'f: "adamw.w.norm": the model has no such tensor',
      set("adamw.w.norm", { shape: [1], data: new Float32Array(1) }),
    ],
    [
      'f: "adamw.m.x": the model has no such tensor',
      set("adamw.m.x", { shape: [1], data: new Float32Array(1) }),
    ],
    ['f embedding: "[16, 7]": the model needs [7, 16]', set("embedding", { shape: [16, 7] })],
    ['f embedding: "[112]": the model needs [7, 16]', set("embedding", { shape: [112] })],
    ['f adamw.v.norm: "[1, 16]": the model needs [16]', set("adamw.v.norm", { shape: [1, 16] })],
    [
      'f norm: "Int32Array of 16": the model needs Float32Array of 16',
      set("norm", { dtype: "I32", data: new Int32Array(16) }),
    ],
    [
      'f norm: "Float32Array of 32": the model needs Float32Array of 16',
      set("norm", { dtype: "C64", data: new Float32Array(32) }),
    ],
  ];
  for (const [message, edit] of cases) {
    const bytes = edited(saved, edit);
    await refused([model], () => loadTraining(model, bytes, "f"), message);
  }
});

const OTHERS: [Partial<TransformerConfig>, Partial<TransformerConfig>, string][] = [
  [{ ropeBase: 10000 }, {}, "ropeBase: 10000: the model has 1000: use the config"],
  [{ dModel: 32, headDim: 32 }, { dModel: 32 }, "headDim: 32: the model has 16"],
  [{ rotaryDim: 16 }, {}, "rotaryDim: 16: the model has 8"],
  [{ maxPosition: 32 }, {}, "maxPosition: 32: the model has 16"],
  [{ layers: 2 }, {}, "layers: 2: the model has 1"],
  [{ loops: 2 }, {}, "loops: 2: the model has 1"],
  [{}, { loops: 2 }, "loops: 1: the model has 2"],
  [{ mixer: "gru" }, {}, 'mixer: "gru": the model has attention'],
  [
    { valueHead: { loss: "squared_error", outputs: 3 } },
    { valueHead: { loss: "soft_cross_entropy", outputs: 3 } },
    'valueHead.loss: "squared_error": the model has soft_cross_entropy',
  ],
  [
    {},
    { valueHead: { loss: "squared_error", outputs: 1 } },
    "valueHead.loss: undefined: the model has",
  ],
];

for (const [there, here, message] of OTHERS) {
  Deno.test(`a file of a model with another config is refused: ${message}`, async () => {
    const saved = made(1, there), model = made(2, here);
    const training = await saveTraining(saved, {});
    await refused([model], () => loadTraining(model, training, "f"), `f config ${message}`);
    const several = await saveModels({ a: saved }, {});
    await refused([model], () => loadModels({ a: model }, several, "f"), `f config/a ${message}`);
  });
}

Deno.test("what a config leaves out, it has by default", async () => {
  const plain = made(1), explicit = made(2, { loops: 1, mixer: "attention" });
  loadTraining(explicit, await saveTraining(plain, {}));
  assert.equal(await explicit.digest(), await plain.digest());
  loadModels({ a: plain }, await saveModels({ a: explicit }, {}));
});

Deno.test("several models go through one file and come back with their own weights", async () => {
  const saved = { a: made(1), "a/b": made(2, { layers: 2 }) };
  const bytes = await saveModels(saved, { progress: "half" });
  // As the first version of the kit wrote them: without configs.
  const first = edited(bytes, ({ metadata }) => {
    for (const key of Object.keys(metadata)) if (key !== "progress") delete metadata[key];
  });
  for (const file of [bytes, first]) {
    const loaded = { a: made(3), "a/b": made(4, { layers: 2 }) };
    assert.equal(loadModels(loaded, file).progress, "half");
    for (const name of ["a", "a/b"] as const) {
      assert.equal(await loaded[name].digest(), await saved[name].digest());
    }
    assert.notEqual(await loaded.a.digest(), await loaded["a/b"].digest());
  }
});

Deno.test("other models than those to load are refused, and then none is loaded", async () => {
  const actor = made(1), critic = made(2);
  const both = await saveModels({ actor, critic }, {}), one = await saveModels({ actor }, {});
  const [a, b] = [made(3), made(4)];
  const load = (models: Record<string, Model>, bytes: Uint8Array) => () =>
    loadModels(models, bytes, "f");
  const cases: [string, Record<string, Model>, Uint8Array][] = [
    ['f: "critic/": the file has no model of this name, but actor/', { actor: a, critic: b }, one],
    [
      'f: "critic/embedding": this tensor is of none of the models to load: actor/',
      { actor: a },
      both,
    ],
    [
      'f: "embedding": this tensor is of none of the models',
      { actor: a },
      await saveTraining(actor, {}, { moments: false }),
    ],
    [
      'f critic/norm: "[1, 16]": the model needs [16]',
      { actor: a, critic: b },
      edited(
        both,
        ({ tensors }) =>
          tensors.set("critic/norm", { ...tensors.get("critic/norm")!, shape: [1, 16] }),
      ),
    ],
    [
      'f: "critic/norm": this tensor is missing',
      { actor: a, critic: b },
      edited(both, ({ tensors }) => tensors.delete("critic/norm")),
    ],
    [
      'f: "critic/norm2": the model has no such tensor',
      { actor: a, critic: b },
      edited(both, ({ tensors }) => tensors.set("critic/norm2", tensors.get("critic/norm")!)),
    ],
    [
      "f config/critic ropeBase: 10: the model has 1000",
      { actor: a, critic: b },
      await saveModels({ actor, critic: made(5, { ropeBase: 10 }) }, {}),
    ],
  ];
  for (const [message, models, bytes] of cases) await refused([a, b], load(models, bytes), message);
});
