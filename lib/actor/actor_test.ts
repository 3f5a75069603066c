/** The neural actor and its values: sampled frequencies, exact values and policy tables must agree. */
import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { CircuitEnvironment, type CircuitState } from "../env/circuit.ts";
import { SatEnvironment, type SatState } from "../env/sat.ts";
import type { TaskEnvironment } from "../env/task.ts";
import { UsageError } from "../errors.ts";
import { adamW } from "../nn/optimizer.ts";
import { exp } from "../numeric/math.ts";
import { RandomStream } from "../numeric/random.ts";
import { exactValues } from "./exact_values.ts";
import { localValues } from "./local_values.ts";
import { NeuralActor } from "./neural_actor.ts";

const circuits = new CircuitEnvironment({ modulus: 5, minGates: 3, maxGates: 3 });
const formulas = new SatEnvironment({ minVariables: 4, maxVariables: 4, clauseRatio: 2 });
const size = { dModel: 16, layers: 1 };

async function withActor<State>(
  environment: TaskEnvironment<State, unknown>,
  test: (actor: NeuralActor<State>, problems: State[]) => Promise<void>,
): Promise<void> {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    const actor = new NeuralActor(engine, environment, size, 3);
    const problems = [0, 1].map((row) =>
      environment.problem(new RandomStream({ seed: 1, purpose: "actor-test", row }), {
        split: "train",
      })
    );
    await test(actor, problems);
  } finally {
    engine.close();
  }
}

/** A few steps towards a teacher without faults, so that policies are neither uniform nor certain. */
async function trained(actor: NeuralActor<CircuitState>): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await actor.supervisedStep(
      { seed: 1, purpose: "actor-test/sft", batchSize: 16 },
      { kind: "slips", epsilon: 0 },
      adamW(1e-2, 40),
    );
  }
}

Deno.test("sampled responses have the frequencies of the exact values, invalid tokens included", () =>
  withActor(circuits, async (actor, problems) => {
    await trained(actor);
    const trees = await exactValues(actor, problems);
    const n = 2000;
    for (const [i, problem] of problems.entries()) {
      const responses = await actor.sample(new Array(n).fill(problem), {
        seed: 5,
        purpose: "actor-test/responses",
        firstRow: i * n,
      });
      const v = trees[i]!.value([]), p = responses.filter((r) => r.reward === 1).length / n;
      assert.ok(v > 0 && v < 1);
      assert.ok(Math.abs(p - v) < 4 * Math.sqrt(v * (1 - v) / n), `${p} against ${v}`);
      for (const { states, tokens, final, reward } of responses.slice(0, 50)) {
        assert.equal(states.length, tokens.length);
        if (final === null) assert.equal(reward, 0);
        else assert.equal(reward, circuits.verify(final));
      }
    }
  }));

Deno.test("filters and temperature reach generation", () =>
  withActor(circuits, async (actor, problems) => {
    const key = { seed: 2, purpose: "actor-test/filter", firstRow: 0 };
    const greedy = await actor.sample(problems, key, 0);
    assert.deepEqual(await actor.sample(problems, key, 1, { topK: 1 }), greedy);
    assert.deepEqual(await actor.sample(problems, key, 1, { topP: 1e-9 }), greedy);
    assert.notDeepEqual(await actor.sample(problems, key), greedy);
    for (const temperature of [NaN, -1, 1e-45]) {
      await assert.rejects(actor.sample(problems, key, temperature), /^UsageError: temperature: /);
    }
  }));

Deno.test("a value is the mean of the next ones under the policy, down to the outcome", () =>
  withActor(formulas, async (actor, problems) => {
    const trees = await exactValues(actor, problems);
    problems.forEach((problem: SatState, i) => {
      const { value, policy } = trees[i]!;
      for (const actions of [[], [1], [0, 1], [1, 1, 0]]) {
        const mean = policy(actions).reduce((sum, q, a) => sum + q * value([...actions, a]), 0);
        assert.ok(Math.abs(value(actions) - mean) < 1e-12);
      }
      const bits = [1, 0, 1, 1];
      const end = bits.reduce((s, b) => formulas.act(s, formulas.actionTokens[b]!), problem);
      assert.equal(value(bits), formulas.verify(end));
    });
  }));

