import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { createTask } from "../env/registry.ts";
import { sampleStates } from "../env/sampling.ts";
import { WordEvaluationEnvironment, type WordState } from "../env/word_evaluation.ts";
import { WordTable, wordTeacher } from "../env/word_evaluation_teacher.ts";
import { adamW } from "../nn/optimizer.ts";
import { RandomStream } from "../numeric/random.ts";
import { mean } from "../numeric/sums.ts";
import { exactValues } from "./exact_values.ts";
import { localSuccess, localValues, rootValues } from "./local_values.ts";
import { NeuralActor } from "./neural_actor.ts";

const teacher = wordTeacher.parse({ epsilon: 0.1 });
const states = (environment: WordEvaluationEnvironment, count: number) =>
  sampleStates(environment, { seed: 1, purpose: "word-values-test" }, count, {
    actor: teacher,
    split: "train",
  });

const problems = (environment: WordEvaluationEnvironment, count: number) =>
  Array.from({ length: count }, (_, row) =>
    environment.problem(
      new RandomStream({ seed: 2, purpose: "word-values-test/problems", row }),
      { split: "test" },
    ));

/** An actor that writes as the teacher, in the place of a neural one. */
function exemplar(environment: WordEvaluationEnvironment): NeuralActor<WordState> {
  const { actionTokens, group } = environment, table = new WordTable(group, teacher);
  const actionProbabilities: NeuralActor<WordState>["actionProbabilities"] = (
    responses,
    wanted = () => true,
  ) =>
    Promise.resolve(responses.map(({ state, tokens }, i) => {
      const all = [...state.written, ...tokens.map((token) => actionTokens.indexOf(token))];
      const out = new Map<number, number[]>();
      for (let k = 0; k <= tokens.length; k++) {
        const at = state.written.length + k, before = all[at - 1] ?? 0;
        const entry = before * group.generators.length + state.word[at]!;
        if (wanted(i, k)) out.set(k, table.distribution(entry));
      }
      return out;
    }));
  return { environment, actionProbabilities } as unknown as NeuralActor<WordState>;
}

Deno.test("the values of a local policy are exact, in the whole tree", async () => {
  for (const config of [{}, { group: "Z2", minLength: 1, maxLength: 4 }]) {
    const environment = new WordEvaluationEnvironment(config);
    const table = new WordTable(environment.group, teacher);
    const roots = states(environment, 40);
    const trees = await localValues(exemplar(environment), roots);
    assert.equal(trees.length, roots.length);
    trees.forEach((tree, i) => {
      let state = roots[i]!;
      const actions: number[] = [];
      for (;;) {
        const exact = environment.exactValue(state, teacher);
        assert.ok(Math.abs(tree.value(actions) - exact) < 1e-12);
        if (environment.stepsLeft(state) === 0) break;
        const { word, written } = state;
        const entry = (written.at(-1) ?? 0) * environment.group.generators.length +
          word[written.length]!;
        assert.deepEqual(tree.policy(actions), table.distribution(entry));
        actions.push((7 * i + actions.length) % environment.group.order);
        state = environment.act(state, environment.actionTokens[actions.at(-1)!]!);
      }
    });
  }
});

Deno.test("success by one table for all words is exact for a local policy", async () => {
  for (const config of [{}, { group: "Z2", minLength: 1, maxLength: 4 }]) {
    const environment = new WordEvaluationEnvironment(config);
    const asked = problems(environment, 40);
    const success = await localSuccess(exemplar(environment), asked);
    assert.equal(success.length, asked.length);
    asked.forEach((problem, i) => {
      assert.ok(Math.abs(success[i]! - environment.exactValue(problem, teacher)) < 1e-12);
    });
  }
});

Deno.test("a neural actor's values are near those of all its responses, and equal with one to come", async () => {
  const environment = new WordEvaluationEnvironment({ group: "S3", minLength: 3, maxLength: 4 });
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    const actor = new NeuralActor(engine, environment, { dModel: 32, layers: 1 }, 1);
    const data = { seed: 1, purpose: "word-values-test/sft", batchSize: 32 };
    for (let i = 0; i < 150; i++) await actor.supervisedStep(data, teacher, adamW(1e-2, 150));
    const roots = states(environment, 20);
    const exact = await exactValues(actor, roots), local = await localValues(actor, roots);
    assert.ok(roots.some((root) => environment.stepsLeft(root) === 4));
    roots.forEach((root, i) => {
      const [a, b] = [exact[i]!.value([]), local[i]!.value([])];
      assert.ok(Math.abs(a - b) < 0.05, `${b} for ${a}`);
      if (environment.stepsLeft(root) === 1) assert.equal(a, b);
    });

    const asked = problems(environment, 64);
    const all = mean(rootValues(await exactValues(actor, asked)));
    const table = mean(await localSuccess(actor, asked));
    assert.ok(all > 0.1 && all < 0.9, `${all}`);
    assert.ok(Math.abs(all - table) < 0.02, `${table} for ${all}`);
  } finally {
    engine.close();
  }
});

Deno.test("policies are read after a single mistake at most, once after every element", async () => {
  const environment = new WordEvaluationEnvironment();
  const [root] = states(environment, 8).filter((state) => environment.stepsLeft(state) > 3);
  const actor = exemplar(environment), asked: string[] = [];
  const { actionProbabilities } = actor;
  actor.actionProbabilities = (responses, wanted = () => true) => {
    responses.forEach(({ state, tokens }, i) => {
      // The tokens after the first are those of the teacher that makes no mistake.
      const mistaken = environment.act(state, tokens[0]!);
      const random = new RandomStream({ seed: 1, purpose: "unused" });
      const right = environment.demonstration(random, mistaken, environment.expertTeacher);
      assert.deepEqual(tokens.slice(1), right.slice(0, -1));
      for (let k = 0; k <= tokens.length; k++) {
        if (wanted(i, k)) asked.push(`${k} ${k === 0 ? "" : tokens[k - 1]}`);
      }
    });
    return actionProbabilities(responses, wanted);
  };
  await localValues(actor, [root!]);
  assert.equal(new Set(asked).size, asked.length);
  assert.equal(asked.length, 1 + 60 * (environment.stepsLeft(root!) - 1));
});

Deno.test("complete responses and other tasks are refused", async () => {
  const environment = new WordEvaluationEnvironment({ group: "S3", minLength: 1, maxLength: 1 });
  const start = environment.state(["rot"]), end = environment.state(["rot"], ["e"]);
  await assert.rejects(localValues(exemplar(environment), [start, end]), {
    name: "RangeError",
    message: "root 1: its response is complete",
  });
  await assert.rejects(localSuccess(exemplar(environment), [start, end]), {
    name: "RangeError",
    message: "problem 1: its response has begun",
  });
  const sat = { environment: createTask("sat") } as unknown as NeuralActor<unknown>;
  await assert.rejects(localValues(sat, []), {
    name: "UsageError",
    message: /^environment: "sat": local values are those of circuit and word-evaluation only; /,
  });
});
