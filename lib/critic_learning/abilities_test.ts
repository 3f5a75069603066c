/** What a critic says that it can do holds wherever critics learn, for every one that writes a chain of thought. */
import assert from "node:assert/strict";
import { NeuralActor } from "../actor/neural_actor.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import type { CriticDefinition } from "../critic/critic.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { critics } from "../critic/registry.ts";
import { averaging } from "../critic/testing.ts";
import { CircuitEnvironment, type CircuitState } from "../env/circuit.ts";
import type { CircuitTeacher } from "../env/circuit_teacher.ts";
import { UsageError } from "../errors.ts";
import { adamW } from "../nn/optimizer.ts";
import { prepareCriticStep, RolloutStates, traceStep } from "./prepare.ts";
import { monteCarloConfig, monteCarloStep } from "./regression.ts";
import { criticLearningConfig, trainCritic } from "./train_critic.ts";

const WRITERS = [...Object.values(critics).filter((c) => c.writesChain), averaging];
const OTHERS = Object.values(critics).filter((c) => !c.writesChain);
const size = { dModel: 16, layers: 1 };
const teacher: CircuitTeacher = { kind: "slips", epsilon: 0.3 };

/** An environment whose right chains and labels no model can read: what is trained on one fails. */
class Secretive extends CircuitEnvironment {
  override reasoningTrace(state: CircuitState): number[] {
    return super.reasoningTrace(state).map(() => 10_000);
  }
  override promptLabels(state: CircuitState): number[] {
    return super.promptLabels(state).map(() => 10_000);
  }
}
const config = { modulus: 5, minGates: 2, maxGates: 3 } as const;
const open = new CircuitEnvironment(config), secretive = new Secretive(config);

async function withCritics(
  definitions: readonly CriticDefinition[],
  environment: CircuitEnvironment,
  test: (
    critic: NeuralCritic<CircuitState>,
    reference: NeuralCritic<CircuitState>,
    engine: WasmEngine,
  ) => Promise<void>,
): Promise<void> {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    for (const definition of definitions) {
      const make = () => new NeuralCritic<CircuitState>(engine, definition, environment, size, 1);
      await test(make(), make(), engine);
    }
  } finally {
    engine.close();
  }
}

/** States of an untrained actor's rollouts. */
function rolloutStates(engine: WasmEngine, environment: CircuitEnvironment) {
  const actor = new NeuralActor<CircuitState>(engine, environment, size, 1);
  return new RolloutStates<CircuitState, unknown>([{ actor }], teacher, 3, 256);
}

const isSecret = (e: Error) => /10000/.test(e.message);
const usage = (field: string) => (e: Error) => e instanceof UsageError && e.message.includes(field);

Deno.test("some critics write chains of thought, some do not, and some learn the true labels", () => {
  const names = WRITERS.map(({ name }) => name);
  for (const name of ["cot", "cot-scalar", "averaging"]) assert.ok(names.includes(name), name);
  assert.ok(OTHERS.some(({ privilegedLabels }) => privilegedLabels));
  assert.ok(OTHERS.some(({ privilegedLabels }) => !privilegedLabels));
});

Deno.test("equal knowledge never sees a true chain of thought, privileged knowledge does", () =>
  withCritics(WRITERS, secretive, async (critic, _, engine) => {
    const states = rolloutStates(engine, secretive), optimizer = adamW(1e-3, 10);
    const trace = { environment: secretive, teacher, seed: 1, batchSize: 4 };
    const source = { ...trace, difficulty: { min: 2, max: 3 } };
    const { name } = critic;
    await assert.rejects(prepareCriticStep(critic, states, 4, optimizer, "privileged"), isSecret);
    await assert.rejects(
      traceStep(critic, { ...source, knowledge: "privileged" }, optimizer),
      isSecret,
    );
    assert.equal(critic.model.step, 0, name);
    await prepareCriticStep(critic, states, 4, optimizer, "equal");
    await traceStep(critic, { ...source, knowledge: "equal" }, optimizer);
    assert.equal(critic.model.step, 2, name);
  }));

Deno.test("equal and privileged knowledge end in different weights", () =>
  withCritics(WRITERS, open, async (critic, other, engine) => {
    const states = rolloutStates(engine, open), optimizer = adamW(1e-2, 10);
    await prepareCriticStep(critic, states, 16, optimizer, "equal");
    states.restart();
    await prepareCriticStep(other, states, 16, optimizer, "privileged");
    assert.notEqual(await critic.model.digest(), await other.model.digest(), critic.name);
  }));

