/** Each source of values, by `creditRollouts`, against what the environment says. */
import assert from "node:assert/strict";
import { exactValues } from "../actor/exact_values.ts";
import { NeuralActor } from "../actor/neural_actor.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { criticDefinition } from "../critic/registry.ts";
import { CircuitEnvironment, type CircuitState } from "../env/circuit.ts";
import { adamW } from "../nn/optimizer.ts";
import { type ActorTraining, actorTrainingConfig } from "./actor_training.ts";
import { type RlAlgorithmName, rlAlgorithms } from "./algorithms.ts";
import { creditRollouts } from "./train_actor.ts";
import { withValues } from "./values.ts";

const environment = new CircuitEnvironment({ modulus: 5, minGates: 2, maxGates: 3 });
const size = { dModel: 16, layers: 1 };
const K = 4, M = 3;

/** A run of an actor that writes circuits' values, most of the time. */
async function start(
  engine: WasmEngine,
  name: RlAlgorithmName,
  rest: Partial<ActorTraining<CircuitState>> = {},
): Promise<ActorTraining<CircuitState>> {
  const actor = new NeuralActor<CircuitState>(engine, environment, size, 1);
  for (let i = 0; i < 30; i++) {
    const key = { seed: 1, purpose: "values-test/sft", batchSize: 16 };
    await actor.supervisedStep(key, { kind: "slips", epsilon: 0.4 }, adamW(1e-2, 30));
  }
  const config = actorTrainingConfig.parse({ problems: 4, responses: K, continuations: M });
  return { actor, reference: actor, algorithm: rlAlgorithms[name], config, seed: 1, ...rest };
}

async function withEngine(test: (engine: WasmEngine) => Promise<void>): Promise<void> {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    await test(engine);
  } finally {
    engine.close();
  }
}

Deno.test("no source: rollouts have no values and cost nothing", () =>
  withEngine(async (engine) => {
    const run = await start(engine, "grpo");
    const { rollouts } = await creditRollouts(run, 0);
    for (const field of ["values", "continuations", "exactValues", "processRewards"] as const) {
      assert.ok(rollouts.every((r) => r[field] === undefined), field);
    }
    const valued = await withValues(run, { rollouts, iteration: 0, successRate: 0.5 });
    assert.deepEqual(valued, { rollouts, tokens: 0, flops: 0 });
  }));

Deno.test("a critic is asked before every token, and what it took is counted", () =>
  withEngine(async (engine) => {
    const definition = criticDefinition("discriminative-mse");
    const critic = new NeuralCritic<CircuitState>(engine, definition, environment, size, 2);
    const run = await start(engine, "ppo", { critic });
    const { rollouts } = await creditRollouts(run, 0);
    const valued = await withValues(run, { rollouts, iteration: 0, successRate: 0.5 });
    assert.ok(valued.flops > 0 && valued.tokens === 0);
    const context = { successRate: 0.5 };
    for (const { states, values } of valued.rollouts) {
      const own = await critic.values(states.map((state) => ({ state, context })));
      assert.deepEqual(values, own.map(({ value }) => value));
    }
  }));

Deno.test("continuations: M fresh ones of every state, the first state's shared by a problem's responses", () =>
  withEngine(async (engine) => {
    const run = await start(engine, "vineppo");
    const { rollouts } = await creditRollouts(run, 0);
    for (const { group, continuations, tokens } of rollouts) {
      assert.equal(continuations!.length, tokens.length);
      assert.ok(continuations!.every((returns) => returns!.length === M));
      assert.deepEqual(continuations![0], rollouts[group * K]!.continuations![0]);
    }
    const valued = await withValues(run, { rollouts, iteration: 0, successRate: 0.5 });
    const states = rollouts.flatMap(({ states }, i) => i % K === 0 ? states : states.slice(1));
    const most = M * states.reduce((n, state) => n + environment.stepsLeft(state), 0);
    assert.ok(valued.tokens > 0.5 * most && valued.tokens <= most && valued.flops > 0);
    // Every iteration has continuations of its own.
    const later = await withValues(run, { rollouts, iteration: 1, successRate: 0.5 });
    const all = (v: typeof valued) => v.rollouts.flatMap((r) => r.continuations!).flat(2);
    assert.notDeepEqual(all(later), all(valued));
  }));

Deno.test("exact: the tree's value of every prefix", () =>
  withEngine(async (engine) => {
    const run = await start(engine, "oracle");
    const { rollouts } = await creditRollouts(run, 0);
    for (const { states, exactValues: own } of rollouts) {
      // A tree of its own for each state: no path through another's.
      const trees = await exactValues(run.actor, states);
      own!.forEach((v, t) => assert.ok(Math.abs(v - trees[t]!.value([])) < 1e-6, `${v}`));
    }
  }));

Deno.test("process: what tokens do to the expert's value sums to the outcome less the problem's value", () =>
  withEngine(async (engine) => {
    const run = await start(engine, "process-reward");
    const { rollouts } = await creditRollouts(run, 0);
    for (const { states, reward, processRewards } of rollouts) {
      const best = environment.exactValue(states[0]!, environment.expert);
      const total = processRewards!.reduce((a, b) => a + b);
      assert.ok(Math.abs(total - (reward - best)) < 1e-12, `${total}`);
    }
    assert.ok(rollouts.some(({ reward }) => reward === 0));
  }));
