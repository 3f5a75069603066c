import * as z from "zod";
import { UsageError } from "../errors.ts";
import { parseConfig } from "../parse_config.ts";
import { type Architecture, architectureSchema, FAMILIES } from "../language_model/architecture.ts";
import type { GgufHeader, GgufValue } from "./gguf.ts";

/** Of a family's keys ("llama.block_count"), those that say how the model computes; without the family's name. */
const keysSchema = z.strictObject({
  "block_count": z.int(),
  "context_length": z.int(),
  "embedding_length": z.int(),
  "feed_forward_length": z.int(),
  "attention.head_count": z.int(),
  "attention.head_count_kv": z.int().optional(),
  "attention.key_length": z.int().optional(),
  "attention.value_length": z.int().optional(),
  "attention.layer_norm_rms_epsilon": z.number(),
  "rope.freq_base": z.number().default(10_000),
  "rope.dimension_count": z.int().optional(),
  "rope.scaling.type": z.enum(["none", "linear"], "only none and linear are supported").default(
    "none",
  ),
  "rope.scaling.factor": z.number().optional(),
  "vocab_size": z.int().optional(),
  // What must be off.
  "attention.causal": z.literal(true).optional(),
  "attention.sliding_window": z.literal(0).optional(),
  "use_parallel_residual": z.literal(false).optional(),
  "expert_count": z.literal(0).optional(),
  "expert_used_count": z.literal(0).optional(),
  // What the scaling does not need.
  "rope.scaling.original_context_length": z.int().optional(),
  "rope.scaling.finetuned": z.boolean().optional(),
});

/** The table of divisors of rotary frequencies, which is how a file holds Llama 3's scaling. */
export const ROPE_DIVISORS = "rope_freqs.weight";

/**
 * The architecture that a GGUF file states.
 *
 * @param divisors The numbers of the tensor `ROPE_DIVISORS`, if there is one.
 * @throws UsageError by the key for a model of another family, a key that is wrong or missing, one that asks for what is not
 *   supported, and one that is not known: it may change what the weights compute.
 */
export function architectureOfGguf(
  { path, metadata, tensors }: GgufHeader,
  divisors?: ArrayLike<number>,
): Architecture {
  const family = parseConfig(
    z.enum(FAMILIES),
    metadata.get("general.architecture"),
    `${path}: general.architecture`,
  );
  const parts = metadata.get("split.count");
  if (typeof parts === "number" && parts > 1) {
    throw new UsageError(path, `one of ${parts} parts`, "join them by llama-gguf-split --merge");
  }
  const keys = parseConfig(keysSchema, ofFamily(metadata, family), `${path}: ${family}`);
  const heads = keys["attention.head_count"], hiddenSize = keys.embedding_length;
  const headDim = keys["attention.key_length"] ?? hiddenSize / heads;
  for (const key of ["attention.value_length", "rope.dimension_count"] as const) {
    if ((keys[key] ?? headDim) !== headDim) {
      throw new UsageError(`${path}: ${family}.${key}`, keys[key], `only ${headDim}, as keys have`);
    }
  }
  if (divisors && keys["rope.scaling.type"] !== "none") {
    throw new UsageError(
      `${path}: ${family}.rope.scaling.type`,
      keys["rope.scaling.type"],
      `not supported beside ${ROPE_DIVISORS}: choose a model without it`,
    );
  }
  const token = (name: string) => metadata.get(`tokenizer.ggml.${name}_token_id`) ?? null;
  const stop = [token("eos"), token("eot")].filter((id) => id !== null);
  const embedding = tensors.find(({ name }) => name === "token_embd.weight");
  return parseConfig(architectureSchema, {
    family,
    vocabularySize: keys.vocab_size ?? embedding?.shape[0],
    hiddenSize,
    intermediateSize: keys.feed_forward_length,
    layers: keys.block_count,
    heads,
    kvHeads: keys["attention.head_count_kv"] ?? heads,
    headDim,
    normEpsilon: keys["attention.layer_norm_rms_epsilon"],
    ropeTheta: keys["rope.freq_base"],
    ropeScaling: divisors
      ? { type: "divisors", divisors: Array.from(divisors) }
      : keys["rope.scaling.type"] === "linear"
      ? { type: "linear", factor: keys["rope.scaling.factor"] }
      : { type: "default" },
    // A file without an output layer has none of its own.
    tiedEmbeddings: !tensors.some(({ name }) => name === "output.weight"),
    qkvBias: tensors.some(({ name }) => name.endsWith("attn_q.bias")),
    maxPositions: keys.context_length,
    bosTokenId: token("bos"),
    eosTokenIds: [...new Set(stop)],
    padTokenId: token("padding"),
  }, path);
}

/** The keys of a family, without its name. */
function ofFamily(
  metadata: ReadonlyMap<string, GgufValue>,
  family: string,
): Record<string, GgufValue> {
  const start = `${family}.`;
  return Object.fromEntries(
    [...metadata].filter(([key]) => key.startsWith(start))
      .map(([key, value]) => [key.slice(start.length), value]),
  );
}
