import * as z from "zod";
import { UsageError } from "../errors.ts";
import type { Architecture } from "../language_model/architecture.ts";
import { ChatTemplate } from "../llm/chat_template.ts";
import { type GgufValue, readGgufHeader } from "../pretrained/gguf.ts";
import { tokenizerOfGguf } from "../pretrained/gguf_tokenizer.ts";
import { parseJsonFile } from "../pretrained/json_file.ts";
import { statOf } from "../pretrained/read_range.ts";
import { RolloutTokenizer } from "../rollouts/tokenizer.ts";
import { exists } from "../run/files.ts";

/** What turns text into a pretrained model's tokens. */
export interface PretrainedText {
  readonly tokenizer: RolloutTokenizer;
  /** By token: the bytes that it stands for. */
  readonly tokenBytes: readonly Uint8Array[];
  readonly template: ChatTemplate | undefined;
}

/** What a model's files say of it. */
interface TextFiles extends Pick<PretrainedText, "template"> {
  readonly path: string;
  readonly tokenizer: object;
  readonly config?: object;
}

/**
 * The tokenizer of a pretrained model, which must be a byte-level BPE, and its chat template if there is one; its weights are
 * not read.
 *
 * @param path A Hugging Face folder or a GGUF file.
 * @param model Whose tokenizer it must be; default: any.
 * @throws UsageError for missing or broken files, another kind of tokenizer, and another model's: one with more tokens than
 *   the model has, or to which the token that ends a text is none of those added to the vocabulary.
 */
export function pretrainedText(
  path: string,
  model?: Pick<Architecture, "vocabularySize" | "eosTokenIds">,
): PretrainedText {
  const isFolder = statOf(path, "give a model's folder or a GGUF file").isDirectory;
  const files = isFolder ? textOfFolder(path) : textOfGguf(path);
  const parsed = byteLevelBpe.safeParse(files.tokenizer);
  if (!parsed.success) {
    throw new UsageError(path, "tokenizer", "it is no byte-level BPE: choose another model");
  }
  const tokenizer = new RolloutTokenizer(files.path, files.tokenizer, files.config);
  if (model) checkOwner(tokenizer, parsed.data, model);
  return {
    tokenizer,
    tokenBytes: tokenBytes(parsed.data),
    template: files.template,
  };
}

function checkOwner(
  { path, size }: RolloutTokenizer,
  { added_tokens: added }: z.output<typeof byteLevelBpe>,
  { vocabularySize, eosTokenIds }: Pick<Architecture, "vocabularySize" | "eosTokenIds">,
): void {
  const refuse = (found: string, needed: string) => {
    throw new UsageError(path, found, `${needed}: give it its own tokenizer`);
  };
  if (size > vocabularySize) refuse(`${size} tokens`, `the model has ${vocabularySize}`);
  const end = eosTokenIds.find((id) => !added.some((token) => token.id === id));
  if (end !== undefined) {
    refuse(`token ${end} is an ordinary one`, "the model ends a text with it");
  }
}

function textOfFolder(folder: string): TextFiles {
  const path = `${folder}/tokenizer.json`, config = `${folder}/tokenizer_config.json`;
  const read = (file: string) => parseJsonFile(file, "the model needs it") as object;
  return {
    path,
    tokenizer: read(path),
    ...exists(config) && { config: read(config) },
    template: ChatTemplate.load(folder),
  };
}

function textOfGguf(path: string): TextFiles {
  const { metadata } = readGgufHeader(path);
  const template = metadata.get("tokenizer.chat_template");
  return {
    path,
    tokenizer: tokenizerOfGguf(metadata),
    template: typeof template === "string"
      ? new ChatTemplate(path, template, specialTokens(metadata))
      : undefined,
  };
}

/** The special tokens that a template may name. */
function specialTokens(metadata: ReadonlyMap<string, GgufValue>): Record<string, string> {
  const tokens = metadata.get("tokenizer.ggml.tokens") as readonly string[];
  return Object.fromEntries(["bos", "eos"].flatMap((name) => {
    const id = metadata.get(`tokenizer.ggml.${name}_token_id`);
    return typeof id === "number" ? [[`${name}_token`, tokens[id]!]] : [];
  }));
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
