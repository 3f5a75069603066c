import * as z from "zod";
import { UsageError } from "../errors.ts";
import { parseConfig } from "../parse_config.ts";
import {
  type Architecture,
  architectureSchema,
  FAMILIES,
  type RopeScaling,
} from "../language_model/architecture.ts";

const id = z.int().nullish();
const factor = z.number();

/** What of config.json says how the model computes. */
const configSchema = z.looseObject({
  model_type: z.enum(FAMILIES),
  architectures: z.array(z.string()).nullish(),
  vocab_size: z.int(),
  hidden_size: z.int(),
  intermediate_size: z.int(),
  num_hidden_layers: z.int(),
  num_attention_heads: z.int(),
  num_key_value_heads: z.int().nullish(),
  head_dim: z.int().nullish(),
  rms_norm_eps: z.number().optional(),
  rope_theta: z.number().nullish(),
  rope_scaling: z.looseObject({}).nullish(),
  rope_parameters: z.looseObject({}).nullish(),
  max_position_embeddings: z.int().optional(),
  tie_word_embeddings: z.boolean().optional(),
  bos_token_id: id,
  eos_token_id: z.union([z.int(), z.array(z.int())]).nullish(),
  pad_token_id: id,
});

const ropeFields = {
  type: z.string().optional(),
  rope_theta: z.number().nullish(),
  partial_rotary_factor: z.literal(1).optional(),
};
const ropeSchema = z.discriminatedUnion("rope_type", [
  z.strictObject({ rope_type: z.literal("default"), ...ropeFields }),
  z.strictObject({ rope_type: z.literal("linear"), factor, ...ropeFields }),
  z.strictObject({ rope_type: z.literal("dynamic"), factor, ...ropeFields }),
  z.strictObject({
    rope_type: z.literal("llama3"),
    factor,
    low_freq_factor: factor,
    high_freq_factor: factor,
    original_max_position_embeddings: z.int().optional(),
    ...ropeFields,
  }),
]);

/** transformers' defaults where a config.json is silent, and the one class of each family that is a language model. */
const DEFAULTS = {
  llama: { name: "LlamaForCausalLM", kvHeads: undefined, maxPositions: 2048, bos: 1, eos: 2 },
  qwen2: { name: "Qwen2ForCausalLM", kvHeads: 32, maxPositions: 32768, bos: null, eos: null },
} as const;
const NORM_EPSILON = 1e-6, ROPE_THETA = 10_000;

/** Fields that switch on what is not supported, with the values that leave it off. */
const OFF: Readonly<Record<string, readonly unknown[]>> = {
  hidden_act: ["silu"],
  mlp_bias: [false],
  use_sliding_window: [false],
  partial_rotary_factor: [1],
  rope_interleaved: [false],
  use_mrope: [false],
  add_cross_attention: [false],
  is_encoder_decoder: [false],
  pretraining_tp: [1],
};
/** Fields that change nothing of what the weights compute: of training, of files, of other programs. */
const HARMLESS = new Set([
  ...["_name_or_path", "_model_name_or_path", "transformers_version", "torch_dtype", "dtype"],
  ...["initializer_range", "unk_token_id", "sep_token_id", "cls_token_id", "mask_token_id"],
  ...["use_cache", "attention_dropout", "_attn_implementation", "_attn_implementation_autoset"],
  ...["output_attentions", "output_hidden_states", "return_dict", "is_decoder"],
  ...["tokenizer_class", "task_specific_params", "gradient_checkpointing", "is_llama_config"],
  ...["chunk_size_feed_forward", "transformers.js_config", "unsloth_version", "unsloth_fixed"],
]);

/** generation_config.json: its tokens count, as in transformers' `generate`. */
const generationSchema = z.looseObject({
  bos_token_id: id,
  eos_token_id: configSchema.shape.eos_token_id,
  pad_token_id: id,
});

/**
 * The architecture that a config.json of transformers states.
 *
 * @param path The file's name in messages.
 * @param generation Content of generation_config.json, if there is one.
 * @throws UsageError by the field's name for a model of another family or class, a field that is wrong or missing, one that
 *   asks for what is not supported, and one that is not known: it may change what the weights compute.
 */
