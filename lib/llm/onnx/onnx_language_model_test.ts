import assert from "node:assert/strict";
import { join } from "node:path";
import { LlmCritic } from "../critic/llm_critic.ts";
import { begunPrompt } from "../critic/prompt.ts";
import { sumRollout } from "../critic/testing.ts";
import { type CompletionRequest, FULL_SAMPLING, GREEDY } from "../language_model.ts";
import { ChatTemplate } from "../chat_template.ts";
import { OnnxLanguageModel } from "./onnx_language_model.ts";
import expected from "./testdata/expected.json" with { type: "json" };
import { onnxTests, testFile } from "./testing.ts";

const test = await onnxTests();

async function withModel(use: (model: OnnxLanguageModel) => Promise<void>): Promise<void> {
  const model = await OnnxLanguageModel.open(testFile("causal_lm.onnx"), { name: "tiny" });
  try {
    await use(model);
  } finally {
    await model.close();
  }
}

const greedy = { prompt: expected.ids, sampling: GREEDY, maxTokens: expected.greedy.length };

function logSoftmax(logits: readonly number[]): number[] {
  const top = Math.max(...logits);
  const total = top + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - top), 0));
  return logits.map((x) => x - total);
}

test("log-probabilities are PyTorch's, after a prompt that is run in parts too", async () => {
  await withModel(async (model) => {
    for (const { ids, logits } of [expected, expected.long]) {
      const exact = logSoftmax(logits);
      const [completion] = await model.complete({
        prompt: ids,
        sampling: GREEDY,
        maxTokens: 1,
        topLogProbabilities: 300,
      });
      const { top, ...own } = completion!.logProbabilities![0]!;
      assert.equal(top.length, exact.length);
      for (const { id, logProbability } of top) {
        const wanted = exact[id!]!;
        assert.ok(
          Math.abs(logProbability - wanted) < 1e-5,
          `${id}: ${logProbability}, not ${wanted}`,
        );
      }
      assert.deepEqual(own, top[0]);
      assert.equal(own.id, exact.indexOf(Math.max(...exact)));
    }
  });
});

test("greedy decoding with a cache writes what PyTorch writes", async () => {
  await withModel(async (model) => {
    const [completion] = await model.complete({ ...greedy, topLogProbabilities: 0 });
    assert.deepEqual(completion!.tokens, expected.greedy);
    assert.equal(completion!.text, model.tokenizer.decode(expected.greedy));
    assert.equal(completion!.tokenCount, expected.greedy.length);
    assert.equal(completion!.finishReason, expected.greedy.at(-1) === 2 ? "stop" : "length");
    assert.deepEqual(completion!.logProbabilities!.map(({ id }) => id), expected.greedy);
    // With the words before in the prompt instead of the cache.
    const [later] = await model.complete({
      ...greedy,
      prompt: [...expected.ids, ...expected.greedy.slice(0, 5)],
      maxTokens: expected.greedy.length - 5,
      topLogProbabilities: 1,
    });
    later!.logProbabilities!.forEach(({ logProbability }, i) => {
      const cached = completion!.logProbabilities![i + 5]!.logProbability;
      assert.ok(Math.abs(logProbability - cached) < 1e-5);
    });
  });
});

test("samples are the seed's, one for each of the count", async () => {
  await withModel(async (model) => {
    const request = { ...greedy, sampling: FULL_SAMPLING, seed: 3, count: 4 };
    const texts = async (changes: Partial<CompletionRequest> = {}) =>
      (await model.complete({ ...request, ...changes })).map(({ text }) => text);
    const all = await texts();
    assert.deepEqual(await texts(), all);
    assert.ok(new Set(all).size > 1);
    assert.deepEqual(await texts({ seed: 5, count: 1 }), [all[2]]);
    // Asked at the same time, each has its own.
    const both = await Promise.all([texts(), texts({ seed: 5, count: 1 })]);
    assert.deepEqual(both, [all, [all[2]]]);
    await assert.rejects(
      model.complete({ prompt: [1], sampling: FULL_SAMPLING, maxTokens: 1 }),
      /seed: undefined: give one/,
    );
  });
});

test("the first token is drawn as often as it is likely", async () => {
  await withModel(async (model) => {
    const count = 2000;
    const drawn = await model.complete({
      ...greedy,
      sampling: FULL_SAMPLING,
      seed: 1,
      count,
      maxTokens: 1,
    });
    const exact = logSoftmax(expected.logits).map(Math.exp);
    for (const [id, p] of exact.entries()) {
      const share = drawn.filter(({ tokens }) => tokens![0] === id).length / count;
      assert.ok(
        Math.abs(share - p) < 5 * Math.sqrt(p * (1 - p) / count) + 1e-3,
        `${id}: ${share}, not ${p}`,
      );
    }
  });
});

