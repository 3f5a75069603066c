import { resolve } from "node:path";
import type { Architecture } from "../language_model/architecture.ts";
import { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import { type Lora, trainedParameters } from "../language_model/config.ts";
import type { PretrainedWeights } from "../language_model/pretrained_weights.ts";
import { transposed } from "../language_model/transposed.ts";
import { UsageError } from "../errors.ts";
import type { NamedTensor } from "../nn/model.ts";
import type { ValueHead } from "../nn/transformer.ts";
import { readBytes, writeFolderAtomically } from "../run/files.ts";
import { readSafetensors, type StoredTensor, writeSafetensors } from "../run/safetensors.ts";
import { ADAPTER_CONFIG, adapterConfig, parseAdapterConfig } from "./adapter_config.ts";
import { parseJsonFile } from "./json_file.ts";

/** PEFT's names: of the file, and of what is before a tensor's name. */
const TENSORS = "adapter_model.safetensors", PREFIX = "base_model.model.";
/** Metadata of the file: the digest of the pretrained weights. */
const BASE = "genac.base";

const REMEDY = `give a folder with ${ADAPTER_CONFIG} and ${TENSORS}, as PEFT saves an adapter`;

/**
 * Writes what a model has learnt as PEFT saves an adapter: adapter_config.json and adapter_model.safetensors. PEFT and vLLM
 * load it. With a value head it is one to `AutoModelForTokenClassification` of as many labels, whose `score` it is.
 *
 * @param folder Created; must not exist.
 * @param base Name or path of the pretrained model, for PEFT's `AutoPeftModel` and for people; default: none.
 * @throws UsageError for a model without adapters, and for a folder that exists.
 */
export async function writeAdapter(
  model: CausalLanguageModel,
  folder: string,
  options: { readonly base?: string | null } = {},
): Promise<void> {
  const files = await adapterFiles(model, options);
  if (!writeFolderAtomically(resolve(folder), files)) {
    throw new UsageError("folder", folder, "it exists: name a new one, or remove it first");
  }
}

/** The files of `writeAdapter` by name. Throws a UsageError for a model without adapters. */
export async function adapterFiles(
  model: CausalLanguageModel,
  { base = null }: { readonly base?: string | null } = {},
): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const { config: { lora, valueHead }, weights } = model;
  if (!lora) throw new UsageError("lora", undefined, "the model has no adapters to write");
  const tensors = Object.entries(await model.tensors())
    .map(([name, tensor]) => [PREFIX + name, turned(tensor)] as const);
  const metadata = { format: "pt", [BASE]: weights.digest() };
  const config = adapterConfig({ lora, hasValueHead: valueHead !== undefined }, base);
  return {
    [ADAPTER_CONFIG]: new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`),
    [TENSORS]: writeSafetensors(tensors, metadata),
  };
}

/** What an adapter's files do not say of a model. */
export interface AdapterOptions {
  /** Tokens of the longest sequence. */
  readonly maxLength: number;
  /** Whether a loss or generation reads the output layer; default: if there is no value head. */
  readonly languageHead?: boolean;
  /** How a value head is trained; default: "squared_error" with one output, else "soft_cross_entropy". */
  readonly valueLoss?: ValueHead["loss"];
  /** As in `LanguageModelConfig`. */
  readonly checkpointing?: boolean;
}

/**
 * The model that an adapter of PEFT makes of pretrained weights, with the value head that was trained with it, if any.
 *
 * @param folder With adapter_config.json and adapter_model.safetensors (F32, F16 or BF16).
 * @throws UsageError that names the file and what is wrong: a field that is not supported, an adapter of another model (by its
 *   tensors' shapes or, of one that this kit wrote, by the digest of its weights), tensors that are missing, too many or not
 *   finite, a file that is cut short; or the option that is out of range.
 */
export function readAdapter(
  weights: PretrainedWeights,
  folder: string,
  { valueLoss, ...options }: AdapterOptions,
): CausalLanguageModel {
  const { architecture } = weights, path = `${folder}/${TENSORS}`;
  const { lora, hasValueHead } = parseAdapterConfig(
    parseJsonFile(`${folder}/${ADAPTER_CONFIG}`, REMEDY),
    `${folder}/${ADAPTER_CONFIG}`,
  );
  const { tensors: stored, metadata } = readSafetensors(readBytes(path, REMEDY), path);
  if (metadata[BASE] !== undefined && metadata[BASE] !== weights.digest()) {
    const remedy = "the adapter was trained on other weights than these: load those";
    throw new UsageError(`${path} ${BASE}`, metadata[BASE], remedy);
  }
  const outputs = hasValueHead ? valueOutputs(stored, path) : undefined;
  const valueHead = outputs === undefined ? undefined : {
    outputs,
    loss: valueLoss ?? (outputs === 1 ? "squared_error" : "soft_cross_entropy"),
  };
  const tensors = adapterTensors(stored, path, {
    architecture,
    lora,
    ...valueHead && { valueHead },
  });
  const model = new CausalLanguageModel(weights, {
    languageHead: !valueHead,
    ...options,
    lora,
    ...valueHead && { valueHead },
  });
  model.setTensors(tensors);
  return model;
}

type Stored = ReadonlyMap<string, StoredTensor>;

function valueOutputs(stored: Stored, path: string): number {
  const name = `${PREFIX}score.weight`, outputs = stored.get(name)?.shape[0];
  if (outputs === undefined) throw missing(path, name);
  return outputs;
}

/** The tensors as the model has them, all of them. */
function adapterTensors(
  stored: Stored,
  path: string,
  config: { architecture: Architecture; lora: Lora; valueHead?: ValueHead },
): Record<string, NamedTensor> {
  const rest = new Set(stored.keys());
  const tensors: Record<string, NamedTensor> = {};
  for (const { name, rows, cols } of trainedParameters(config)) {
    const key = PREFIX + name, tensor = stored.get(key);
    if (!tensor) throw missing(path, key);
    const wanted = `[${rows === 1 ? [cols] : [cols, rows]}]`, found = `[${tensor.shape}]`;
    if (found !== wanted) {
      const remedy = `the model's is ${wanted}: it is an adapter of another model`;
      throw new UsageError(`${path}: ${key}`, found, remedy);
    }
    tensors[name] = turned({ shape: tensor.shape, data: numbersOf(tensor, `${path}: ${key}`) });
    rest.delete(key);
  }
  for (const key of rest) {
    throw new UsageError(path, key, `${ADAPTER_CONFIG} and the model have no place for it`);
  }
  return tensors;
}

function missing(path: string, name: string): UsageError {
  return new UsageError(path, name, `missing: ${ADAPTER_CONFIG} or another model wants it`);
}

/** In float32. */
function numbersOf({ data, dtype }: StoredTensor, field: string): Float32Array {
  if (!(data instanceof Float32Array || data instanceof Float16Array)) {
    throw new UsageError(field, dtype, "only F32, F16 and BF16 are supported");
  }
  const numbers = new Float32Array(data);
  const bad = numbers.find((x) => !Number.isFinite(x));
  if (bad !== undefined) {
    throw new UsageError(field, bad, "a weight must be finite: train it again");
  }
  return numbers;
}

/** torch's (outputs, inputs) to the kit's (inputs, outputs), and back; vectors stay. */
function turned({ shape, data }: NamedTensor): NamedTensor {
  const [rows, cols] = shape;
  if (cols === undefined) return { shape, data };
  return { shape: [cols, rows!], data: transposed(data, rows!, cols) };
}
