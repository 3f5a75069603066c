import assert from "node:assert/strict";
import { byteWeights } from "./byte_weights.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { RunningSumEnvironment } from "../env/running_sum.ts";
import type { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import { batchLength } from "../nn/batch.ts";
import { adamW } from "../nn/optimizer.ts";
import { exp } from "../numeric/math.ts";
import { criticHeads, responseSequence, TextCritic, type TextCriticName } from "./text_critic.ts";
import { byteModel, writing } from "./testing.ts";
import { ByteTokenizer } from "./text_tokenizer.ts";

const task = new RunningSumEnvironment();
const tokenizer = new ByteTokenizer();
const state = task.state(7, [3, 6], [0]);
const question = { state, context: {} };

function criticOf(
  name: TextCriticName,
  model: CausalLanguageModel,
  options: Partial<TextCritic<unknown>["options"]> = {},
) {
  return new TextCritic(name, model, tokenizer, task, { maxTokens: 80, ...options });
}

Deno.test("a chain of thought is learned after the prompt, the answer's digits with their weight", () => {
  const critic = criticOf("chain", writing([]), { answerWeight: 5 });
  const prompt = "Start 7: +3 +6\nSteps: 7+3=0\nCritic:";
  const response = " 7+3=0 ok 0+6=6 easy so hard 0 <answer>10</answer>";
  const { tokens, targets, weights } = critic.encode({ ...question, value: 1 });
  assert.equal(tokenizer.decode(tokens), (prompt + response).slice(0, -1));
  // What is read up to a token predicts the next one.
  assert.equal(tokens.length, targets!.length);
  assert.deepEqual(targets!.slice(prompt.length - 1), tokenizer.encode(response));
  const learned = tokens.map((_, i) => i >= prompt.length - 1);
  weights!.forEach((weight, i) => {
    const isDigit = targets![i] === "1".charCodeAt(0) || i === weights!.length - 10;
    assert.equal(weight, !learned[i] ? 0 : isDigit ? 5 : 1, `token ${i}`);
  });
});

Deno.test("an answer at once has no chain; a head learns at the prompt's last token alone", () => {
  assert.equal(
    criticOf("one-shot", writing([])).response({ ...question, value: 0.54 }),
    " <answer>5</answer>",
  );
  const { tokens, valueTargets, valueWeights, targets } = criticOf("head", writing([]))
    .encode({ ...question, value: 0.25 });
  assert.equal(tokenizer.decode(tokens), "Start 7: +3 +6\nSteps: 7+3=0\nCritic:");
  assert.equal(targets, undefined);
  assert.deepEqual(valueTargets, tokens.map((_, i) => i === tokens.length - 1 ? 0.25 : 0));
  assert.deepEqual(valueWeights, tokens.map((_, i) => i === tokens.length - 1 ? 1 : 0));
  assert.throws(
    () => criticOf("head", writing([])).encode({ ...question, value: 2 }),
    /UsageError/,
  );
});

Deno.test("answers are read as the paper has them; what cannot be parsed has no value", async () => {
  const right = " 7+3=0 ok 0+6=6 easy so hard 0";
  const critic = criticOf(
    "chain",
    writing([`${right} <answer>7</answer>`, " <answer>x</answer>", " 7"]),
  );
  const answers = await critic.values([question, question, question]);
  assert.deepEqual(answers.map(({ value }) => value), [0.7, null, null]);
  assert.equal(answers[0]!.reasoning, task.traceText(state));
  assert.deepEqual(answers.slice(1).map(({ reasoning }) => reasoning), [undefined, undefined]);
  assert.deepEqual(answers.map(({ responses }) => responses![0]!.length), [49, 19, 2]);
});

Deno.test("critics learn what they are taught, and are asked as they learned", async () => {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    const weights = byteWeights(engine, "float32");
    const labelled = [
      { state: task.state(7, [3, 6], [0]), context: {}, value: 1 },
      { state: task.state(2, [9, 4], [1]), context: {}, value: 0.3 },
    ];
    for (const name of ["one-shot", "head"] as const) {
      const critic = criticOf(name, byteModel(weights, criticHeads(name)), { expectation: true });
      const sequences = labelled.map((one) => critic.encode(one));
      const optimizer = adamW(1e-2, 120);
      for (let step = 0; step < 120; step++) {
        await critic.model.train(sequences, batchLength(sequences), optimizer);
      }
      const answers = await critic.values(labelled);
      answers.forEach(({ value, expectation }, i) => {
        assert.ok(Math.abs(value! - labelled[i]!.value) < 0.06, `${name}: ${value}`);
        if (name === "one-shot") {
          assert.ok(Math.abs(expectation! - labelled[i]!.value) < 0.1, `${expectation}`);
        }
      });
    }
  } finally {
    engine.close();
  }
});

Deno.test("the mean over answers is that of the eleven answers' probabilities", async () => {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    const model = byteModel(byteWeights(engine, "float32"), criticHeads("one-shot"));
    const critic = criticOf("one-shot", model, { expectation: true });
    const sequences = [0, 0.1, 0.4, 1, 1].map((value) => critic.encode({ ...question, value }));
    for (let step = 0; step < 60; step++) {
      await model.train(sequences, batchLength(sequences), adamW(1e-2, 60));
    }
    const [{ value, expectation } = { value: null, expectation: null }] = await critic.values([
      question,
    ]);
    assert.ok(value !== null);
    // Each answer up to the first token of its end tag, teacher-forced: the share of those begun so.
    const prompt = critic.prompt(question);
    const probabilities: number[] = [];
    for (let answer = 0; answer <= 10; answer++) {
      const before = tokenizer.encode(" <answer>");
      const digits = tokenizer.encode(answer === 1 ? "1<" : String(answer));
      const sequence = responseSequence([...prompt, ...before], digits, digits.map(() => 1));
      const rows = digits.map((_, t) => ({
        sequence: 0,
        token: prompt.length + before.length - 1 + t,
      }));
      const { logProbs } = await model.forward([sequence], rows, ["logProbs"]);
      probabilities.push(exp(digits.reduce((sum, _, t) => sum + logProbs[2 * t]!, 0)));
    }
    const mass = probabilities.reduce((a, b) => a + b);
    const mean = probabilities.reduce((sum, p, answer) => sum + p * answer, 0) / mass / 10;
    assert.ok(Math.abs(expectation! - mean) < 1e-5, `${expectation}, ${mean}`);
    assert.ok(mean > 0.1 && mean < 0.9);
  } finally {
    engine.close();
  }
});