Deno.test("a subtree's values are those of the tree", () =>
  withActor(circuits, async (actor, [problem]) => {
    const [tree] = await exactValues(actor, [problem!]);
    const later = circuits.act(problem!, circuits.actionTokens[2]!);
    const [subtree] = await exactValues(actor, [later]);
    assert.ok(Math.abs(tree!.value([2]) - subtree!.value([])) < 1e-6);
    assert.ok(Math.abs(tree!.value([2, 4]) - subtree!.value([4])) < 1e-6);
  }));

Deno.test("log-probabilities are those of the policy", () =>
  withActor(circuits, async (actor, [problem]) => {
    const [tree] = await exactValues(actor, [problem!]);
    const responses = await actor.sample(new Array(8).fill(problem), {
      seed: 2,
      purpose: "actor-test/log",
      firstRow: 0,
    });
    const logs = await actor.logProbabilities(responses);
    responses.forEach(({ tokens }, i) => {
      const actions = tokens.map((token) => circuits.actionTokens.indexOf(token));
      actions.forEach((a, t) => {
        if (a < 0) return;
        assert.ok(Math.abs(exp(logs[i]![t]!) - tree!.policy(actions.slice(0, t))[a]!) < 1e-5);
      });
    });
  }));

Deno.test("policy-table values are near the exact ones, and equal where nothing is left to chance", () =>
  withActor(circuits, async (actor, problems) => {
    await trained(actor);
    const written = problems.map((state) =>
      circuits.act(circuits.act(state, circuits.actionTokens[1]!), circuits.actionTokens[3]!)
    );
    const roots = [...problems, ...written];
    const exact = await exactValues(actor, roots), local = await localValues(actor, roots);
    roots.forEach((root, i) => {
      const [a, b] = [exact[i]!.value([]), local[i]!.value([])];
      assert.ok(Math.abs(a - b) < 0.05, `${b} for ${a}`);
      // With one gate left all operands are as written: the table's context is the state itself where those are right.
      if (circuits.stepsLeft(root) === 1) assert.ok(Math.abs(a - b) < 0.02);
    });
  }));

Deno.test("too many responses, and complete ones, are refused", () =>
  withActor(circuits, async (actor) => {
    const large = new CircuitEnvironment({ modulus: 5, minGates: 7, maxGates: 7 });
    const engine = await WasmEngine.create({ threads: 1 });
    const other = new NeuralActor(engine, large, size, 1);
    const [state] = [
      large.problem(new RandomStream({ seed: 1, purpose: "x" }), { split: "train" }),
    ];
    await assert.rejects(() => exactValues(other, [state!]), UsageError);
    engine.close();
    const tokens = [0, 1, 2].map((v) => circuits.actionTokens[v]!);
    const problem = circuits.problem(new RandomStream({ seed: 1, purpose: "x" }), {
      split: "train",
    });
    const end = tokens.reduce((s, token) => circuits.act(s, token), problem);
    const key = { seed: 1, purpose: "x", firstRow: 0 };
    await assert.rejects(() => actor.sample([end], key), RangeError);
  }));

Deno.test("an actor writes any number of responses", () =>
  withActor(circuits, async (actor, [problem]) => {
    const key = { seed: 1, purpose: "actor-test/many", firstRow: 0 };
    const responses = await actor.sample(new Array(130_000).fill(problem), key);
    assert.equal(responses.length, 130_000);
    const [alone] = await actor.sample([problem!], { ...key, firstRow: 129_999 });
    assert.deepEqual(responses.at(-1), alone);
  }));
