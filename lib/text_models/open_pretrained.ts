import { basename, resolve } from "node:path";
import { type BackendName, createBackend } from "../backend/create.ts";
import { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import { readAdapter } from "../pretrained/adapter.ts";
import { loadPretrainedWeights } from "../pretrained/load_weights.ts";
import { type PretrainedModel, readPretrained } from "../pretrained/read_pretrained.ts";
import type { Backend } from "../tensor/backend.ts";
import type { WeightStorage } from "../tensor/tape.ts";
import { type PretrainedText, pretrainedText } from "./pretrained_text.ts";

/** How a pretrained model is opened. */
export interface PretrainedOptions {
  /** Folder of an adapter in PEFT's layout; default: none. */
  readonly adapter?: string | undefined;
  /** How weights are kept; answers depend on it. Default: "bfloat16". */
  readonly storage?: WeightStorage;
  /** Default: "wasm". */
  readonly backend?: BackendName;
  /** Of WASM; answers do not depend on it. Default 1. */
  readonly threads?: number;
}

/** A pretrained model on the kit's own engine, with what turns text into its tokens. */
export interface OpenPretrained extends PretrainedText, Disposable {
  /** Of the folder or file, and of the adapter. */
  readonly name: string;
  readonly path: string;
  readonly model: CausalLanguageModel;
}

/** Tokens of the longest sequence, where a model is made for more. */
const MOST_TOKENS = 8192;

/**
 * Opens a model of Llama's kind: a Hugging Face folder or a GGUF file, with its tokenizer.
 *
 * @throws UsageError that names what is wrong: with the files, the memory, the adapter, or a tokenizer of another model.
 */
export async function openPretrained(
  path: string,
  { adapter, storage = "bfloat16", backend = "wasm", threads = 1 }: PretrainedOptions = {},
): Promise<OpenPretrained> {
  const pretrained = readPretrained(path), text = pretrainedText(path, pretrained.architecture);
  const engine = await createBackend(backend, { threads });
  try {
    const model = modelOf(engine, pretrained, { adapter, storage });
    const names = [path, ...adapter === undefined ? [] : [adapter]];
    return {
      name: names.map((name) => basename(resolve(name), ".gguf")).join(" + "),
      ...{ path, model, ...text },
      [Symbol.dispose]: () => engine.close(),
    };
  } catch (error) {
    engine.close();
    throw error;
  }
}

function modelOf(
  engine: Backend,
  pretrained: PretrainedModel,
  { adapter, storage }: { adapter: string | undefined; storage: WeightStorage },
): CausalLanguageModel {
  const weights = loadPretrainedWeights(engine, pretrained, { storage });
  const maxLength = Math.min(MOST_TOKENS, pretrained.architecture.maxPositions);
  return adapter === undefined
    ? new CausalLanguageModel(weights, { maxLength, languageHead: true })
    : readAdapter(weights, adapter, { maxLength });
}
