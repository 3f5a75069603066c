import assert from "node:assert/strict";
import { NeuralActor } from "../actor/neural_actor.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { NeuralCritic } from "../critic/neural_critic.ts";
import { criticDefinition } from "../critic/registry.ts";
import { CircuitEnvironment, type CircuitState } from "../env/circuit.ts";
import type { CircuitTeacher } from "../env/circuit_teacher.ts";
import { WordEvaluationEnvironment, type WordState } from "../env/word_evaluation.ts";
import type { WordTeacher } from "../env/word_evaluation_teacher.ts";
import { runningProducts } from "../env/word_evaluation_text.ts";
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

/** Looks a product up in a table of which every entry is right half of the time. */
const coinFlips: WordTeacher = {
  epsilon: 0,
  hardFraction: 1,
  likely: 0.5,
  unlikely: 0.5,
  seed: 1,
};

/** Keeps the states that chains are written about. */
class WatchedWords extends WordEvaluationEnvironment {
  readonly asked: WordState[] = [];

  override reasoningTrace(state: WordState): number[] {
    this.asked.push(state);
    return super.reasoningTrace(state);
  }
}

Deno.test("writers of all skills make fewer mistakes than the teacher, but do make some", async () => {
  const words = { group: "S3", minLength: 6, maxLength: 6 }, rows = 2048;
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    const written = async (writers?: "teacher" | "all skills") => {
      const environment = new WatchedWords(words);
      const cot = criticDefinition("cot");
      const critic = new NeuralCritic<WordState>(engine, cot, environment, size, 1);
      const source = {
        environment,
        teacher: coinFlips,
        knowledge: "privileged" as const,
        seed: 1,
        batchSize: rows,
        difficulty: { min: 6, max: 6 },
        ...(writers && { writers }),
      };
      await traceStep(critic, source, adamW(1e-3, 1));
      return environment.asked;
    };
    const { group } = new WordEvaluationEnvironment(words);
    const withoutMistake = (states: readonly WordState[]) =>
      states.filter(({ word, written }) => {
        const right = runningProducts(group, word);
        return written.every((element, i) => element === right[i]);
      }).length / states.length;
    /** Over 0 to 5 products, each as likely: the mean of a power of the probability that one is right. */
    const expected = (power: (products: number) => number) =>
      [0, 1, 2, 3, 4, 5].reduce((sum, products) => sum + power(products) / 6, 0);

    const teacher = await written("teacher"), skilled = await written("all skills");
    assert.equal(skilled.length, rows);
    assert.deepEqual(await written(), teacher);
    assert.deepEqual(await written("all skills"), skilled);

    // Four standard errors.
    const margin = 4 * Math.sqrt(0.25 / rows);
    const byTeacher = expected((k) => 0.5 ** k);
    assert.ok(Math.abs(withoutMistake(teacher) - byTeacher) < margin);
    // One token in 20 is any of the six, else right with probability (1 + skill) / 2, the skill uniform over [0, 1].
    const worst = 0.95 * 0.5 + 0.05 / 6, best = 0.95 + 0.05 / 6;
    const bySkilled = expected((k) =>
      (best ** (k + 1) - worst ** (k + 1)) / ((k + 1) * (best - worst))
    );
    assert.ok(Math.abs(withoutMistake(skilled) - bySkilled) < margin);
    assert.ok(byTeacher + 3 * margin < bySkilled && bySkilled < 1 - 3 * margin);
  } finally {
    engine.close();
  }
});
