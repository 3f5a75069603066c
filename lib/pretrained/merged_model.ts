import { resolve } from "node:path";
import type { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import { transposed } from "../language_model/transposed.ts";
import { UsageError } from "../errors.ts";
import { sha256 } from "../numeric/digest.ts";
import type { NamedTensor } from "../nn/model.ts";
import { exists, readBytes, writeFolderAtomically } from "../run/files.ts";
import { type StoredTensor, writeSafetensors } from "../run/safetensors.ts";
import { configOfArchitecture } from "./config_of_architecture.ts";
import { readGgufHeader } from "./gguf.ts";
import { tokenizerOfGguf } from "./gguf_tokenizer.ts";
import type { PretrainedModel } from "./read_pretrained.ts";
import { statOf } from "./read_range.ts";

/** Files of a tokenizer, as far as a model has them. */
const TOKENIZER = [
  ...["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"],
  ...["vocab.json", "merges.txt", "chat_template.jinja", "generation_config.json"],
];

/**
 * Writes a model with its adapters merged into the weights, W + alpha / rank B A, as a Hugging Face folder: config.json,
 * model.safetensors and the tokenizer. It is a `LlamaForCausalLM` or `Qwen2ForCausalLM`, with a value head a
 * `...ForTokenClassification`, and served as any other. Logits are the model's, up to rounding and as far as the storages of
 * the two agree.
 *
 * @param pretrained What the model's weights were loaded from; all of its tensors are in memory at a time.
 * @param folder Created; must not exist.
 * @param dtype What weights are rounded to; default: "BF16".
 * @throws UsageError for other pretrained weights than the model's, a rotary scaling that only GGUF can say, and a folder that
 *   exists.
 */
export async function writeMergedModel(
  model: CausalLanguageModel,
  pretrained: PretrainedModel,
  folder: string,
  { dtype = "BF16" }: { readonly dtype?: "F32" | "F16" | "BF16" } = {},
): Promise<void> {
  const { valueHead } = model.config;
  const config = configOfArchitecture(pretrained.architecture, dtype, valueHead?.outputs);
  const trained = await model.tensors();
  const stored = (shape: readonly number[], data: Float32Array): StoredTensor =>
    dtype === "F16" ? { shape, data: new Float16Array(data), dtype } : { shape, data, dtype };
  const tensors: [string, StoredTensor][] = [];
  for (const [name, tensor] of pretrained.tensors) {
    const numbers = tensor.readFinite();
    if (sha256(new Uint8Array(numbers.buffer)) !== model.weights.digestOf(name)) {
      const remedy = "the model was made of other weights: give those";
      throw new UsageError(pretrained.path, name, remedy);
    }
    // A token classifier has no output layer.
    if (valueHead && name === "lm_head.weight") continue;
    merge(numbers, name.replace(/\.weight$/, ""), trained, model);
    tensors.push([name, stored(tensor.shape, numbers)]);
  }
  if (valueHead) {
    const { "score.weight": weight, "score.bias": bias } = trained;
    const [inputs, outputs] = weight!.shape;
    const turned = transposed(weight!.data, inputs!, outputs!);
    tensors.push(["score.weight", stored([outputs!, inputs!], turned)]);
    tensors.push(["score.bias", stored(bias!.shape, bias!.data)]);
  }
  const files = {
    "config.json": json(config),
    "model.safetensors": writeSafetensors(tensors, { format: "pt" }),
    ...tokenizerFiles(pretrained.path),
  };
  if (writeFolderAtomically(resolve(folder), files)) return;
  throw new UsageError("folder", folder, "it exists: name a new one, or remove it first");
}

/** Adds a projection's adapter, if it has one, to its weight (outputs, inputs). */
function merge(
  weight: Float32Array,
  name: string,
  trained: Readonly<Record<string, NamedTensor>>,
  { config: { lora } }: CausalLanguageModel,
): void {
  const down = trained[`${name}.lora_A.weight`], up = trained[`${name}.lora_B.weight`];
  if (!lora || !down || !up) return;
  const [inputs, rank] = down.shape, outputs = up.shape[1]!, scale = lora.alpha / lora.rank;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs!; i++) {
      let sum = 0;
      for (let k = 0; k < rank!; k++) sum += up.data[k * outputs + o]! * down.data[i * rank! + k]!;
      weight[o * inputs! + i]! += scale * sum;
    }
  }
}

function tokenizerFiles(path: string): Record<string, Uint8Array> {
  if (!statOf(path, "the pretrained model was there").isDirectory) {
    return { "tokenizer.json": json(tokenizerOfGguf(readGgufHeader(path).metadata)) };
  }
  return Object.fromEntries(
    TOKENIZER.filter((name) => exists(`${path}/${name}`))
      .map((name) => [name, readBytes(`${path}/${name}`, "it was there")]),
  );
}

function json(content: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(content, null, 2)}\n`);
}
