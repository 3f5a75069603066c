import { basename, resolve } from "node:path";
import { type BackendName, createBackend } from "../backend/create.ts";
import { CausalLanguageModel } from "../language_model/causal_language_model.ts";
import { ChatTemplate } from "../llm/onnx/chat_template.ts";
import { readAdapter } from "../pretrained/adapter.ts";
import { type GgufValue, readGgufHeader } from "../pretrained/gguf.ts";
import { tokenizerOfGguf } from "../pretrained/gguf_tokenizer.ts";
import { loadPretrainedWeights } from "../pretrained/load_weights.ts";
import { type PretrainedModel, readPretrained } from "../pretrained/read_pretrained.ts";
import { UsageError } from "../errors.ts";
import { RolloutTokenizer } from "../rollouts/tokenizer.ts";
import type { Backend } from "../tensor/backend.ts";
import type { WeightStorage } from "../tensor/tape.ts";
import { textTokenizer } from "./text_tokenizer.ts";

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
export interface OpenPretrained extends Disposable {
  /** Of the folder or file, and of the adapter. */
  readonly name: string;
  readonly path: string;
  readonly model: CausalLanguageModel;
  readonly tokenizer: RolloutTokenizer;
  /** By token: the bytes that it stands for. */
  readonly tokenBytes: readonly Uint8Array[];
  readonly template: ChatTemplate | undefined;
}

/** Tokens of the longest sequence, where a model is made for more. */
const MOST_TOKENS = 8192;

/**
 * Opens a model of Llama's kind: a Hugging Face folder or a GGUF file, with its tokenizer.
 *
 * @throws UsageError that names what is wrong: with the files, the memory, the adapter, a tokenizer with more tokens than the
 *   model has.
 */
export async function openPretrained(
  path: string,
  { adapter, storage = "bfloat16", backend = "wasm", threads = 1 }: PretrainedOptions = {},
): Promise<OpenPretrained> {
  const pretrained = readPretrained(path);
  const { tokenBytes } = textTokenizer(path);
  const engine = await createBackend(backend, { threads });
  try {
    const model = modelOf(engine, pretrained, { adapter, storage });
    const { tokenizer, template } = pretrainedText(path);
    const { vocabularySize } = pretrained.architecture;
    if (tokenizer.size > vocabularySize) {
      const remedy = `the model has ${vocabularySize}: give it its own tokenizer`;
      throw new UsageError(tokenizer.path, `${tokenizer.size} tokens`, remedy);
    }
    const names = [path, ...adapter === undefined ? [] : [adapter]];
    return {
      name: names.map((name) => basename(resolve(name), ".gguf")).join(" + "),
      ...{ path, model, tokenizer, tokenBytes, template },
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

/** The tokenizer of a model of Llama's kind, and its chat template if there is one; its weights are not read. */
export function pretrainedText(path: string): Pick<OpenPretrained, "tokenizer" | "template"> {
  if (!path.endsWith(".gguf")) {
    return { tokenizer: RolloutTokenizer.load(path), template: ChatTemplate.load(path) };
  }
  const { metadata } = readGgufHeader(path);
  const template = metadata.get("tokenizer.chat_template");
  return {
    tokenizer: new RolloutTokenizer(path, tokenizerOfGguf(metadata)),
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
