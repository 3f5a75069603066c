import * as z from "zod";
import { type Lora, PROJECTIONS } from "../language_model/config.ts";
import { loraSchema } from "../language_model/lora.ts";
import { UsageError } from "../errors.ts";
import { parseConfig } from "../parse_config.ts";

/** What of PEFT's adapter_config.json says how an adapter computes. */
const configSchema = z.looseObject({
  peft_type: z.literal("LORA"),
  task_type: z.enum(["CAUSAL_LM", "TOKEN_CLS"]).nullish(),
  r: loraSchema.shape.rank,
  lora_alpha: loraSchema.shape.alpha,
  target_modules: z.preprocess(
    (value) => value === "all-linear" ? undefined : value,
    loraSchema.shape.targetModules,
  ),
  modules_to_save: z.array(z.enum(["score", "classifier"])).nullish(),
  bias: z.literal("none").optional(),
  // Other ways change the pretrained weights, too.
  init_lora_weights: z.literal([true, false, "gaussian", "eva", "orthogonal"]).optional(),
});

/** Fields that change nothing of what a trained adapter computes. */
const HARMLESS = new Set([
  ...["peft_version", "base_model_name_or_path", "revision", "inference_mode", "lora_dropout"],
  ...["megatron_core", "qalora_group_size", "runtime_config", "auto_mapping"],
]);

/** PEFT's name of the file. */
export const ADAPTER_CONFIG = "adapter_config.json";

/** What an adapter_config.json says. */
export interface AdapterConfig {
  readonly lora: Lora;
  /** Whether a value head was trained with it. */
  readonly hasValueHead: boolean;
}

/**
 * Reads the content of an adapter_config.json of PEFT.
 *
 * @param path The file's name in messages.
 * @throws UsageError by the field's name for what is no LoRA, and for a field that asks for what is not supported (DoRA,
 *   rank-stabilized scaling, ranks of single layers, ...) or is not known and not off.
 */
export function parseAdapterConfig(content: unknown, path: string): AdapterConfig {
  const config = parseConfig(configSchema, content, path);
  for (const [field, value] of Object.entries(config)) {
    if (Object.hasOwn(configSchema.shape, field) || HARMLESS.has(field) || isOff(value)) continue;
    const shown = typeof value === "object" ? JSON.stringify(value) : value;
    throw new UsageError(`${path}.${field}`, shown, "not supported: only plain LoRA is");
  }
  const { r, lora_alpha, target_modules, modules_to_save, task_type } = config;
  return {
    lora: { rank: r, alpha: lora_alpha, targetModules: target_modules },
    // PEFT saves the head of a classifier whether or not it is named.
    hasValueHead: task_type === "TOKEN_CLS" || (modules_to_save ?? []).includes("score"),
  };
}

/** Whether a field of PEFT's is not in use. */
function isOff(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === null || value === false;
}

/** The content of an adapter_config.json. @param base Name or path of the pretrained model. */
export function adapterConfig(
  { lora, hasValueHead }: AdapterConfig,
  base: string | null,
): Record<string, unknown> {
  return {
    peft_type: "LORA",
    task_type: hasValueHead ? "TOKEN_CLS" : "CAUSAL_LM",
    base_model_name_or_path: base,
    inference_mode: true,
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    target_modules: Object.keys(PROJECTIONS).filter((name) =>
      lora.targetModules.some((target) => target === name)
    ),
    modules_to_save: hasValueHead ? ["score"] : null,
    bias: "none",
    fan_in_fan_out: false,
    init_lora_weights: true,
  };
}
