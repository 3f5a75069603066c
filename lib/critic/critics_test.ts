import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import type { PermutationState } from "../env/permutation.ts";
import { createEnvironment } from "../env/registry.ts";
import { sampleStates } from "../env/sampling.ts";
import { UsageError } from "../errors.ts";
import { parameterCount } from "../nn/flops.ts";
import { adamW } from "../nn/optimizer.ts";
import { criticTransformer, NeuralCritic } from "./neural_critic.ts";
import { OracleCritic } from "./oracle.ts";
import { criticDefinition, critics } from "./registry.ts";

const environment = createEnvironment("permutation", { group: "S3", minLength: 3, maxLength: 4 });
const { vocabulary } = environment;
const actor = { epsilon: 0.3 };

function labelled(count: number) {
  const states = sampleStates(environment, { seed: 3, purpose: "test/critics" }, count, {
    actor,
    split: "train",
  });
  return states.map((state) => ({
    state,
    context: {},
    value: environment.exactValue(state, actor),
  }));
}

Deno.test("the CoT critic is trained to write the trace and then the value", () => {
  const [example] = labelled(1);
  const prompt = environment.criticPrompt(example!.state, {});
  const trace = environment.reasoningTrace(example!.state);
  const s = criticDefinition("cot").encode(environment, example!);
  assert.deepEqual(s.tokens, [...prompt, vocabulary.think, ...trace]);
  // What is predicted: at TH the first trace token, at the trace's last token the value.
  const predicted = s.targets!.filter((_, i) => s.weights![i]! > 0);
  assert.deepEqual(predicted, [...trace, vocabulary.valueToken(example!.value)]);
  assert.equal(s.weights!.findIndex((w) => w > 0), prompt.length);
  assert.deepEqual(s.weights!.slice(prompt.length), [...trace.map(() => 1), 0.3]);
  assert.equal(s.positions![prompt.length], environment.traceOffset);
});

Deno.test("the controls are trained on the value alone, at the last token", () => {
  const [example] = labelled(1);
  const prompt = environment.criticPrompt(example!.state, {});
  const trace = environment.reasoningTrace(example!.state);
  const oneShot = criticDefinition("one-shot").encode(environment, example!);
  assert.deepEqual(oneShot.tokens, prompt);
  const filler = criticDefinition("filler").encode(environment, example!);
  const fillers = trace.map(() => vocabulary.filler);
  assert.deepEqual(filler.tokens, [...prompt, vocabulary.think, ...fillers]);
  for (const s of [oneShot, filler]) {
    assert.equal(s.targets!.at(-1), vocabulary.valueToken(example!.value));
    assert.deepEqual(s.weights, s.tokens.map((_, i) => i === s.tokens.length - 1 ? 1 : 0));
  }
});

Deno.test("discriminative critics have their target at Q; the auxiliary one has the trace's labels too", () => {
  const [example] = labelled(1);
  const prompt = environment.criticPrompt(example!.state, {});
  const mse = criticDefinition("discriminative-mse").encode(environment, example!);
  assert.deepEqual(mse.tokens, prompt);
  assert.equal(mse.valueTargets!.at(-1), example!.value);
  assert.equal(mse.valueWeights!.reduce((a, b) => a + b), 1);
  const auxiliary = criticDefinition("discriminative-auxiliary").encode(environment, example!);
  assert.deepEqual(
    auxiliary.targets!.filter((_, i) => auxiliary.weights![i] === 1),
    environment.reasoningTrace(example!.state),
  );
});

Deno.test("serial controls differ from their models in architecture alone; loops cost no parameters", () => {
  const [example] = labelled(1);
  const transformer = (name: string) =>
    criticTransformer(criticDefinition(name), environment, { dModel: 32, layers: 2 });
  for (const [base, end] of [["mse", ""], ["auxiliary", "-auxiliary"]] as const) {
    const plain = `discriminative-${base}`;
    const gru = `discriminative-gru${end}`, looped = `discriminative-looped${end}`;
    assert.deepEqual(transformer(gru), { ...transformer(plain), mixer: "gru" });
    assert.deepEqual(transformer(looped), { ...transformer(plain), loops: 6 });
    assert.equal(parameterCount(transformer(looped)), parameterCount(transformer(plain)));
    for (const name of [gru, looped]) {
      assert.deepEqual(
        criticDefinition(name).encode(environment, example!),
        criticDefinition(plain).encode(environment, example!),
      );
    }
  }
});

