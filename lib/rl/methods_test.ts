import assert from "node:assert/strict";
import { criticDefinition } from "../critic/registry.ts";
import { actorTrainingConfig } from "./actor_training.ts";
import { type RlAlgorithmName, rlAlgorithms } from "./algorithms.ts";
import { type Method, methodConfig, methodCritics, methods } from "./methods.ts";

Deno.test("a method has a critic and its training just where its algorithm asks one", () => {
  for (const [name, method] of Object.entries<Method>(methods)) {
    const { algorithm, critic, training } = method;
    assert.equal(algorithm, rlAlgorithms[name as RlAlgorithmName]);
    assert.equal(critic !== undefined, algorithm.values === "critic", name);
    assert.equal(training !== undefined, critic !== undefined, name);
    if (!critic) continue;
    const { writesChain } = criticDefinition(methodCritics[critic].definition);
    // A critic that writes is asked at segments, and only such a one can be trained by REINFORCE.
    assert.equal(writesChain, algorithm.states === "segments", name);
    if (training!.method === "reinforce") assert.ok(writesChain, name);
  }
});

Deno.test("a run's configuration has what methods share, and the method's own", () => {
  const shared = { problems: 3, learningRate: 1e-2 };
  const config = methodConfig({ ...methods.genac, conditioning: "initial" }, shared);
  assert.equal(config.problems, 3);
  assert.equal(config.conditioning, "initial");
  const { method, batch, reinforce } = config.critic;
  assert.deepEqual([method, batch, reinforce.responses], ["reinforce", 32, 4]);
  assert.deepEqual(methodConfig(methods.grpo, shared), actorTrainingConfig.parse(shared));
  // The discriminative critic's recipe is the defaults'.
  assert.deepEqual(methodConfig(methods.ppo, shared), actorTrainingConfig.parse(shared));
});
