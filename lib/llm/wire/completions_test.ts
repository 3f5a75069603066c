import assert from "node:assert/strict";
import type { Completion } from "../language_model.ts";
import { completionsAnswer, readCompletions, readLogProbabilities } from "./completions.ts";

function read(answer: unknown, stop?: readonly string[]): Completion[] {
  return readCompletions(completionsAnswer.parse(answer), stop);
}

Deno.test("an answer of vLLM's completions", () => {
  const answer = {
    id: "cmpl-1",
    object: "text_completion",
    created: 1,
    model: "m",
    choices: [{
      index: 0,
      text: " 7",
      logprobs: {
        text_offset: [0, 1],
        token_logprobs: [-0.5, 1e-9],
        tokens: [" ", "7"],
        top_logprobs: [{ "\n": -2, " ": -0.5 }, { "8": -9999, "7": 1e-9 }],
      },
      finish_reason: "length",
      stop_reason: null,
      token_ids: [33, 7],
      prompt_logprobs: null,
      prompt_token_ids: [1],
    }],
    usage: { prompt_tokens: 1, total_tokens: 3, completion_tokens: 2, prompt_tokens_details: null },
  };
  assert.deepEqual(read(answer), [{
    text: " 7",
    tokens: [33, 7],
    tokenCount: 2,
    finishReason: "length",
    logProbabilities: [
      {
        token: " ",
        logProbability: -0.5,
        top: [{ token: " ", logProbability: -0.5 }, { token: "\n", logProbability: -2 }],
      },
      {
        token: "7",
        logProbability: 0,
        top: [{ token: "7", logProbability: 0 }, { token: "8", logProbability: -Infinity }],
      },
    ],
  }]);
});

Deno.test("an answer of llama.cpp: chat's shape everywhere, ids with it, null for −∞, one choice counted", () => {
  const token = { id: 33, token: "1", bytes: [49], logprob: -0.1 };
  const logprobs = {
    content: [{ ...token, top_logprobs: [token, { id: 2, token: "", bytes: [], logprob: null }] }],
  };
  const completions = read({
    choices: [
      { index: 1, text: "1", logprobs, finish_reason: "length" },
      { index: 0, text: "2", logprobs: null, finish_reason: "stop" },
    ],
    usage: { completion_tokens: 1, prompt_tokens: 8, total_tokens: 9 },
    system_fingerprint: "b1-x",
  });
  const scored = { token: "1", id: 33, logProbability: -0.1 };
  assert.deepEqual(completions, [
    { text: "2", finishReason: "stop" },
    {
      text: "1",
      tokens: [33],
      tokenCount: 1,
      finishReason: "length",
      logProbabilities: [{
        ...scored,
        top: [scored, { token: "", id: 2, logProbability: -Infinity }],
      }],
    },
  ], "by their index; of the other nobody knows how long it was");
});

Deno.test("chat answers, TGI's reasons, reasons and texts that are absent", () => {
  const chat = (message: unknown, finish_reason: unknown) =>
    read({ choices: [{ message, finish_reason }] });
  assert.deepEqual(chat({ role: "assistant", content: "7" }, "eos_token"), [
    { text: "7", finishReason: "stop" },
  ]);
  assert.deepEqual(chat({ role: "assistant", content: null }, null), [
    { text: "", finishReason: "unknown" },
  ]);
  assert.throws(() => read({ choices: [{ index: 0 }] }), /neither text nor message/);
});

Deno.test("log-probabilities that do not fit together are none", () => {
  assert.equal(readLogProbabilities(null), undefined);
  assert.equal(readLogProbabilities({ content: null }), undefined);
  assert.equal(readLogProbabilities({ tokens: ["a"], token_logprobs: [] }), undefined);
  const bare = { tokens: ["a"], token_logprobs: [-1], top_logprobs: null };
  assert.deepEqual(readLogProbabilities(bare)!.tokens, [{
    token: "a",
    logProbability: -1,
    top: [],
  }]);
});

Deno.test("a text is cut before the first of the stop strings, and its tokens with it", () => {
  const tokens = ["a", "b\n", "c", "d"].map((token, id) => ({ token, id, logprob: -1 }));
  const choice = {
    text: "ab\ncd",
    finish_reason: "length",
    logprobs: { content: tokens },
    token_ids: [0, 1, 2, 3],
  };
  const [cut] = read({ choices: [choice] }, ["d", "\nc", "x"]);
  assert.deepEqual(cut, {
    text: "ab",
    finishReason: "stop",
    tokenCount: 4,
    logProbabilities: [0, 1].map((id) => ({ ...tokens[id], logProbability: -1, top: [] }))
      .map(({ logprob: _, ...token }) => token),
  }, "what was paid for stays counted");
  assert.equal(read({ choices: [choice] }, ["x"])[0]!.text, "ab\ncd");
});