Deno.test("every critic can learn eight states by heart, and then answers with their values", async (t) => {
  const engine = await WasmEngine.create();
  try {
    const batch = labelled(8);
    for (const name of Object.keys(critics)) {
      await t.step(name, async () => {
        const critic = new NeuralCritic<PermutationState>(
          engine,
          criticDefinition(name),
          environment,
          { dModel: 32, layers: 2 },
          1,
        );
        for (let step = 0; step < 120; step++) await critic.update(batch, adamW(1e-2, 120));
        // Integers from 0 to 10 round to 0.05.
        const tolerance = criticDefinition(name).valueHead?.loss === "squared_error"
          ? 0.03
          : 0.0501;
        (await critic.values(batch)).forEach(({ value, responses }, i) => {
          assert.ok(
            value !== null && Math.abs(value - batch[i]!.value) < tolerance,
            `${i}: ${value}`,
          );
          if (criticDefinition(name).writesChain) {
            const trace = environment.reasoningTrace(batch[i]!.state);
            assert.deepEqual(responses![0]!.slice(0, -1), trace);
          }
        });
      });
    }
  } finally {
    engine.close();
  }
});

Deno.test("what an untrained generative critic writes does not parse: it has no value, not 0", async () => {
  const engine = await WasmEngine.create();
  try {
    const definition = criticDefinition("cot");
    const critic = new NeuralCritic(engine, definition, environment, { dModel: 16, layers: 1 }, 1);
    const answers = await critic.values(labelled(70));
    const failed = answers.filter(({ responses }) =>
      vocabulary.valueOf(responses![0]!.at(-1)!) === undefined
    );
    assert.ok(failed.length > 0);
    for (const { value, expectation } of failed) {
      assert.deepEqual([value, expectation], [null, null]);
    }
    for (const { value } of answers) assert.ok(value === null || (value >= 0 && value <= 1));
  } finally {
    engine.close();
  }
});

Deno.test("values do not depend on what else is asked", async () => {
  const engine = await WasmEngine.create();
  try {
    const questions = labelled(70);
    for (const name of ["discriminative-mse", "cot", "filler"]) {
      const critic = new NeuralCritic(
        engine,
        criticDefinition(name),
        environment,
        { dModel: 16, layers: 1 },
        1,
      );
      assert.deepEqual(
        await critic.values([questions[69]!]),
        (await critic.values(questions)).slice(69),
      );
    }
  } finally {
    engine.close();
  }
});

Deno.test("the oracle gives exact values", async () => {
  const questions = labelled(5);
  const oracle = new OracleCritic(environment, actor);
  assert.deepEqual(
    (await oracle.values(questions)).map((p) => p.value),
    questions.map((q) => q.value),
  );
});

Deno.test("an unknown critic is an error that lists the known ones", () => {
  assert.throws(
    () => criticDefinition("mlp"),
    (e) => e instanceof UsageError && /cot/.test(e.message),
  );
  assert.throws(() => criticDefinition("toString"), UsageError);
});

Deno.test("a critic answers any number of questions", async () => {
  const engine = await WasmEngine.create();
  try {
    const size = { dModel: 16, layers: 1 };
    const critic = new NeuralCritic(engine, criticDefinition("cot"), environment, size, 1);
    const [question] = labelled(1);
    const [alone] = await critic.values([question!]);
    const all = await critic.values(new Array(130_000).fill(question));
    assert.equal(all.length, 130_000);
    assert.deepEqual(all.at(-1), alone);
    assert.deepEqual(await critic.values([]), []);
  } finally {
    engine.close();
  }
});
