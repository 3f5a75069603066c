import assert from "node:assert/strict";
import { NeuralActor } from "../actor/neural_actor.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { criticDefinition } from "../critic/registry.ts";
import { CircuitEnvironment, type CircuitState } from "../env/circuit.ts";
import { UsageError } from "../errors.ts";
import { copyModel } from "../nn/copy_model.ts";
import { adamW } from "../nn/optimizer.ts";
import { mean } from "../numeric/sums.ts";
import { methods } from "../rl/methods.ts";
import { prepareCriticStep, RolloutStates } from "./prepare.ts";
import { pretrainCriticStep } from "./pretrain_critic.ts";
import { criticReward } from "./reward.ts";
import { reinforceOutcomes } from "./reinforce.ts";
import { criticLearningConfig } from "./train_critic.ts";

const environment = new CircuitEnvironment({ modulus: 5, minGates: 2, maxGates: 3 });
const size = { dModel: 16, layers: 1 };
const paper = criticLearningConfig.parse(methods.genac.training);
const recipe = criticLearningConfig.parse(methods["genac-leave-one-out"].training);
const SEED = 5;

type Critic = NeuralCritic<CircuitState>;

/** States of an actor's rollouts, from the first, and a maker of critics that were prepared on some of them. */
async function withCritics(
  test: (
    states: RolloutStates<CircuitState, unknown>,
    make: () => Promise<Critic>,
  ) => Promise<void>,
): Promise<void> {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    const actor = new NeuralActor<CircuitState>(engine, environment, size, 1);
    for (let i = 0; i < 40; i++) {
      const key = { seed: 1, purpose: "pretrain-test/sft", batchSize: 16 };
      await actor.supervisedStep(key, { kind: "slips", epsilon: 0.3 }, adamW(1e-2, 40));
    }
    const teacher = { kind: "slips", epsilon: 0.3 } as const;
    const states = new RolloutStates([{ actor, successRate: 0.3 }], teacher, 3, 512);
    const fresh = () =>
      new NeuralCritic<CircuitState>(engine, criticDefinition("cot"), environment, size, 1);
    const prepared = fresh();
    for (let i = 0; i < 150; i++) {
      await prepareCriticStep(prepared, states, 32, adamW(1e-2, 150));
    }
    await test(states, async () => {
      states.restart();
      const critic = fresh();
      await copyModel(prepared.model, critic.model);
      return critic;
    });
  } finally {
    engine.close();
  }
}

Deno.test("a state is rewarded by its rollout's own outcome, whatever its mean", () =>
  withCritics(async (states, make) => {
    const optimizer = adamW(1e-3, 10);
    const a = await make();
    const report = await pretrainCriticStep(a, states, { config: paper, optimizer, seed: SEED });
    const b = await make(), { step } = b.model;
    const drawn = await states.next(32);
    assert.ok(drawn.some(({ outcome, value }) => outcome !== value));
    // Over many states outcomes and means agree.
    const all = await states.next(480);
    const gap = mean(all.map(({ outcome, value }) => outcome - value));
    assert.ok(Math.abs(gap) < 0.08, `${gap}`);
    const { responses } = await reinforceOutcomes(
      b,
      drawn.map((s) => ({ state: s.state, context: s.context, outcomes: [s.outcome] })),
      { seed: SEED, purpose: "critic-pretraining", step },
      { ...paper.reinforce, prompts: 32, outcomes: "shared" },
      optimizer,
    );
    assert.equal(await a.model.digest(), await b.model.digest());
    const rewards = responses.map(([y], i) => criticReward(drawn[i]!.outcome, y!.value));
    assert.ok(Math.abs(report.reward! - mean(rewards)) < 1e-12);
    assert.equal(report.tokens, responses.flat().reduce((n, { tokens }) => n + tokens.length, 0));
  }));

Deno.test("steps are the same bits again, and no two draw the same responses or states", () =>
  withCritics(async (states, make) => {
    const run = async (seed: number) => {
      const critic = await make();
      const rewards: (number | null)[] = [];
      for (let i = 0; i < 3; i++) {
        const optimizer = adamW(1e-3, 10);
        rewards.push(
          (await pretrainCriticStep(critic, states, { config: paper, optimizer, seed })).reward,
        );
      }
      assert.equal(new Set(rewards).size, 3, String(rewards));
      return await critic.model.digest();
    };
    const once = await run(SEED);
    assert.equal(await run(SEED), once);
    assert.notEqual(await run(SEED + 1), once);
  }));

Deno.test("the kit's recipe is held by a reference, which it must be given", () =>
  withCritics(async (states, make) => {
    const critic = await make(), reference = await make();
    const how = { config: recipe, optimizer: adamW(1e-3, 10), seed: SEED };
    await assert.rejects(
      pretrainCriticStep(critic, states, how),
      (e: Error) => e instanceof UsageError && /^klCoefficient: 0.05/.test(e.message),
    );
    states.restart();
    const kit = await pretrainCriticStep(critic, states, { ...how, reference });
    const paperCritic = await make();
    const raw = await pretrainCriticStep(paperCritic, states, { ...how, config: paper });
    // As many responses; passes of policy and reference come on top.
    assert.ok(kit.flops > raw.flops);
    assert.notEqual(await critic.model.digest(), await paperCritic.model.digest());
  }));

Deno.test("pretraining raises the critic's reward", () =>
  withCritics(async (states, make) => {
    const critic = await make(), reference = await make();
    const config = criticLearningConfig.parse({ ...recipe, batch: 64 });
    const optimizer = { ...adamW(3e-3, 60), finalFraction: 1 };
    const rewards: number[] = [];
    for (let i = 0; i < 60; i++) {
      const how = { config, optimizer, seed: SEED, reference };
      rewards.push((await pretrainCriticStep(critic, states, how)).reward!);
    }
    const first = mean(rewards.slice(0, 15)), last = mean(rewards.slice(-15));
    assert.ok(last > first, `${first} to ${last}`);
  }));
