import { UsageError } from "../errors.ts";
import type { Architecture } from "../language_model/architecture.ts";
import type { GgufHeader, GgufTensor } from "./gguf.ts";
import { PretrainedTensor } from "./pretrained_tensor.ts";
import { COPY_AGAIN } from "./read_range.ts";
import { isStoredType, rowBytes, STORED_TYPES } from "./stored_type.ts";

/** ggml's types by number. */
const TYPES: Readonly<Record<number, string>> = {
  ...{ 0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1" },
  ...{ 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS" },
  ...{ 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S" },
  ...{ 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M" },
  ...{ 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4", 41: "Q1_0" },
};

/** Hugging Face's names of what stands outside layers, and of a layer's parts. */
const OUTSIDE: Readonly<Record<string, string>> = {
  token_embd: "model.embed_tokens",
  output_norm: "model.norm",
  output: "lm_head",
};
const INSIDE: Readonly<Record<string, string>> = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

/**
 * A tensor of a GGUF file, of whose head it is, under Hugging Face's name, which is its own where Hugging Face has none.
 *
 * @param architecture Of the model, whose heads say how rows of queries and keys are ordered; undefined: as they stand.
 * @throws UsageError by the tensor's name for a type that is not supported, rows of no whole blocks, and a file that is cut
 *   short.
 */
export function ggufTensor(
  { name, shape, type, offset }: GgufTensor,
  { path, size }: GgufHeader,
  architecture?: Architecture,
): PretrainedTensor {
  const dtype = TYPES[type] ?? `type ${type}`;
  if (!isStoredType(dtype)) {
    const remedy = `only ${STORED_TYPES.join(", ")} are supported: quantize the model to one`;
    throw new UsageError(`${path}: ${name}`, dtype, remedy);
  }
  const row = rowBytes(dtype, shape.at(-1) ?? 1);
  if (row === undefined) {
    throw new UsageError(`${path}: ${name}`, `[${shape}]`, `rows of no whole blocks of ${dtype}`);
  }
  const bytes = row * shape.slice(0, -1).reduce((product, length) => product * length, 1);
  if (offset + bytes > size) {
    throw new UsageError(`${path}: ${name}`, `ends at ${offset + bytes} of ${size}`, COPY_AGAIN);
  }
  const source = { path, offset, name, ...interleaving(name, architecture) };
  return new PretrainedTensor(huggingFaceName(name), shape, dtype, bytes, source);
}

function huggingFaceName(name: string): string {
  const [, layer, part, kind] = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name) ?? [];
  const known = part === undefined ? undefined : layer === undefined ? OUTSIDE[part] : INSIDE[part];
  if (known === undefined) return name;
  return layer === undefined ? `${known}.${kind}` : `model.layers.${layer}.${known}.${kind}`;
}

/** llama.cpp's converter reorders the rows of Llamas only. */
function interleaving(
  name: string,
  architecture: Architecture | undefined,
): { interleavedHeads?: number } {
  if (architecture?.family !== "llama") return {};
  if (/\.attn_q\.\w+$/.test(name)) return { interleavedHeads: architecture.heads };
  if (/\.attn_k\.\w+$/.test(name)) return { interleavedHeads: architecture.kvHeads };
  return {};
}
