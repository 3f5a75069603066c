/** Whole exported folders: what is in them, and whether the Python of their README.md gives the kit's answers. */
import assert from "node:assert/strict";
import { Tokenizer } from "@huggingface/tokenizers";
import { NeuralActor } from "../actor/neural_actor.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { criticDefinition, critics } from "../critic/registry.ts";
import { supervisedStep } from "../critic/supervised.ts";
import { createEnvironment, createTask, taskNames } from "../env/registry.ts";
import { UsageError } from "../errors.ts";
import { adamW } from "../nn/optimizer.ts";
import { parameterCount } from "../nn/flops.ts";
import { readSafetensors } from "../run/safetensors.ts";
import { testUnless } from "../testing.ts";
import type { ExportedModel } from "./exported_model.ts";
import { exportHuggingFace } from "./hugging_face.ts";
import { exportOnnx } from "./onnx.ts";
import { pythonWith, runPython } from "./testing.ts";

const SIZE = { dModel: 32, layers: 2 };
const environment = createEnvironment("permutation", { group: "S3", maxLength: 7 });

/** A critic that has learned to end its chains. */
async function trained(engine: WasmEngine, name: string, steps = 150) {
  const critic = new NeuralCritic(engine, criticDefinition(name), environment, SIZE, 1);
  const data = { seed: 1, purpose: "test/train", batchSize: 32, actor: { epsilon: 0.3 } };
  for (let i = 0; i < steps; i++) await supervisedStep(critic, data, adamW(6e-3, steps));
  return critic;
}

