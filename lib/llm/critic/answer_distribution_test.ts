import assert from "node:assert/strict";
import { RandomStream } from "../../numeric/random.ts";
import type { Completion } from "../language_model.ts";
import { answerDistribution } from "./answer_distribution.ts";
import { KnownModel } from "./testing.ts";

const begun = (answer: string) => `Your judgement:\n<answer>${answer}`;

Deno.test("the expectation is that of all eleven answers, however the tokenizer writes 10", async () => {
  for (const tenIsOneToken of [false, true]) {
    for (let row = 0; row < 20; row++) {
      const random = new RandomStream({ seed: 1, purpose: "test answers", row });
      const weights = Array.from({ length: 12 }, () => random.uniform() ** 3);
      const total = weights.reduce((a, b) => a + b);
      const answers = weights.slice(0, 11).map((w) => w / total);
      const mass = answers.reduce((a, b) => a + b);
      const exact = answers.reduce((s, p, k) => s + p * k / 10, 0) / mass;

      const model = new KnownModel({ answers, tenIsOneToken });
      const read = (await answerDistribution(model, begun))!;
      assert.ok(Math.abs(read.expectation! - exact) < 1e-12, `${read.expectation}, not ${exact}`);
      assert.ok(Math.abs(read.mass - mass) < 1e-12);
      read.probabilities.forEach((p, k) => assert.ok(Math.abs(p - answers[k]!) < 1e-12, `${k}`));
      assert.equal(model.requests.length, 2);
      assert.equal(read.completions.length, 2);
      assert.ok(model.requests.every(({ maxTokens }) => maxTokens === 1));
    }
  }
});

Deno.test("a critic that is sure of 10 has the value 1, not 0.1", async () => {
  const answers = [...Array(10).fill(0), 1];
  const read = await answerDistribution(new KnownModel({ answers }), begun);
  assert.equal(read!.expectation, 1);
  assert.equal(read!.mass, 1);
});

Deno.test("no second request where 1 cannot begin the answer", async () => {
  const model = new KnownModel({ answers: [0.5, 0, 0, 0, 0, 0, 0, 0.25, 0, 0, 0] });
  const read = await answerDistribution(model, begun);
  assert.equal(model.requests.length, 1);
  assert.equal(read!.mass, 0.75);
  assert.ok(Math.abs(read!.expectation! - 0.7 / 3) < 1e-12);
});

Deno.test("without any answer among the likeliest tokens there is no expectation, and mass 0", async () => {
  const read = await answerDistribution(new KnownModel({ answers: Array(11).fill(0) }), begun);
  assert.deepEqual([read!.expectation, read!.mass], [null, 0]);
});

Deno.test("without log-probabilities there is nothing to read", async () => {
  const model = new KnownModel({ answers: Array(11).fill(1 / 11), hasLogProbabilities: false });
  assert.equal(await answerDistribution(model, begun), null);
});

Deno.test("tokens with white space count, those that only begin with a digit do not", async () => {
  const top = (...pairs: [string, number][]): Completion => {
    const tokens = pairs.map(([token, p]) => ({ token, logProbability: Math.log(p) }));
    return {
      text: "",
      finishReason: "length",
      logProbabilities: [{ ...tokens[0]!, top: tokens }],
    };
  };
  const first = top([" 7", 0.4], ["7", 0.2], ["75", 0.1], ["1", 0.1], ["\n", 0.1], ["7.", 0.05]);
  const second = top([" </", 0.1], ["</answer", 0.2], ["0", 0.1], ["00", 0.3], ["0</", 0.2]);
  const read = await answerDistribution({
    name: "listed",
    complete: ({ prompt }) =>
      Promise.resolve([String(prompt).endsWith("<answer>1") ? second : first]),
  }, begun);
  // 1 against 10: 0.3 against 0.3.
  const expected = [0, 0.05, 0, 0, 0, 0, 0, 0.6, 0, 0, 0.05];
  read!.probabilities.forEach((p, k) =>
    assert.ok(Math.abs(p - expected[k]!) < 1e-12, `${k}: ${p}`)
  );
});
