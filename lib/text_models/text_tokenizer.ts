import type { Architecture } from "../language_model/architecture.ts";
import { pretrainedText } from "./pretrained_text.ts";

/** Text to a language model's tokens and back. */
export interface TextTokenizer {
  /** Nothing is added to the text's own tokens. */
  encode(text: string): number[];
  /** Special tokens are left out. */
  decode(tokens: readonly number[]): string;
  /** By token: the bytes that it stands for. */
  readonly tokenBytes: readonly Uint8Array[];
}

/** A token a byte of UTF-8: for models that are made on the spot. It needs a vocabulary of 256. */
export class ByteTokenizer implements TextTokenizer {
  readonly tokenBytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));

  encode(text: string): number[] {
    return [...new TextEncoder().encode(text)];
  }

  decode(tokens: readonly number[]): string {
    return new TextDecoder().decode(Uint8Array.from(tokens));
  }
}

/**
 * The tokenizer of a pretrained model, which must be a byte-level BPE.
 *
 * @param path A Hugging Face folder or a GGUF file.
 * @param model Whose tokenizer it must be; default: any.
 * @throws UsageError for missing files, another kind of tokenizer, and another model's.
 */
export function textTokenizer(
  path: string,
  model?: Pick<Architecture, "vocabularySize" | "eosTokenIds">,
): TextTokenizer {
  const { tokenizer, tokenBytes } = pretrainedText(path, model);
  return {
    encode: (text) => tokenizer.encode(text),
    decode: (tokens) => tokenizer.decode(tokens),
    tokenBytes,
  };
}

/**
 * How many tokens it takes until the text that they stand for has so many bytes of UTF-8; undefined where none ends there.
 */
export function tokensOfBytes(
  { tokenBytes }: TextTokenizer,
  tokens: readonly number[],
  bytes: number,
): number | undefined {
  let count = 0, length = 0;
  while (length < bytes && count < tokens.length) length += tokenBytes[tokens[count++]!]!.length;
  return length === bytes ? count : undefined;
}