export function architectureOfConfig(
  content: unknown,
  path: string,
  generation: unknown = {},
): Architecture {
  const config = parseConfig(configSchema, content, path);
  const family = config.model_type, defaults = DEFAULTS[family];
  for (const name of config.architectures ?? []) {
    if (name !== defaults.name) {
      throw new UsageError(`${path}.architectures`, name, `only ${defaults.name} is supported`);
    }
  }
  checkFields(config, path);
  const tokens = parseConfig(generationSchema, generation, "generation_config.json");
  const stop = tokens.eos_token_id ?? or(config.eos_token_id, defaults.eos);
  return parseConfig(architectureSchema, {
    family,
    vocabularySize: config.vocab_size,
    hiddenSize: config.hidden_size,
    intermediateSize: config.intermediate_size,
    layers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    kvHeads: config.num_key_value_heads ?? defaults.kvHeads ?? config.num_attention_heads,
    headDim: config.head_dim ?? config.hidden_size / config.num_attention_heads,
    normEpsilon: config.rms_norm_eps ?? NORM_EPSILON,
    ...ropeOf(config, path),
    tiedEmbeddings: config.tie_word_embeddings ?? false,
    qkvBias: family === "qwen2",
    maxPositions: config.max_position_embeddings ?? defaults.maxPositions,
    bosTokenId: tokens.bos_token_id ?? or(config.bos_token_id, defaults.bos),
    eosTokenIds: stop === null ? [] : [stop].flat(),
    padTokenId: padding(tokens.pad_token_id ?? config.pad_token_id),
  }, path);
}

type Config = z.output<typeof configSchema>;

/** `value`, where the file says anything, null included. */
function or<T>(value: T | null | undefined, silent: T | null): T | null {
  return value === undefined ? silent : value;
}

/** Some models have -1 for none. */
function padding(value: number | null | undefined): number | null {
  return value === undefined || value === -1 ? null : value;
}

function checkFields(config: Config, path: string): void {
  for (const [field, value] of Object.entries(config)) {
    if (Object.hasOwn(configSchema.shape, field) || HARMLESS.has(field)) continue;
    // null says that something is not there.
    if (value === null) continue;
    const isOff = Object.hasOwn(OFF, field)
      ? OFF[field]!.includes(value)
      : MORE_OFF[field]?.(value, config);
    if (isOff) continue;
    const remedy = isOff === undefined
      ? "unknown field, which may change what the weights compute: leave it out if it does not"
      : "not supported: choose a model without it";
    const shown = typeof value === "object" ? JSON.stringify(value) : value;
    throw new UsageError(`${path}.${field}`, shown, remedy);
  }
}

/** As `OFF`, for fields whose meaning depends on others. */
const MORE_OFF: Readonly<Record<string, (value: unknown, config: Config) => boolean>> = {
  // Qwen2's queries, keys and values have biases whatever the field says; Llama's field is about the output, too.
  attention_bias: (value, { model_type }) => value === (model_type === "qwen2"),
  // Both are read by Qwen2 alone, and only if use_sliding_window is true, which is refused.
  sliding_window: (_, { model_type }) => model_type === "qwen2",
  max_window_layers: (_, { model_type }) => model_type === "qwen2",
  layer_types: (value) => Array.isArray(value) && value.every((type) => type === "full_attention"),
  // Refused with a name: the weights of such a model are no floating-point numbers.
  quantization_config: () => false,
};

function ropeOf(
  config: Config,
  path: string,
): { ropeTheta: number; ropeScaling: RopeScaling } {
  const name = config.rope_scaling ? "rope_scaling" : "rope_parameters";
  const stated = config[name] ?? {};
  const field = `${path}.${name}`;
  if (config.rope_scaling && config.rope_parameters) {
    throw new UsageError(field, JSON.stringify(stated), "beside rope_parameters: leave one out");
  }
  const type = stated.rope_type ?? stated.type ?? "default";
  const known = ropeSchema.options.map(({ shape }) => shape.rope_type.value);
  if (!known.some((name) => name === type)) {
    throw new UsageError(`${field}.rope_type`, type, `only ${known.join(", ")} are supported`);
  }
  const rope = parseConfig(ropeSchema, { ...stated, rope_type: type }, field);
  const ropeTheta = rope.rope_theta ?? config.rope_theta ?? ROPE_THETA;
  if (rope.rope_type === "default") return { ropeTheta, ropeScaling: { type: "default" } };
  if (rope.rope_type !== "llama3") {
    return { ropeTheta, ropeScaling: { type: rope.rope_type, factor: rope.factor } };
  }
  const ropeScaling = {
    type: rope.rope_type,
    factor: rope.factor,
    lowFreqFactor: rope.low_freq_factor,
    highFreqFactor: rope.high_freq_factor,
    originalMaxPositions: rope.original_max_position_embeddings ??
      config.max_position_embeddings ?? DEFAULTS[config.model_type].maxPositions,
  };
  return { ropeTheta, ropeScaling };
}