test("a completion ends before a stop string, and at the end token", async () => {
  await withModel(async (model) => {
    const [whole] = await model.complete(greedy);
    const stop = whole!.text.slice(3, 5);
    assert.equal(stop.length, 2);
    const [cut] = await model.complete({ ...greedy, stop: ["never there", stop] });
    assert.equal(cut!.text, whole!.text.slice(0, whole!.text.indexOf(stop)));
    assert.equal(cut!.finishReason, "stop");
    assert.ok(cut!.tokens!.length < whole!.tokens!.length);

    const sampled = await model.complete({
      ...greedy,
      sampling: FULL_SAMPLING,
      seed: 1,
      count: 40,
      maxTokens: 30,
    });
    const ended = sampled.filter(({ finishReason }) => finishReason === "stop");
    assert.ok(ended.length > 0);
    for (const { text, tokens } of ended) {
      assert.equal(tokens!.indexOf(2), tokens!.length - 1);
      assert.ok(!text.includes("<|im_end|>"));
    }
  });
});

test("text is read by the tokenizer, chats by the template", async () => {
  await withModel(async (model) => {
    const tokens = async (prompt: CompletionRequest["prompt"]) =>
      (await model.complete({ ...greedy, prompt }))[0]!.tokens;
    assert.deepEqual(await tokens(expected.text), expected.greedy);
    const { messages, text } = expected.chats[1] as { messages: never[]; text: string };
    assert.deepEqual(await tokens(messages), await tokens(text));
  });
});

Deno.test("chats are written as transformers writes them", () => {
  const template = ChatTemplate.load(testFile("."))!;
  for (const { messages, text } of expected.chats) {
    assert.equal(template.render(messages as []), text);
  }
  assert.throws(
    () => new ChatTemplate("t.json", "{{ raise_exception('no system') }}", {}).render([]),
    /no system/,
  );
  assert.throws(() => new ChatTemplate("t.json", "{% for %}", {}), /t\.json: "chat template"/);
});

test("what cannot be asked is named", async () => {
  await withModel(async (model) => {
    const cases: [Partial<CompletionRequest>, RegExp][] = [
      [{ pattern: "[0-9]" }, /pattern: "\[0-9\]": answers cannot be forced here/],
      [{ prompt: [] }, /prompt: "empty"/],
      [{ prompt: [999] }, /prompt: "token 999": the model has 266 tokens/],
      [{ prompt: Array(128).fill(1) }, /prompt: "128 tokens": the model has room for 128/],
      [{ sampling: { ...GREEDY, topP: 0 } }, /topP: 0/],
    ];
    for (const [changes, message] of cases) {
      await assert.rejects(model.complete({ ...greedy, ...changes }), message);
    }
    const [last] = await model.complete({ ...greedy, prompt: Array(126).fill(1), maxTokens: 50 });
    assert.ok(last!.tokens!.length <= 2, "no further than the model's context");
  });
});

test("a critic can be a model in an ONNX file", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "genac onnx " });
  try {
    for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
      Deno.copyFileSync(testFile(name), join(folder, name));
    }
    Deno.copyFileSync(testFile("causal_lm.onnx"), join(folder, "model.onnx"));
    Deno.writeTextFileSync(join(folder, "config.json"), '{"eos_token_id": 2}');
    const model = await OnnxLanguageModel.open(folder);
    const critic = new LlmCritic(model, { reasoning: false, samples: 2, temperature: 1 });
    const question = {
      state: { record: sumRollout(), at: 9, unit: "char" as const },
      context: {},
    };
    const [answer] = await critic.values([question]);
    assert.deepEqual(await critic.values([question]), [answer]);
    assert.equal(answer!.responses!.length, 2);
    assert.ok(answer!.tokensWritten! >= 2 + 1);
    // All that it could write, not the likeliest tokens alone.
    const [whole] = await model.complete({
      prompt: begunPrompt(critic.prompt(question), "<answer>"),
      sampling: GREEDY,
      maxTokens: 1,
      topLogProbabilities: 266,
    });
    const listed = whole!.logProbabilities![0]!.top.slice(0, 20)
      .filter(({ token }) => /^[0-9]$/.test(token.trim()));
    const mass = listed.reduce((sum, { logProbability }) => sum + Math.exp(logProbability), 0);
    assert.ok(Math.abs((answer!.mass ?? 0) - mass) < 1e-6, `${answer!.mass}, not ${mass}`);
    await model.close();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

test("folders that lack something are refused by what they lack", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "genac onnx " });
  try {
    const copy = (name: string, as = name) => Deno.copyFileSync(testFile(name), join(folder, as));
    const open = () => OnnxLanguageModel.open(folder);
    await assert.rejects(open(), /model\.onnx: "missing"/);
    copy("causal_lm.onnx", "model.onnx");
    await assert.rejects(open(), /tokenizer\.json: "missing"/);
    copy("tokenizer.json");
    await assert.rejects(open(), /no eos_token_id/);
    Deno.writeTextFileSync(
      join(folder, "genai_config.json"),
      '{"model": {"eos_token_id": [2, 0]}}',
    );
    const model = await open();
    await assert.rejects(
      model.complete({ ...greedy, prompt: [{ role: "user", content: "3+4?" }] }),
      /no chat template/,
    );
    await model.close();
    copy("value_head.onnx", "model.onnx");
    await assert.rejects(open(), /no output is called logits/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
