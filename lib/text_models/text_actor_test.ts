import assert from "node:assert/strict";
import { byteWeights } from "./byte_weights.ts";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { RunningSumEnvironment } from "../env/running_sum.ts";
import type { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import { batchLength } from "../nn/batch.ts";
import { adamW } from "../nn/optimizer.ts";
import { RandomStream } from "../numeric/random.ts";
import { rightContinuationValues } from "./right_continuation.ts";
import { TextActor } from "./text_actor.ts";
import { byteModel, writing } from "./testing.ts";
import { ByteTokenizer } from "./text_tokenizer.ts";

const task = new RunningSumEnvironment();
const problem = task.state(7, [3, 6]);
const KEY = { seed: 1, purpose: "text-actor-test", firstRow: 0 };
const actorOf = (model: CausalLanguageModel, of = task) =>
  new TextActor(model, new ByteTokenizer(), of, 40);

Deno.test("responses are cut into steps, and judged by what can be read", async () => {
  const texts = [
    " 7+3=0 0+6=6\n",
    " 7+3=1 1+6=7\n",
    " 7+3=0 0+6",
    " 7+3=0 so 6\n",
    "no",
  ];
  const responses = await actorOf(writing(texts)).sample(texts.map(() => problem), KEY);
  assert.deepEqual(responses.map(({ reward }) => reward), [1, 0, 0, 0, 0]);
  assert.equal(responses[0]!.text, " 7+3=0 0+6=6");
  assert.deepEqual(
    responses.map(({ steps }) => steps.map(({ firstToken, state }) => [firstToken, state.written])),
    [
      // The last result ends the problem: what comes after it belongs to its step.
      [[0, []], [6, [0]]],
      [[0, []], [6, [1]]],
      [[0, []], [6, [0]]],
      [[0, []], [6, [0]]],
      [[0, []]],
    ],
  );
});

Deno.test("demonstrations end with the stop text", () => {
  const end = task.state(7, [3, 6], [0, 6]);
  const { tokens, targets, weights } = actorOf(writing([])).demonstration(end);
  const prompt = "Start 7: +3 +6\nSteps:", response = " 7+3=0 0+6=6\n";
  const text = (tokens: readonly number[]) => new ByteTokenizer().decode(tokens);
  assert.equal(text(tokens), prompt + response.slice(0, -1));
  assert.equal(text(targets!.slice(prompt.length - 1)), response);
  assert.deepEqual(weights, targets!.map((_, i) => i >= prompt.length - 1 ? 1 : 0));
});

Deno.test("an actor learns its demonstrations; its values are its successes", async () => {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    const short = new RunningSumEnvironment({ minLength: 1, maxLength: 1 });
    const actor = actorOf(byteModel(byteWeights(engine, "float32"), { languageHead: true }), short);
    // One problem, right in half of the demonstrations.
    const start = short.state(7, [5]);
    const ends = [[2], [3]].map((written) => short.state(7, [5], written));
    const sequences = ends.map((end) => actor.demonstration(end));
    for (let step = 0; step < 80; step++) {
      await actor.model.train(sequences, batchLength(sequences), adamW(1e-2, 80));
    }
    const [value, wrong] = await rightContinuationValues(actor, [start, ends[1]!]);
    assert.equal(wrong, 0);
    assert.ok(value! > 0.3 && value! < 0.7, `${value}`);
    const responses = await actor.sample(new Array(400).fill(start), KEY);
    const rate = responses.reduce((sum, { reward }) => sum + reward, 0) / 400;
    assert.ok(Math.abs(rate - value!) < 4 * Math.sqrt(value! * (1 - value!) / 400), `${rate}`);

    // Log-probabilities are those of the tokens that were written.
    const right = responses.find(({ reward }) => reward === 1)!;
    const [own] = await actor.logProbabilities([right]);
    assert.equal(own!.length, right.tokens.length);
    const sum = own!.reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(Math.exp(sum) - value!) < 1e-4, `${Math.exp(sum)}, ${value}`);
  } finally {
    engine.close();
  }
});

Deno.test("states on the way to one end share a pass, and have the value that each has alone", async () => {
  const engine = await WasmEngine.create({ threads: 1 });
  try {
    const model = byteModel(byteWeights(engine, "float32"), { languageHead: true });
    const passes: number[] = [], forward = model.forward.bind(model);
    model.forward = (sequences, ...rest) => {
      passes.push(sequences.length);
      return forward(sequences, ...rest);
    };
    const actor = actorOf(model);
    const states = [[], [0], [], [0, 6], [1], [0, 6, 8]].map((written) =>
      task.state(7, [3, 6, 2], written)
    );
    const together = await rightContinuationValues(actor, [...states, task.state(1, [2])]);
    const alone: number[] = [];
    for (const state of states) alone.push((await rightContinuationValues(actor, [state]))[0]!);
    assert.deepEqual(together.slice(0, -1), alone);
    assert.equal(passes[0], 2);
    assert.ok(alone[0]! > 0 && alone[0]! < alone[1]! && alone[4] === 0, `${alone}`);
  } finally {
    engine.close();
  }
});

Deno.test("where an actor is sure, its value is a product over the rest, end included", async () => {
  // log 0.9 a token.
  const model = {
    forward: (_: unknown, rows: readonly unknown[]) =>
      Promise.resolve({ logProbs: Float32Array.from(rows.flatMap(() => [Math.log(0.9), 0])) }),
  } as unknown as CausalLanguageModel;
  const actor = actorOf(model);
  const states = [task.state(7, [3, 6]), task.state(7, [3, 6], [1]), task.state(7, [3, 6], [0])];
  const values = await rightContinuationValues(actor, states);
  // " 7+3=0 0+6=6\n" has 13 tokens, " 0+6=6\n" 7.
  assert.ok(Math.abs(values[0]! - 0.9 ** 13) < 1e-6);
  assert.equal(values[1], 0);
  assert.ok(Math.abs(values[2]! - 0.9 ** 7) < 1e-6);
  const random = new RandomStream({ seed: 1, purpose: "text-actor-test" });
  const lost = task.rollout(random, states[1]!, task.expert).state;
  assert.deepEqual(await rightContinuationValues(actor, [lost]), [0]);
});
