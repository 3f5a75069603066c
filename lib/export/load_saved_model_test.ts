import assert from "node:assert/strict";
import { NeuralActor } from "../actor/neural_actor.ts";
import { supervisedCell } from "../../experiments/shared/supervised_cell.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { criticDefinition } from "../critic/registry.ts";
import { supervisedStep } from "../critic/supervised.ts";
import { createEnvironment, createTask } from "../env/registry.ts";
import { UsageError } from "../errors.ts";
import { saveModels, saveTraining } from "../run/training_checkpoint.ts";
import { loadSavedModel } from "./load_saved_model.ts";
import { taskMetadata } from "./task_metadata.ts";

const SIZE = { dModel: 16, layers: 1 };

/** A critic, an actor, and one file of both. */
async function saved(engine: WasmEngine) {
  const environment = createEnvironment("permutation", { group: "S3" });
  const critic = new NeuralCritic(engine, criticDefinition("cot"), environment, SIZE, 1);
  const actor = new NeuralActor(engine, createTask("sat"), SIZE, 2);
  const both = await saveModels({ actor: actor.model, critic: critic.model }, {
    ...taskMetadata(actor, "actor"),
    ...taskMetadata(critic, "critic"),
  });
  return { critic, actor, both };
}

function test(name: string, body: (engine: WasmEngine) => Promise<void>): void {
  Deno.test(name, async () => {
    const engine = await WasmEngine.create({ threads: 1 });
    try {
      await body(engine);
    } finally {
      engine.close();
    }
  });
}

test("a saved critic comes back with its task, whether its moments were kept or not", async (engine) => {
  const { critic } = await saved(engine);
  critic.model.step = 7;
  for (const moments of [false, true]) {
    const bytes = await saveTraining(critic.model, taskMetadata(critic), { moments });
    const loaded = loadSavedModel(engine, bytes, "f");
    assert.equal(loaded.definition, critic.definition);
    assert.deepEqual(loaded.environment.config, critic.environment.config);
    assert.equal(loaded.model.step, 7);
    assert.equal(await loaded.model.digest(), await critic.model.digest());
  }
});

test("what a cell that trains one critic keeps comes back", async (engine) => {
  const config = { critic: "filler", size: SIZE, learningRate: 1e-3, steps: 2, batchSize: 4 };
  const environment = createEnvironment("local-check");
  const data = { seed: 1, purpose: "test/train", batchSize: 4, actor: { epsilon: 0.3 } };
  const { files, digests } = await supervisedCell({
    ...{ environment, seed: 1, config },
    step: (critic, optimizer) => supervisedStep(critic, data, optimizer),
    test: () => Promise.resolve({}),
  }, { threads: 1, progress: () => {}, checkpoint: { load: () => undefined, save: () => {} } });
  const loaded = loadSavedModel(engine, files!["model.safetensors"]!, "f");
  assert.equal(loaded.definition!.name, "filler");
  assert.equal(loaded.environment.name, "local-check");
  assert.equal(loaded.model.step, 2);
  assert.equal(await loaded.model.digest(), digests.parameters);
});

test("of a file of several the named one comes back", async (engine) => {
  const { critic, actor, both } = await saved(engine);
  const loaded = loadSavedModel(engine, both, "f", "actor");
  assert.equal(loaded.definition, undefined);
  assert.equal(loaded.environment.name, "sat");
  assert.equal(await loaded.model.digest(), await actor.model.digest());
  const other = loadSavedModel(engine, both, "f", "critic");
  assert.equal(await other.model.digest(), await critic.model.digest());
  const one = await saveModels({ actor: actor.model }, taskMetadata(actor, "actor"));
  assert.equal(loadSavedModel(engine, one, "f").environment.name, "sat", "the only one");
});

test("what cannot be loaded is refused by name", async (engine) => {
  const { critic, both } = await saved(engine);
  const refused = (bytes: Uint8Array, message: RegExp, name?: string) =>
    assert.throws(() => loadSavedModel(engine, bytes, "f", name), (error) => {
      assert.ok(error instanceof UsageError, `${error}`);
      assert.match(error.message, message);
      return true;
    });
  refused(both, /model: undefined: f has several: choose from actor, critic/);
  refused(both, /model: "x": f has several/, "x");
  const save = (metadata: Record<string, string>) => saveTraining(critic.model, metadata);
  refused(await save(taskMetadata(critic)), /one model without a name/, "actor");
  refused(await save({}), /f: "task": the file does not say which task/);
  refused(await save({ task: "{" }), /f task: "\{": no JSON/);
  const task = JSON.parse(taskMetadata(critic).task!);
  const changed = async (change: object) =>
    await save({ task: JSON.stringify({ ...task, ...change }) });
  refused(await changed({ environment: "maze" }), /environment: "maze": unknown environment/);
  refused(await changed({ critic: "oracle" }), /critic: "oracle": unknown critic/);
  refused(await changed({ config: { group: "S9" } }), /group/);
  refused(await changed({ more: 1 }), /f task: "more": unknown field/);
  refused(
    await changed({ environment: "sat", config: {} }),
    /vocabularySize: \d+: its environment has/,
  );
  refused(new Uint8Array(4), /not a whole safetensors file/);
});
