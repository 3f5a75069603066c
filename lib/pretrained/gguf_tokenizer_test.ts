import assert from "node:assert/strict";
import { RolloutTokenizer } from "../rollouts/tokenizer.ts";
import type { GgufValue } from "./gguf.ts";
import { tokenizerOfGguf } from "./gguf_tokenizer.ts";
import { testdata } from "./testing.ts";

/** Bytes by the letters that stand for them in GPT-2's vocabularies. */
const LETTERS = ["Ġ", "Ċ", "Ã", "©", "Â", "²", "1", "2", "+", "a", "b", "t", "h", "e"];

function metadata(changes: Record<string, GgufValue> = {}): Map<string, GgufValue> {
  const tokens = ["<|end|>", "<|start|>", ...LETTERS, "Ġt", "he", "Ġthe", "12", "Ã©", "Â²"];
  return new Map(Object.entries({
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.token_type": tokens.map((token) => token.startsWith("<|") ? 3 : 1),
    "tokenizer.ggml.merges": ["Ġ t", "h e", "Ġt he", "1 2", "Ã ©", "Â ²"],
    "tokenizer.ggml.unknown_token_id": 0,
    ...changes,
  }));
}

const tokenizer = new RolloutTokenizer("test", tokenizerOfGguf(metadata()));

Deno.test("a GGUF's tokenizer merges bytes, keeps digits apart and special tokens whole", () => {
  const { "tokenizer.ggml.tokens": tokens } = Object.fromEntries(metadata());
  const words = (text: string) => tokenizer.encode(text).map((id) => (tokens as string[])[id]);
  assert.deepEqual(words("ab the"), ["a", "b", "Ġthe"]);
  // Although "12" has a merge of its own.
  assert.deepEqual(words("12+1"), ["1", "2", "+", "1"]);
  assert.deepEqual(words(" 12"), ["Ġ", "1", "2"]);
  assert.deepEqual(words("é\n"), ["Ã©", "Ċ"]);
  // A digit by Unicode's rules, which does not take the space before it.
  assert.deepEqual(words(" ²"), ["Ġ", "Â²"]);
  assert.deepEqual(words("<|start|>a<|end|>"), ["<|start|>", "a", "<|end|>"]);
  assert.deepEqual(words("c"), ["<|end|>"], "no token for this byte");
  for (const text of ["ab the\n é²12", " the  the", "a<|end|>"]) {
    assert.equal(tokenizer.decode(tokenizer.encode(text), { special: true }), text);
  }
});

const { tokens, merges, special, texts, ids } = testdata("tokenizers.json");

for (const pre of ["qwen2", "llama-bpe"]) {
  Deno.test(`a GGUF's tokenizer splits text as the model's own does: ${pre}`, () => {
    const found = tokenizerOfGguf(
      new Map<string, GgufValue>(Object.entries({
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": tokens.map((token: string) => special.includes(token) ? 3 : 1),
        "tokenizer.ggml.merges": merges,
      })),
    );
    const tokenizer = new RolloutTokenizer("test", found);
    texts.forEach((text: string, i: number) => {
      assert.deepEqual(tokenizer.encode(text), ids[pre][i], JSON.stringify(text));
    });
  });
}

Deno.test("a tokenizer of another kind is refused", () => {
  const other = metadata({ "tokenizer.ggml.pre": "gpt-4o" });
  assert.throws(
    () => tokenizerOfGguf(other),
    /tokenizer\.ggml\.pre: "gpt2 gpt-4o": only gpt2 smollm/,
  );
  const unigram = metadata({ "tokenizer.ggml.model": "llama" });
  assert.throws(() => tokenizerOfGguf(unigram), /"llama smollm": only/);
});
