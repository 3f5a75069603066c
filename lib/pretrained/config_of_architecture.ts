import { UsageError } from "../errors.ts";
import type { Architecture, RopeScaling } from "../language_model/architecture.ts";

/** By family: transformers' classes. */
const CLASSES = { llama: "Llama", qwen2: "Qwen2" } as const;
/** By safetensors' type: torch's. */
const DTYPES = { F32: "float32", F16: "float16", BF16: "bfloat16" } as const;

/**
 * The config.json of transformers, whose versions 4 and 5 read it: `architectureOfConfig` backwards.
 *
 * @param valueOutputs Labels of a token classifier; undefined: a causal language model.
 * @throws UsageError for rotary positions as only a GGUF file has them.
 */
export function configOfArchitecture(
  a: Architecture,
  dtype: keyof typeof DTYPES,
  valueOutputs?: number,
): Record<string, unknown> {
  const isClassifier = valueOutputs !== undefined;
  const labels = Array.from({ length: valueOutputs ?? 0 }, (_, i) => `LABEL_${i}`);
  return {
    architectures: [`${CLASSES[a.family]}For${isClassifier ? "TokenClassification" : "CausalLM"}`],
    model_type: a.family,
    ...isClassifier && {
      id2label: Object.fromEntries(labels.map((label, i) => [i, label])),
      label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    },
    vocab_size: a.vocabularySize,
    hidden_size: a.hiddenSize,
    intermediate_size: a.intermediateSize,
    num_hidden_layers: a.layers,
    num_attention_heads: a.heads,
    num_key_value_heads: a.kvHeads,
    head_dim: a.headDim,
    hidden_act: "silu",
    rms_norm_eps: a.normEpsilon,
    rope_theta: a.ropeTheta,
    rope_scaling: ropeScaling(a.ropeScaling),
    max_position_embeddings: a.maxPositions,
    tie_word_embeddings: a.tiedEmbeddings,
    ...a.family === "llama" && { attention_bias: a.qkvBias, mlp_bias: false },
    bos_token_id: a.bosTokenId,
    eos_token_id: a.eosTokenIds.length === 1 ? a.eosTokenIds[0] : a.eosTokenIds,
    pad_token_id: a.padTokenId,
    torch_dtype: DTYPES[dtype],
  };
}

function ropeScaling(rope: RopeScaling): Record<string, unknown> | null {
  switch (rope.type) {
    case "default":
      return null;
    case "linear":
    case "dynamic":
      return { rope_type: rope.type, factor: rope.factor };
    case "llama3":
      return {
        rope_type: rope.type,
        factor: rope.factor,
        low_freq_factor: rope.lowFreqFactor,
        high_freq_factor: rope.highFreqFactor,
        original_max_position_embeddings: rope.originalMaxPositions,
      };
    case "divisors": {
      const remedy =
        "config.json has no such rotary positions: load the model's Hugging Face folder";
      throw new UsageError("ropeScaling", rope.type, remedy);
    }
  }
}
