import { join } from "node:path";
import { z } from "zod";
import { UsageError } from "../../errors.ts";
import { readJsonFile } from "../model_folder.ts";

/** What a language model's configuration says that its graph does not. */
export interface ModelConfig {
  /** Tokens that end a text. */
  readonly endTokens: readonly number[];
  /** Most tokens of prompt and completion, where it is known. */
  readonly contextLength: number | undefined;
  /** The shape of the key-value cache, where it is known. */
  readonly keyValueHeads: number | undefined;
  readonly headSize: number | undefined;
}

const count = z.int().positive().optional().catch(undefined);
const ends = z.union([z.int(), z.array(z.int())]).optional().catch(undefined);

/** transformers' config.json and generation_config.json. */
const transformers = z.looseObject({
  eos_token_id: ends,
  max_position_embeddings: count,
  num_key_value_heads: count,
  num_attention_heads: count,
  hidden_size: count,
  head_dim: count,
});

/** onnxruntime-genai's genai_config.json. */
const genai = z.looseObject({
  model: z.looseObject({
    eos_token_id: ends,
    context_length: count,
    decoder: z.looseObject({ num_key_value_heads: count, head_size: count }).optional(),
  }),
});

/**
 * Reads generation_config.json, config.json and genai_config.json in a model's folder, the first that says a thing.
 *
 * @throws UsageError for broken files, and where none says what ends a text.
 */
export function readModelConfig(folder: string): ModelConfig {
  const read = <T>(name: string, schema: z.ZodType<T>): T | undefined =>
    schema.safeParse(readJsonFile(join(folder, name))).data;
  const generation = read("generation_config.json", transformers);
  const config = read("config.json", transformers);
  const built = read("genai_config.json", genai)?.model;
  const end = generation?.eos_token_id ?? config?.eos_token_id ?? built?.eos_token_id;
  if (end === undefined) {
    const remedy = "put the model's config.json beside it: eos_token_id says where a text ends";
    throw new UsageError(folder, "no eos_token_id", remedy);
  }
  const { hidden_size: width, num_attention_heads: heads } = config ?? {};
  return {
    endTokens: [end].flat(),
    contextLength: config?.max_position_embeddings ?? built?.context_length,
    keyValueHeads: config?.num_key_value_heads ?? heads ?? built?.decoder?.num_key_value_heads,
    headSize: config?.head_dim ?? (width && heads ? width / heads : undefined) ??
      built?.decoder?.head_size,
  };
}
