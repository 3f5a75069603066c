import assert from "node:assert/strict";
import { criticDefinition } from "../critic/registry.ts";
import { actorTrainingConfig } from "./actor_training.ts";
import { type Method, methodConfig, methodCritics, methods } from "./methods.ts";
import { policyObjectiveConfig } from "./objective/policy_objective.ts";

Deno.test("a method has a critic and its training just where its algorithm asks one", () => {
  for (const [name, method] of Object.entries<Method>(methods)) {
    const { algorithm, critic, training } = method;
    assert.ok(name.startsWith(algorithm.name), name);
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
  const recipe = methods["genac-leave-one-out"];
  const config = methodConfig({ ...recipe, conditioning: "initial" }, shared);
  assert.equal(config.problems, 3);
  assert.equal(config.conditioning, "initial");
  const { method, batch, reinforce } = config.critic;
  assert.deepEqual([method, batch, reinforce.responses], ["reinforce", 32, 4]);
  assert.deepEqual(methodConfig(methods.grpo, shared), actorTrainingConfig.parse(shared));
  // The discriminative critic's recipe is the defaults'.
  assert.deepEqual(methodConfig(methods.ppo, shared), actorTrainingConfig.parse(shared));
});

Deno.test("GenAC has the paper's choices, and its critic's REINFORCE needs no reference", () => {
  const { critic, epochs, klCoefficient, ...rest } = methodConfig(methods.genac, {});
  assert.deepEqual([klCoefficient, epochs], [0, 1]);
  const { baseline, credit, klCoefficient: criticKl } = critic.reinforce;
  assert.deepEqual([critic.read, baseline, credit, criticKl], ["emitted", "raw", "all", 0]);
  const { clipLow, clipHigh } = policyObjectiveConfig.parse(methods.genac.algorithm.objective);
  assert.deepEqual([clipLow, clipHigh], [0.2, 0.2]);
  const { critic: _c, epochs: _e, klCoefficient: kl, ...kit } = methodConfig(
    methods["genac-leave-one-out"],
    {},
  );
  assert.deepEqual([rest, kl], [kit, 0.01]);
});

Deno.test("a method changes what is shared, given that", () => {
  const shared = { problems: 4, responses: 4, iterations: 20 };
  const arm = (changes: NonNullable<Method["changes"]>) =>
    methodConfig({ ...methods.grpo, changes }, shared);
  const plain = methodConfig(methods.grpo, shared);
  assert.deepEqual(arm(() => ({ epochs: 2 })), { ...plain, epochs: 2 });
  const single = { problems: 16, responses: 1 };
  assert.deepEqual(arm(() => single), { ...plain, ...single });
  const longer = arm(({ iterations }) => ({ iterations: 8 * iterations }));
  assert.deepEqual(longer, { ...plain, iterations: 160 });
  assert.throws(() => arm(() => ({ epochs: 0 })));
});
