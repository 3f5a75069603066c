import { UsageError } from "../errors.ts";
import type { GgufValue } from "./gguf.ts";

/** GGUF's token types. */
const CONTROL = 3, USER_DEFINED = 4;

/** How text is split into the pieces within which bytes are merged. */
interface Splitting {
  /** What is a piece; undefined: GPT-2's pieces, after the numerals have been taken out. */
  readonly pattern?: string;
  /** Whether a piece that is a token stays one, without merges. */
  readonly ignoreMerges: boolean;
  readonly normalizer: { readonly type: "NFC" } | null;
}

/** Llama 3's and Qwen2's pieces, which differ in how many numerals are one. */
const pattern = (numerals: string) =>
  `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${numerals}` +
  "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** By `tokenizer.ggml.pre`. Source: src/llama-vocab.cpp of ggml-org/llama.cpp; the normalizer is Qwen2's own. */
const SPLITTINGS: Readonly<Record<string, Splitting>> = {
  "smollm": { ignoreMerges: false, normalizer: null },
  "qwen2": { pattern: pattern("\\p{N}"), ignoreMerges: false, normalizer: { type: "NFC" } },
  "llama-bpe": { pattern: pattern("\\p{N}{1,3}"), ignoreMerges: true, normalizer: null },
};

/**
 * The tokenizer of a GGUF file as Hugging Face's tokenizer.json: byte-level BPE, as SmolLM, Qwen2 and Llama 3 have it.
 *
 * Throws a UsageError for another kind.
 *
 * @param metadata Of `readGgufHeader`.
 */
export function tokenizerOfGguf(metadata: ReadonlyMap<string, GgufValue>): Record<string, unknown> {
  const pre = String(metadata.get("tokenizer.ggml.pre"));
  const kind = `${metadata.get("tokenizer.ggml.model")} ${pre}`;
  const splitting = SPLITTINGS[pre];
  if (kind !== `gpt2 ${pre}` || !splitting) {
    const known = Object.keys(SPLITTINGS).map((name) => `gpt2 ${name}`);
    const remedy = `only ${known.join(", ")} are supported: give the model's tokenizer.json`;
    throw new UsageError("tokenizer.ggml.pre", kind, remedy);
  }
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
    normalizer: splitting.normalizer,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        // Not "Digits", by which @huggingface/tokenizers 0.2.0 understands 0 to 9 only.
        {
          type: "Split",
          pattern: { Regex: splitting.pattern ?? "\\p{N}" },
          behavior: "Isolated",
          invert: false,
        },
        { ...byteLevel, use_regex: splitting.pattern === undefined },
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
      ignore_merges: splitting.ignoreMerges,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: metadata.get("tokenizer.ggml.merges"),
    },
  };
}

const AS_IT_STANDS = { single_word: false, lstrip: false, rstrip: false, normalized: false };