/** A temporary folder and an engine for the test. */
function test(name: string, body: (folder: string, engine: WasmEngine) => Promise<void>): void {
  Deno.test(name, async () => {
    const folder = Deno.makeTempDirSync({ prefix: "genac export " });
    const engine = await WasmEngine.create({ threads: 1 });
    try {
      await body(folder, engine);
    } finally {
      engine.close();
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

const json = (path: string) => JSON.parse(Deno.readTextFileSync(path));
const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

test("a critic's Hugging Face folder", async (folder, engine) => {
  const critic = await trained(engine, "cot", 3), out = `${folder}/critic`;
  const origin = {
    ...{ experiment: "scaling", profile: "smoke", cell: "cot/d32-L2/seed1", seed: 1 },
    ...{ commit: "abc123", dirty: false },
  };
  await exportHuggingFace(critic, `${out}/`, origin);
  assert.deepEqual(names(folder), ["critic"], "nothing is left beside it");
  assert.deepEqual(names(out), [
    ...["README.md", "config.json", "generation_config.json", "model.safetensors"],
    ...["tokenizer.json", "tokenizer_config.json"],
  ]);
  const { vocabulary } = environment;
  const config = json(`${out}/config.json`);
  assert.equal(config.vocab_size, vocabulary.size);
  assert.equal(config.rope_parameters.rope_theta, 1e6);
  assert.deepEqual(config.eos_token_id, vocabulary.values);
  assert.equal(json(`${out}/generation_config.json`).do_sample, false);
  const { tensors, metadata } = readSafetensors(
    Deno.readFileSync(`${out}/model.safetensors`),
    "model",
  );
  const sizes = [...tensors.values()].map(({ data }) => data.length);
  assert.equal(sizes.reduce((a, b) => a + b), parameterCount(critic.model.config));
  assert.equal(metadata.format, "pt");

  const card = Deno.readTextFileSync(`${out}/README.md`);
  const digest = await critic.model.digest();
  for (
    const part of [
      digest,
      "commit `abc123` |",
      "cell `cot/d32-L2/seed1`",
      "| 3 |",
      "starts at 48",
    ]
  ) assert.ok(card.includes(part), part);
});

for (const name of ["permutation", "circuit", "sat", "word-evaluation", "local-check"]) {
  test(`${name}: the vocabulary's tokenizer in JavaScript`, async (folder, engine) => {
    const environment = createEnvironment(name);
    const definition = criticDefinition("discriminative-mse");
    const critic = new NeuralCritic(engine, definition, environment, { dModel: 16, layers: 1 }, 1);
    await exportHuggingFace(critic, `${folder}/x`);
    const tokenizer = new Tokenizer(
      json(`${folder}/x/tokenizer.json`),
      json(`${folder}/x/tokenizer_config.json`),
    );
    const { names } = environment.vocabulary, text = names.join(" ");
    assert.deepEqual(tokenizer.encode(text).ids, names.map((_, id) => id));
    assert.equal(tokenizer.decode(names.map((_, id) => id)), text);
    assert.deepEqual(tokenizer.encode("  Q\n\tTH PAD ").ids, [1, 2, 0]);
  });
}

test("actors sample from their whole softmax, and have no end token", async (folder, engine) => {
  const actor = new NeuralActor(engine, createTask("sat"), SIZE, 1);
  await exportHuggingFace(actor, `${folder}/actor`);
  const generation = json(`${folder}/actor/generation_config.json`);
  assert.deepEqual([generation.do_sample, generation.top_k, generation.eos_token_id], [
    true,
    0,
    null,
  ]);
});

test("what cannot be exported says so, and leaves nothing", async (folder, engine) => {
  const refused = (message: RegExp, run: () => Promise<void>) =>
    assert.rejects(run, (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  const make = (name: string) =>
    new NeuralCritic(engine, criticDefinition(name), environment, SIZE, 1);
  const [gru, looped] = [make("discriminative-gru"), make("discriminative-looped")];
  await refused(/mixer.*no class.*ONNX/, () => exportHuggingFace(gru, `${folder}/x`));
  await refused(/loops.*no class.*ONNX/, () => exportHuggingFace(looped, `${folder}/x`));
  await refused(/cache/, () => exportOnnx(gru, `${folder}/x`, { cache: true }));
  assert.deepEqual(names(folder), []);
  Deno.writeTextFileSync(`${folder}/mine`, "");
  const critic = make("cot");
  for (const path of [folder, `${folder}/mine`]) {
    await refused(/it exists/, () => exportHuggingFace(critic, path));
    await refused(/it exists/, () => exportOnnx(critic, path));
  }
  assert.deepEqual(names(folder), ["mine"]);
});

test("an environment of the user's own is exported without an example", async (folder, engine) => {
  const own = Object.assign(Object.create(environment), { name: "mine" });
  const critic = new NeuralCritic(engine, criticDefinition("cot"), own, SIZE, 1);
  await exportOnnx(critic, `${folder}/x`);
  const card = Deno.readTextFileSync(`${folder}/x/README.md`);
  assert.match(card, /# Critic of mine/);
  assert.doesNotMatch(card, /```python/);
});

const needed = ["transformers", "torch", "onnxruntime", "tokenizers"] as const;
const found = await pythonWith(...needed);

testUnless(
  "reason" in found ? found.reason : undefined,
  "the Python of README.md gives the kit's answers",
  async () => {
    if ("reason" in found) return;
    const folder = Deno.makeTempDirSync({ prefix: "genac export " });
    const engine = await WasmEngine.create({ threads: 1 });
    const promised: Record<string, string> = {};
    const add = async <State>(name: string, model: ExportedModel<State>) => {
      const { mixer, loops } = model.model.config, isGru = mixer === "gru";
      const write = async (form: string, run: (out: string) => Promise<void>) => {
        await run(`${folder}/${name} ${form}`);
        const card = Deno.readTextFileSync(`${folder}/${name} ${form}/README.md`);
        const [, text] = /It prints, as the kit does:\n\n```text\n([^]*?)```/.exec(card)!;
        promised[`${name} ${form}`] = text!;
      };
      await write("onnx", (out) => exportOnnx(model, out));
      if (!isGru) await write("cache", (out) => exportOnnx(model, out, { cache: true }));
      if (!isGru && loops === undefined) await write("hf", (out) => exportHuggingFace(model, out));
    };
    for (const name of Object.keys(critics)) await add(name, await trained(engine, name));
    for (const name of taskNames) {
      await add(name, new NeuralActor(engine, createTask(name), SIZE, 1));
    }
    engine.close();
    assert.match(promised["cot-scalar hf"]!, /^\d\.\d{4}\n.* V\d+\n$/, "it ends its chain");
    const script = `${import.meta.dirname}/testdata/follow_cards.py`;
    assert.deepEqual(JSON.parse(await runPython(found.python, [script, folder])), promised);
    Deno.removeSync(folder, { recursive: true });
  },
);
