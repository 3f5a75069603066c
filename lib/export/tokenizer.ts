import type { Vocabulary } from "../env/vocabulary.ts";

/**
 * An environment's vocabulary as Hugging Face's tokenizer: text is tokens' names with white space between. A word that is
 * no token's name is an error, not some token. No token is added before or after.
 *
 * @returns The content of tokenizer.json and tokenizer_config.json, for `tokenizers`, transformers and their JavaScript.
 */
export function tokenizerFiles(
  vocabulary: Pick<Vocabulary, "names" | "pad">,
  maxPosition: number,
): { readonly "tokenizer.json": object; readonly "tokenizer_config.json": object } {
  const { names, pad } = vocabulary, padToken = names[pad]!;
  return {
    "tokenizer.json": {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: [{
        id: pad,
        content: padToken,
        // Not within other names.
        single_word: true,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      }],
      normalizer: null,
      pre_tokenizer: { type: "WhitespaceSplit" },
      post_processor: null,
      decoder: null,
      model: {
        type: "WordLevel",
        vocab: Object.fromEntries(names.map((name, id) => [name, id])),
        // No token of the vocabulary, which would be read as something.
        unk_token: "<unk>",
      },
    },
    "tokenizer_config.json": {
      tokenizer_class: "PreTrainedTokenizerFast",
      model_max_length: maxPosition,
      pad_token: padToken,
      clean_up_tokenization_spaces: false,
    },
  };
}
