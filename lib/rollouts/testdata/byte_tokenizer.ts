import { RolloutTokenizer } from "../tokenizer.ts";

/** GPT-2's visible characters for the 256 bytes. */
function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isVisible = byte > 32 && byte < 127 || byte > 160 && byte !== 173;
    return String.fromCodePoint(isVisible ? byte : next++);
  });
}

/**
 * The files of a byte-level BPE tokenizer: id b is the byte b, 256 is "\n\n", 257 ".\n\n", 258 is `<s>` and 259 `</s>`,
 * which are special. With `begins` texts begin with `<s>`.
 */
export function byteTokenizerFiles({ begins = false } = {}) {
  const bytes = byteCharacters();
  const newline = bytes[10]!;
  const pairs = [[newline, newline], [".", newline + newline]];
  const vocab = [...bytes, ...pairs.map((pair) => pair.join(""))];
  const special = (id: number, content: string) => ({
    ...{ id, content, special: true, normalized: false },
    ...{ single_word: false, lstrip: false, rstrip: false },
  });
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
  return {
    "tokenizer.json": {
      version: "1.0",
      added_tokens: [special(258, "<s>"), special(259, "</s>")],
      normalizer: null,
      pre_tokenizer: { ...byteLevel, use_regex: false },
      post_processor: begins
        ? {
          type: "TemplateProcessing",
          single: [
            { SpecialToken: { id: "<s>", type_id: 0 } },
            { Sequence: { id: "A", type_id: 0 } },
          ],
          pair: [],
          special_tokens: { "<s>": { id: "<s>", ids: [258], tokens: ["<s>"] } },
        }
        : null,
      decoder: byteLevel,
      model: {
        type: "BPE",
        vocab: Object.fromEntries(vocab.map((token, id) => [token, id])),
        merges: pairs,
        ...{ dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false },
      },
    },
    "tokenizer_config.json": { tokenizer_class: "GPT2Tokenizer" },
  };
}

/** The tokenizer of `byteTokenizerFiles`. */
export function byteTokenizer(options?: { begins?: boolean }): RolloutTokenizer {
  const files = byteTokenizerFiles(options);
  return new RolloutTokenizer("bytes", files["tokenizer.json"], files["tokenizer_config.json"]);
}
