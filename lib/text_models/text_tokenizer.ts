import * as z from "zod";
import { UsageError } from "../errors.ts";
import { readGgufHeader } from "../pretrained/gguf.ts";
import { tokenizerOfGguf } from "../pretrained/gguf_tokenizer.ts";
import { statOf } from "../pretrained/read_range.ts";
import { RolloutTokenizer } from "../rollouts/tokenizer.ts";
import { readBytes } from "../run/files.ts";

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
 * @throws UsageError for missing files and another kind of tokenizer.
 */
export function textTokenizer(path: string): TextTokenizer {
  const json: unknown = statOf(path, "give a model's folder or a GGUF file").isDirectory
    ? JSON.parse(
      new TextDecoder().decode(readBytes(`${path}/tokenizer.json`, "the model needs it")),
    )
    : tokenizerOfGguf(readGgufHeader(path).metadata);
  const parsed = byteLevelBpe.safeParse(json);
  if (!parsed.success) {
    throw new UsageError(path, "tokenizer", "it is no byte-level BPE: choose another model");
  }
  const tokenizer = new RolloutTokenizer(path, json as object);
  return {
    encode: (text) => tokenizer.encode(text),
    decode: (tokens) => tokenizer.decode(tokens),
    tokenBytes: tokenBytes(parsed.data),
  };
}

const byteLevelBpe = z.object({
  model: z.object({ type: z.literal("BPE"), vocab: z.record(z.string(), z.int()) }),
  decoder: z.object({ type: z.literal("ByteLevel") }),
  added_tokens: z.array(z.object({ id: z.int(), content: z.string() })),
});

/**
 * The bytes of each token of a byte-level BPE (GPT-2's): a token's characters stand for a byte each, those of added tokens for
 * themselves.
 */
function tokenBytes(
  { model, added_tokens: added }: z.output<typeof byteLevelBpe>,
): Uint8Array[] {
  const byteOf = new Map<string, number>();
  let unprintable = 0;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    byteOf.set(String.fromCodePoint(isPrintable ? byte : 256 + unprintable++), byte);
  }
  const bytes: Uint8Array[] = [];
  for (const [token, id] of Object.entries(model.vocab)) {
    bytes[id] = Uint8Array.from(token, (character) => byteOf.get(character)!);
  }
  for (const { id, content } of added) bytes[id] = new TextEncoder().encode(content);
  return bytes;
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
