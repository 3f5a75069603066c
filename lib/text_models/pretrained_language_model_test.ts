import assert from "node:assert/strict";
import { sumRollout } from "../llm/critic/testing.ts";
import { FULL_SAMPLING, GREEDY } from "../llm/language_model.ts";
import { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import { writeAdapter } from "../pretrained/adapter.ts";
import { withFiles } from "../pretrained/testing.ts";
import { type OpenPretrained, openPretrained } from "./open_pretrained.ts";
import { PretrainedLanguageModel } from "./pretrained_language_model.ts";
import { PretrainedValueCritic } from "./pretrained_value_critic.ts";
import { END, modelFiles } from "./testing.ts";

/** The model of a folder while `use` runs. */
async function withModel(
  use: (opened: OpenPretrained, folder: string) => Promise<void>,
): Promise<void> {
  await withFiles(modelFiles(), async (folder) => {
    using opened = await openPretrained(folder, { storage: "float32" });
    await use(opened, folder);
  });
}

Deno.test("a completion is what the model generates, cut at a stop text", () =>
  withModel(async (opened) => {
    const model = new PretrainedLanguageModel(opened);
    const request = { prompt: "7+3=", sampling: GREEDY, maxTokens: 12 };
    const [whole] = await model.complete(request);
    const [expected] = await opened.model.generate(
      [{ tokens: opened.tokenizer.encode("7+3="), row: 0 }],
      { maxTokens: 12, temperature: 0, stop: [END], seed: 0, purpose: "completion" },
    );
    assert.deepEqual(whole!.tokens, expected);
    assert.equal(whole!.text, opened.tokenizer.decode(expected!));
    assert.equal(whole!.tokenCount, expected!.length);
    const third = opened.tokenizer.decode(expected!.slice(2, 3));
    const [cut] = await model.complete({ ...request, stop: [third] });
    assert.equal(cut!.finishReason, "stop");
    assert.equal(cut!.text, whole!.text.slice(0, whole!.text.indexOf(third)));
  }));

Deno.test("completion i of a request draws as the first of seed + i", () =>
  withModel(async (opened) => {
    const model = new PretrainedLanguageModel(opened);
    const request = { prompt: [7, 3, 99], sampling: FULL_SAMPLING, maxTokens: 9 };
    const together = await model.complete({ ...request, seed: 5, count: 3 });
    const apart = [];
    for (const seed of [5, 6, 7]) apart.push(...await model.complete({ ...request, seed }));
    assert.deepEqual(together, apart);
    assert.equal(new Set(together.map(({ text }) => text)).size, 3);
  }));

Deno.test("log-probabilities are the model's own and sum to 1", () =>
  withModel(async (opened) => {
    const model = new PretrainedLanguageModel(opened);
    const [{ tokens, logProbabilities }] = await model.complete({
      ...{ prompt: [7, 3, 99], sampling: { ...FULL_SAMPLING, topK: 5 }, seed: 1, maxTokens: 4 },
      topLogProbabilities: 272,
    }) as [Required<Awaited<ReturnType<typeof model.complete>>[number]>];
    assert.equal(logProbabilities.length, tokens.length);
    for (const { id, logProbability, top } of logProbabilities) {
      const total = top.reduce((sum, one) => sum + Math.exp(one.logProbability), 0);
      assert.ok(Math.abs(total - 1) < 1e-9, `${total}`);
      assert.equal(top.find((one) => one.id === id)!.logProbability, logProbability);
      // Drawn among the five likeliest.
      assert.ok(top.findIndex((one) => one.id === id) < 5);
    }
    const sequence = { tokens: [7, 3, 99, ...tokens], targets: [0, 0, ...tokens, 0] };
    const rows = tokens.map((_, t) => ({ sequence: 0, token: 2 + t }));
    const { logProbs } = await opened.model.forward([sequence], rows, ["logProbs"]);
    logProbabilities.forEach(({ logProbability }, t) =>
      assert.ok(Math.abs(logProbability - logProbs[2 * t]!) < 1e-5)
    );
  }));

Deno.test("what cannot be done is refused by name", () =>
  withModel(async (opened) => {
    const model = new PretrainedLanguageModel(opened);
    const request = { prompt: "a", sampling: FULL_SAMPLING, seed: 1, maxTokens: 4 };
    const refuses = (changes: object, message: RegExp) =>
      assert.rejects(model.complete({ ...request, ...changes }), message);
    await refuses({ sampling: { ...FULL_SAMPLING, minP: 0.1 } }, /minP: 0.1/);
    await refuses({ pattern: "[0-9]" }, /pattern/);
    await refuses({ seed: undefined }, /seed/);
    await refuses({ prompt: "" }, /prompt: "empty"/);
    await refuses({ prompt: [300] }, /token 300/);
    await refuses({ prompt: new Array(1024).fill(1) }, /1024 tokens.*room for 1024/s);
    await refuses({ prompt: [{ role: "user", content: "a" }] }, /no chat template/);
    assert.throws(
      () => new PretrainedValueCritic(opened, { kind: "linear", low: 0, high: 1 }),
      /no value outputs/,
    );
  }));

Deno.test("a tokenizer with more tokens than the model is another model's", () =>
  withFiles(
    modelFiles(256),
    (folder) => assert.rejects(openPretrained(folder), /260 tokens.*its own tokenizer/),
  ));

Deno.test("so is one to which the token that ends the model's texts is an ordinary one", async () => {
  const files = modelFiles(), config = JSON.parse(files["config.json"] as string);
  const ends = (eos: unknown) => ({
    ...files,
    "config.json": JSON.stringify({ ...config, eos_token_id: eos }),
  });
  const ordinary = /tokenizer\.json: "token 2 is an ordinary one": .*its own tokenizer/;
  await withFiles(ends(2), (folder) => assert.rejects(openPretrained(folder), ordinary));
  await withFiles(ends([END, 2]), (folder) => assert.rejects(openPretrained(folder), ordinary));
  await withFiles(ends(null), async (folder) => (await openPretrained(folder))[Symbol.dispose]());
});

Deno.test("an adapter's value head says the value after each token of a rollout", () =>
  withModel(async (base, folder) => {
    const critic = new CausalLanguageModel(base.model.weights, {
      ...{ maxLength: 64, languageHead: false, lora: { rank: 4, alpha: 8 } },
      valueHead: { loss: "squared_error", outputs: 1 },
    }).initialize(3);
    await writeAdapter(critic, `${folder}/adapter`);
    const options = { storage: "float32", adapter: `${folder}/adapter` } as const;
    using opened = await openPretrained(folder, options);
    assert.match(opened.name, / \+ adapter$/);
    assert.throws(() => new PretrainedLanguageModel(opened), /writes nothing/);
    const head = new PretrainedValueCritic(opened, { kind: "linear", low: -1, high: 1 });
    const record = sumRollout();
    const states = [0, 3, 5].map((at) => ({ record, at, unit: "token" as const }));
    const values = await head.values(states.map((state) => ({ state, context: {} })));
    const { prompt, response } = record;
    const tokens = [prompt.text!, response.text!].map((text) => opened.tokenizer.encode(text));
    for (const [i, { at }] of states.entries()) {
      const text = { tokens: [...tokens[0]!, ...tokens[1]!.slice(0, at)] };
      const rows = [{ sequence: 0, token: text.tokens.length - 1 }];
      const [raw] = (await critic.forward([text], rows, ["values"])).values;
      assert.ok(Math.abs(values[i]!.value! - (raw! + 1) / 2) < 1e-6);
    }
  }));
