import assert from "node:assert/strict";
import { probeServer } from "./probe_server.ts";
import { type ServerAbilities, serverAbilities } from "./server_abilities.ts";
import { ServerConnection } from "./server_connection.ts";
import { identifyServer } from "./server_identity.ts";
import { HABITS, type Habits, MODEL, serve } from "./wire/testing.ts";

async function probe(habits: Habits, endpoint?: "chat"): Promise<ServerAbilities> {
  await using server = serve(habits);
  const connection = new ServerConnection({ url: server.url });
  const abilities = await probeServer(connection, await identifyServer(connection), { endpoint });
  // It is stored as JSON.
  return serverAbilities.parse(JSON.parse(JSON.stringify(abilities)));
}

const ALL: ServerAbilities = {
  kind: "vllm",
  version: "0.32.0",
  model: MODEL,
  models: [MODEL],
  endpoint: "completions",
  chat: true,
  contextLength: 512,
  slots: null,
  longPrompt: "refused",
  extraFields: true,
  topKAll: 0,
  topPOne: true,
  temperature: "honoured",
  topP: "honoured",
  topK: "honoured",
  minP: "honoured",
  maxChoices: 16,
  seed: "honoured",
  choiceSeeds: "honoured",
  stop: "cut",
  logProbabilities: "tokens",
  maxTopLogProbabilities: 20,
  echo: "honoured",
  forcing: "structured_outputs",
  forcedLogProbabilities: "masked",
  tokenPrompts: "honoured",
  tokenIds: "return_token_ids",
  tokenize: "honoured",
  chatPrefill: "continued",
};

Deno.test("vLLM does all that is tried", async () => {
  assert.deepEqual(await probe(HABITS.vllm), ALL);
});

Deno.test("vLLM's chat has the other shape of log-probabilities, no ids in and no echo", async () => {
  assert.deepEqual(await probe(HABITS.vllm, "chat"), {
    ...ALL,
    endpoint: "chat",
    logProbabilities: "content",
    echo: "unknown",
    tokenPrompts: "refused",
  });
});

Deno.test("llama.cpp has slots, grammars, ids by log-probabilities, and gives a begun answer back", async () => {
  assert.deepEqual(await probe(HABITS["llama.cpp"]), {
    ...ALL,
    kind: "llama.cpp",
    version: "b1234-abcdef",
    contextLength: 256,
    slots: 4,
    maxChoices: 4,
    logProbabilities: "content",
    echo: "ignored",
    forcing: "grammar",
    forcedLogProbabilities: "unmasked",
    tokenIds: "logprobs",
    chatPrefill: "repeated",
  });
});

const NEITHER: Partial<ServerAbilities> = {
  contextLength: null,
  longPrompt: "unknown",
  topK: "ignored",
  minP: "ignored",
  maxChoices: 1,
  choiceSeeds: "unknown",
  logProbabilities: null,
  maxTopLogProbabilities: 0,
  echo: "ignored",
  forcing: null,
  forcedLogProbabilities: "unknown",
  tokenPrompts: "refused",
  tokenIds: null,
  tokenize: "refused",
};

Deno.test("Ollama ignores n, log-probabilities, top_k and forcing in silence, and takes strings only", async () => {
  assert.deepEqual(await probe(HABITS.ollama), {
    ...ALL,
    ...NEITHER,
    kind: "ollama",
    version: "0.12.3",
  });
});

Deno.test("TGI refuses a top_p of 1, and has log-probabilities and forcing in chat only", async () => {
  const completions = {
    ...ALL,
    ...NEITHER,
    kind: "tgi" as const,
    version: "3.3.6",
    contextLength: 512,
    longPrompt: "refused" as const,
    topPOne: false,
    tokenize: "honoured" as const,
    chatPrefill: "ignored" as const,
  };
  assert.deepEqual(await probe(HABITS.tgi), completions);
  assert.deepEqual(await probe(HABITS.tgi, "chat"), {
    ...completions,
    endpoint: "chat",
    logProbabilities: "content",
    maxTopLogProbabilities: 5,
    echo: "unknown",
    forcing: "response_format",
    forcedLogProbabilities: "masked",
    tokenIds: "logprobs",
  });
});

Deno.test("transformers serve refuses fields that are not OpenAI's", async () => {
  assert.deepEqual(await probe(HABITS.transformers), {
    ...ALL,
    ...NEITHER,
    kind: "transformers",
    version: null,
    extraFields: false,
    topK: "refused",
    minP: "refused",
    stop: "kept",
    chatPrefill: "ignored",
  });
});

Deno.test("stop strings that are kept or ignored, sampling that is not, and chat alone are seen", async () => {
  const vllm = HABITS.vllm;
  assert.equal((await probe({ ...vllm, stop: "kept" })).stop, "kept");
  assert.equal((await probe({ ...vllm, stop: "ignored" })).stop, "ignored");
  const random = await probe({ ...vllm, seeds: false });
  assert.deepEqual([random.seed, random.choiceSeeds, random.topK], [
    "ignored",
    "unknown",
    "honoured",
  ]);
  const chat = await probe({ ...vllm, endpoints: ["chat"] });
  assert.deepEqual([chat.endpoint, chat.chat], ["chat", true]);
  const completions = await probe({ ...vllm, endpoints: ["completions"] });
  assert.deepEqual([completions.endpoint, completions.chat], ["completions", false]);
  const strict = await probe({
    ...vllm,
    ownedBy: "sglang",
    forcing: "regex",
    refuses: ({ top_k }) => top_k === 0 ? "top_k must be -1 (disable) or at least 1" : undefined,
  });
  assert.deepEqual([strict.kind, strict.topKAll, strict.topK, strict.forcing], [
    "sglang",
    -1,
    "honoured",
    "regex",
  ]);
  const older = await probe({ ...vllm, forcing: "guided_regex", masked: false });
  assert.deepEqual([older.forcing, older.forcedLogProbabilities], ["guided_regex", "unmasked"]);
});