Deno.test("without chains of thought equal knowledge is what there is, or is refused", () =>
  withCritics(OTHERS, secretive, async (critic, _, engine) => {
    const states = rolloutStates(engine, secretive), optimizer = adamW(1e-3, 10);
    const step = prepareCriticStep(critic, states, 4, optimizer, "equal");
    if (critic.definition.privilegedLabels) await assert.rejects(step, usage("knowledge"));
    else await step;
    const source = { environment: secretive, teacher, seed: 1, batchSize: 4 };
    const difficulty = { min: 2, max: 3 };
    for (const knowledge of ["equal", "privileged"] as const) {
      await assert.rejects(
        traceStep(critic, { ...source, difficulty, knowledge }, optimizer),
        usage(`critic: "${critic.name}"`),
      );
    }
  }));

Deno.test("during RL a critic learns its reference's chains, and none without a reference", () =>
  withCritics(WRITERS, secretive, async (critic, reference, engine) => {
    const states = (await rolloutStates(engine, secretive).next(4)).map(({ state }) => state);
    const rollout = { states, tokens: [0, 0, 0, 0], final: null, reward: 0 as const };
    const step = {
      critic,
      rollouts: [rollout],
      targets: [[0, 0.3, 0.7, 1]],
      sparse: false,
      asked: [[0, 1, 2, 3]],
      context: {},
      config: criticLearningConfig.parse({ batch: 4 }),
      iterations: 4,
      key: { seed: 1, purpose: "test", step: 0 },
    };
    await assert.rejects(trainCritic(step), usage("reference"));
    const report = (await trainCritic({ ...step, reference }))!;
    const chains = await reference.respond(
      states.map((state) => ({ state, context: {} })),
      { seed: 0, purpose: "", firstRow: 0 },
      { temperature: 0 },
    );
    const written = chains.flat().reduce((n, { tokens }) => n + tokens.length, 0);
    assert.equal(report.tokens, written, critic.name);
  }));

Deno.test("REINFORCE trains value tokens: it takes every critic whose value is one", () =>
  withCritics([...WRITERS, ...OTHERS], open, async (critic, _, engine) => {
    const states = (await rolloutStates(engine, open).next(2)).map(({ state }) => state);
    const learning = trainCritic({
      critic,
      rollouts: [{ states, tokens: [0, 0], final: null, reward: 0 }],
      targets: [[0.3, 0.7]],
      sparse: false,
      asked: [[0, 1]],
      context: {},
      config: criticLearningConfig.parse({
        method: "reinforce",
        batch: 8,
        reinforce: { responses: 4, klCoefficient: 0, baseline: "raw" },
      }),
      iterations: 4,
      key: { seed: 1, purpose: "test", step: 0 },
    });
    const { valueHead, writesChain } = critic.definition;
    if (!writesChain || valueHead) await assert.rejects(learning, usage(critic.name));
    else assert.ok((await learning)!.tokens > 0);
  }));

Deno.test("responses can be sampled of every critic that writes a chain of thought, and of no other", () =>
  withCritics([...WRITERS, ...OTHERS], open, async (critic, _, engine) => {
    const questions = await rolloutStates(engine, open).next(3);
    const responses = critic.respond(questions, { seed: 1, purpose: "test", firstRow: 5 }, {
      count: 4,
    });
    if (!critic.definition.writesChain) {
      await assert.rejects(responses, usage(`critic: "${critic.name}"`));
    } else {
      assert.deepEqual((await responses).map(({ length }) => length), [4, 4, 4]);
      assert.ok(new Set((await responses)[0]!.map(({ tokens }) => tokens.join())).size > 1);
    }
  }));

Deno.test("Monte Carlo learns any critic's chains of thought, whichever they are", () =>
  withCritics([...WRITERS, ...OTHERS], open, async (critic, reference) => {
    for (const trace of ["own", "reference", "labels"] as const) {
      for (const target of ["outcomes", "mean"] as const) {
        const choices = monteCarloConfig.parse({ prompts: 4, responses: 2, trace, target });
        const data = { seed: 1, purpose: "test", actor: { epsilon: 0.3 } };
        const step = monteCarloStep(critic, data, choices, adamW(1e-3, 10), reference);
        if (critic.definition.writesChain) {
          const { valueLoss } = await step;
          assert.equal(valueLoss > 0, critic.definition.valueHead !== undefined, critic.name);
        } else await assert.rejects(step, usage(`critic: "${critic.name}"`));
      }
    }
  }));
