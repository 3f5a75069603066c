/** The pretrained models of this experiment: what is known of them before they are opened, and where they are. */
import { UsageError } from "../../lib/errors.ts";
import type { Architecture } from "../../lib/language_model/architecture.ts";
import type { PretrainedWeights } from "../../lib/language_model/pretrained_weights.ts";
import {
  howToGet,
  isKnownModel,
  KNOWN_MODELS,
  knownModelPath,
  type ModelSize,
} from "../../lib/pretrained/known_models.ts";
import { loadPretrainedWeights } from "../../lib/pretrained/load_weights.ts";
import { readPretrained } from "../../lib/pretrained/read_pretrained.ts";
import { exists } from "../../lib/run/files.ts";
import type { Backend } from "../../lib/tensor/backend.ts";
import type { WeightStorage } from "../../lib/tensor/tape.ts";
import { byteArchitecture, byteWeights } from "../../lib/text_models/byte_weights.ts";
import {
  ByteTokenizer,
  type TextTokenizer,
  textTokenizer,
} from "../../lib/text_models/text_tokenizer.ts";

/** A pretrained model on a backend, and its tokenizer. */
export interface BaseModel {
  readonly weights: PretrainedWeights;
  readonly tokenizer: TextTokenizer;
}

/** The model that needs nothing: random weights, made on the spot. It can learn next to nothing. */
export const TINY = "tiny";
/** One of twice the width. */
export const TINY_WIDE = "tiny-wide";

const TINY_MODELS: ReadonlyMap<string, Architecture> = new Map([
  [TINY, byteArchitecture()],
  [TINY_WIDE, byteArchitecture({ hiddenSize: 64, intermediateSize: 96, heads: 8, kvHeads: 4 })],
]);
/** How large a model is. Throws a UsageError for a path where there is none. */
export function modelSize(name: string): ModelSize {
  if (isKnownModel(name)) return KNOWN_MODELS[name].size;
  return TINY_MODELS.get(name) ?? readPretrained(name).architecture;
}

/** What to say where a model is not on this machine; undefined where it is. */
export function lacking(name: string): string | undefined {
  if (TINY_MODELS.has(name) || pathOf(name) !== undefined) return undefined;
  return isKnownModel(name)
    ? howToGet(name)
    : `${name}: there is no such model: give a Hugging Face folder or a GGUF file`;
}

/** The model, with its weights on the backend. Throws a UsageError where it cannot be had. */
export function openModel(name: string, backend: Backend, storage: WeightStorage): BaseModel {
  const tiny = TINY_MODELS.get(name);
  if (tiny) {
    return { weights: byteWeights(backend, storage, tiny), tokenizer: new ByteTokenizer() };
  }
  const path = pathOf(name);
  if (path === undefined) throw new UsageError("model", name, lacking(name)!);
  const read = readPretrained(path), tokenizer = textTokenizer(path, read.architecture);
  return { weights: loadPretrainedWeights(backend, read, { storage }), tokenizer };
}

/** Where a model is, if it is there. */
function pathOf(name: string): string | undefined {
  if (isKnownModel(name)) return knownModelPath(name);
  return exists(name) ? name : undefined;
}
