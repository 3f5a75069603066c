import type { GgufValue } from "./gguf.ts";

/** GGUF's token types. */
const CONTROL = 3, USER_DEFINED = 4;

/**
 * The tokenizer of a GGUF file as Hugging Face's tokenizer.json: for SmolLM's kind, which is GPT-2's byte-level BPE with
 * every digit a token of its own.
 *
 * Source: what llama.cpp does for `tokenizer.ggml.pre` "smollm" (src/llama-vocab.cpp). Throws an Error for another kind.
 *
 * @param metadata Of `readGgufHeader`.
 */
export function tokenizerOfGguf(metadata: ReadonlyMap<string, GgufValue>): Record<string, unknown> {
  const kind = `${metadata.get("tokenizer.ggml.model")} ${metadata.get("tokenizer.ggml.pre")}`;
  if (kind !== "gpt2 smollm") throw new Error(`no tokenizer of SmolLM's kind: ${kind}`);
  const tokens = metadata.get("tokenizer.ggml.tokens") as readonly string[];
  const types = metadata.get("tokenizer.ggml.token_type") as readonly number[];
  const added = tokens.flatMap((content, id) =>
    types[id] === CONTROL || types[id] === USER_DEFINED
      ? [{ id, content, ...AS_IT_STANDS, special: types[id] === CONTROL }]
      : []
  );
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        // Not "Digits", by which @huggingface/tokenizers 0.2.0 understands 0 to 9 only.
        { type: "Split", pattern: { Regex: "\\p{N}" }, behavior: "Isolated", invert: false },
        { ...byteLevel, use_regex: true },
      ],
    },
    post_processor: null,
    decoder: { ...byteLevel, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: tokens[metadata.get("tokenizer.ggml.unknown_token_id") as number],
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: metadata.get("tokenizer.ggml.merges"),
    },
  };
}

const AS_IT_STANDS = { single_word: false, lstrip: false, rstrip: false, normalized: false };
