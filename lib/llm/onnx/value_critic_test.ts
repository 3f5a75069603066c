import assert from "node:assert/strict";
import { RolloutTokenizer } from "../../rollouts/tokenizer.ts";
import { sumRollout } from "../critic/testing.ts";
import { OnnxModel } from "./onnx_model.ts";
import expected from "./testdata/expected.json" with { type: "json" };
import { onnxTests, testFile } from "./testing.ts";
import { OnnxValueCritic } from "./value_critic.ts";

const test = await onnxTests();

const PROMPT = 5;
const record = sumRollout({
  prompt: { tokens: expected.ids.slice(0, PROMPT) },
  response: { tokens: expected.ids.slice(PROMPT) },
});
const question = (at: number, of = record) => ({
  state: { record: of, at, unit: "token" as const },
  context: {},
});
const linear = { kind: "linear", low: 0, high: 1 } as const;

/** How often models were run while `action` ran. */
async function countRuns(action: () => Promise<void>): Promise<number> {
  const { run } = OnnxModel.prototype;
  let runs = 0;
  OnnxModel.prototype.run = function (...args) {
    runs++;
    return run.apply(this, args);
  };
  try {
    await action();
  } finally {
    OnnxModel.prototype.run = run;
  }
  return runs;
}

test("values are PyTorch's, those of all states of a rollout from one pass", async () => {
  const critic = await OnnxValueCritic.open(testFile("value_head.onnx"), {
    scale: { kind: "logit" },
  });
  const states = Array.from({ length: expected.ids.length - PROMPT + 1 }, (_, at) => at);
  states.reverse();
  const other = sumRollout({ prompt: { tokens: [7] }, response: { tokens: [8, 9] } });
  const runs = await countRuns(async () => {
    const questions = [...states.map((at) => question(at)), question(2, other)];
    const answers = await critic.values(questions);
    states.forEach((at, i) => {
      const raw = expected.values[PROMPT + at - 1]!;
      assert.ok(
        Math.abs(answers[i]!.raw - raw) < 1e-5,
        `token ${at}: ${answers[i]!.raw}, not ${raw}`,
      );
      assert.ok(Math.abs(answers[i]!.value - 1 / (1 + Math.exp(-raw))) < 1e-5);
      assert.equal(answers[i]!.expectation, null);
    });
  });
  assert.equal(runs, 2, "one for each of two rollouts");
  assert.equal(critic.name, "value_head.onnx");
  await critic.close();
});

test("states in characters and steps are those of their text", async () => {
  const tokenizer = RolloutTokenizer.load(testFile("tokenizer.json"));
  const critic = await OnnxValueCritic.open(testFile("value_head.onnx"), {
    scale: linear,
    tokenizer,
  });
  const text = "3+14 = 17";
  const asText = sumRollout({
    prompt: { text: "3+" },
    response: { text: "14 = 17" },
    steps: ["14 =", "17"],
  });
  const ids = tokenizer.encode(text);
  assert.deepEqual(ids, expected.ids.slice(0, ids.length), "the tokenizer is Python's");
  const [char, step, token, all] = await critic.values([
    { state: { record: asText, at: 2, unit: "char" }, context: {} },
    { state: { record: asText, at: 1, unit: "step" }, context: {} },
    { state: { record: asText, at: 2, unit: "token" }, context: {} },
    { state: { record: asText, at: 7, unit: "char" }, context: {} },
  ]);
  const near = (raw: number, index: number) =>
    assert.ok(Math.abs(raw - expected.values[index]!) < 1e-5);
  near(char!.raw, 3);
  near(token!.raw, 3);
  near(all!.raw, ids.length - 1);
  // " =" is one token of the text, and of the step that ends in it.
  near(step!.raw, 4);
  assert.equal(all!.value, Math.max(0, Math.min(1, all!.raw)));
  await critic.close();
});

test("text without a tokenizer, and states beyond the response, name the remedy", async () => {
  const critic = await OnnxValueCritic.open(testFile("value_head.onnx"), { scale: linear });
  const cases = [
    [question(1, sumRollout()), /tokenizer: "missing": give the model's tokenizer\.json/],
    [question(99), /state: "token 99": the response has \d+ tokens/],
    [question(0, sumRollout({ prompt: { tokens: [] } })), /prompt and response have no token/],
    [
      question(1, sumRollout({ prompt: { tokens: [4000] }, response: { tokens: [1] } })),
      /value_head\.onnx.*input_ids \[1,2\]/,
    ],
  ] as const;
  for (const [asked, message] of cases) await assert.rejects(critic.values([asked]), message);
  await critic.close();
});

test("models that are no value heads over tokens are refused", async () => {
  const cases = {
    "bidirectional.onnx": /not causal.*it sees tokens to come/,
    "pooled.onnx": /for 4 tokens its output logits is float32 \[1,1\]/,
    "two_labels.onnx": /float32 \[1,4,2\]; one float32 a token is needed/,
    "other_output.onnx": /"reward": no output is called values or logits/,
    "other_input.onnx": /"token_type_ids": an input that is not known here; known are input_ids/,
    "causal_lm.onnx": /past_key_values\.0\.key/,
    "missing.onnx": /"missing": give the path of an ONNX file/,
    "config.json": /ONNX Runtime cannot load it/,
  };
  for (const [name, message] of Object.entries(cases)) {
    await assert.rejects(OnnxValueCritic.open(testFile(name), { scale: linear }), message, name);
  }
  await assert.rejects(
    OnnxValueCritic.open(testFile("."), { scale: linear }),
    /model\.onnx.*"missing"/,
  );
});

test("a head that says NaN is no value of 0", async () => {
  await assert.rejects(async () => {
    const critic = await OnnxValueCritic.open(testFile("not_a_number.onnx"), { scale: linear });
    try {
      await critic.values([question(1)]);
    } finally {
      await critic.close();
    }
  }, /NaN/);
});
