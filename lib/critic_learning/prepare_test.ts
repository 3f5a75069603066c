import assert from "node:assert/strict";
import { NeuralActor } from "../actor/neural_actor.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { criticDefinition } from "../critic/registry.ts";
import { CircuitEnvironment, type CircuitState } from "../env/circuit.ts";
import type { CircuitTeacher } from "../env/circuit_teacher.ts";
import { adamW } from "../nn/optimizer.ts";
import { type Knowledge, RolloutStates, traceStep } from "./prepare.ts";

const environment = new CircuitEnvironment({ modulus: 5, minGates: 2, maxGates: 3 });
const size = { dModel: 16, layers: 1 };

async function withStates(
  states: number,
  test: (rolloutStates: RolloutStates<CircuitState, unknown>, engine: WasmEngine) => Promise<void>,
): Promise<void> {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    const actors = [0.2, 0.7].map((successRate, i) => ({
      actor: new NeuralActor<CircuitState>(engine, environment, size, i + 1),
      successRate,
    }));
    for (const { actor } of actors) {
      for (let i = 0; i < 30; i++) {
        await actor.supervisedStep(
          { seed: 1, purpose: "prepare-test/sft", batchSize: 16 },
          { kind: "slips", epsilon: 0.4 },
          adamW(1e-2, 30),
        );
      }
    }
    const teacher = { kind: "flawed-table" as const, fraction: 1, seed: 1 };
    await test(new RolloutStates(actors, teacher, 3, states), engine);
  } finally {
    engine.close();
  }
}

Deno.test("states are repeated after the last, and from the first for another critic", () =>
  withStates(512, async (rolloutStates) => {
    const first = await rolloutStates.next(512), again = await rolloutStates.next(512);
    assert.deepEqual(again, first);
    const { episodes } = rolloutStates;
    assert.equal(episodes, 512 * 9);
    await rolloutStates.next(7);
    rolloutStates.restart();
    assert.deepEqual((await rolloutStates.next(1))[0], first[0]);
    assert.equal(rolloutStates.episodes, episodes);
  }));

Deno.test("every actor's states come with its own success rate; values are means of 8 outcomes", () =>
  withStates(512, async (rolloutStates) => {
    const labelled = await rolloutStates.next(512);
    const rates = labelled.map(({ context }) => context.successRate);
    assert.deepEqual([...new Set(rates)], [0.2, 0.7]);
    for (const { value, state } of labelled) {
      assert.ok(Number.isInteger(8 * value) && value >= 0 && value <= 1);
      assert.ok(environment.stepsLeft(state) >= 1);
    }
    assert.ok(new Set(labelled.map(({ value }) => value)).size > 2);
  }));

Deno.test("privileged chains are the right ones, equal knowledge's the teacher's", () =>
  withStates(256, async (rolloutStates, engine) => {
    const some = await rolloutStates.next(16);
    const cot = new NeuralCritic(engine, criticDefinition("cot"), environment, size, 1);
    const one = new NeuralCritic(
      engine,
      criticDefinition("discriminative-mse"),
      environment,
      size,
      1,
    );
    const right = rolloutStates.encode(cot, some, "privileged"),
      taught = rolloutStates.encode(cot, some, "equal");
    some.forEach((labelled, i) =>
      assert.deepEqual(right[i], cot.definition.encode(environment, labelled))
    );
    // Every entry of this teacher's table is wrong.
    assert.ok(taught.some((sequence, i) => sequence.tokens.join() !== right[i]!.tokens.join()));
    assert.deepEqual(
      rolloutStates.encode(one, some, "equal"),
      rolloutStates.encode(one, some, "privileged"),
    );
  }));

Deno.test("chains of thought are learned before any outcome, short ones at less cost", async () => {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    const critic = () =>
      new NeuralCritic<CircuitState>(engine, criticDefinition("cot"), environment, size, 1);
    const source = {
      environment,
      teacher: { kind: "slips", epsilon: 0.3 } as CircuitTeacher,
      knowledge: "privileged" as Knowledge,
      seed: 1,
      batchSize: 16,
      difficulty: { min: 1, max: 3 },
    };
    const steps = 80, optimizer = adamW(1e-2, steps);
    const learned = critic();
    const losses: number[] = [];
    while (learned.model.step < steps) {
      losses.push((await traceStep(learned, source, optimizer)).loss);
    }
    const mean = (x: number[]) => x.reduce((a, b) => a + b, 0) / x.length;
    assert.ok(mean(losses.slice(-10)) < 0.5 * mean(losses.slice(0, 10)));
    // The same steps end in the same weights.
    const again = critic();
    while (again.model.step < steps) await traceStep(again, source, optimizer);
    assert.equal(await again.model.digest(), await learned.model.digest());

    const cost = async (gates: number) => {
      const difficulty = { min: gates, max: gates };
      return (await traceStep(critic(), { ...source, difficulty }, optimizer)).flops;
    };
    assert.ok(await cost(1) < 0.6 * await cost(3));

    // A teacher who is always wrong writes other chains; the right ones do not depend on who wrote the response.
    const wrong: CircuitTeacher = { kind: "flawed-table", fraction: 1, seed: 1 };
    const first = async (changes: Partial<typeof source>) => {
      const fresh = critic();
      await traceStep(fresh, { ...source, ...changes, difficulty: { min: 2, max: 2 } }, optimizer);
      return await fresh.model.digest();
    };
    assert.notEqual(
      await first({ knowledge: "equal", teacher: wrong }),
      await first({ knowledge: "privileged", teacher: wrong }),
    );
  } finally {
    engine.close();
  }
});
