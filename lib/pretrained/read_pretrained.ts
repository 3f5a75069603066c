import { UsageError } from "../errors.ts";
import { exists } from "../run/files.ts";
import type { Architecture } from "../language_model/architecture.ts";
import { tensorShapes } from "../language_model/tensor_shapes.ts";
import { readGgufHeader } from "./gguf.ts";
import { architectureOfGguf, ROPE_DIVISORS } from "./gguf_architecture.ts";
import { ggufTensor } from "./gguf_tensors.ts";
import { architectureOfConfig } from "./hugging_face_config.ts";
import { parseJsonFile } from "./json_file.ts";
import type { PretrainedTensor } from "./pretrained_tensor.ts";
import { statOf } from "./read_range.ts";
import { safetensorsTensors } from "./safetensors_tensors.ts";

/** A pretrained model on disk: what it computes, and its weights, which are read one by one. */
export interface PretrainedModel {
  /** The folder or file that it was read from. */
  readonly path: string;
  readonly architecture: Architecture;
  /** By Hugging Face's names, in the order of `tensorShapes`: exactly those. */
  readonly tensors: ReadonlyMap<string, PretrainedTensor>;
  /** How many numbers the tensors have. */
  readonly parameters: number;
}

const CONFIG = "config.json", GENERATION = "generation_config.json";
const REMEDY = `give a folder with ${CONFIG} and safetensors, or a GGUF file`;
const HEAD = "lm_head.weight", EMBEDDING = "model.embed_tokens.weight";

/**
 * A model of Llama's kind (`FAMILIES`) out of a Hugging Face folder (config.json, safetensors in F32, F16 or BF16, in one
 * file or in shards) or out of a GGUF file (F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K). No weights are loaded:
 * `loadPretrainedWeights` does that.
 *
 * A GGUF file holds query and key rows of a Llama in another order; its tensors are in Hugging Face's order here, stored
 * bytes included.
 *
 * @throws UsageError that names the file and the field or tensor: of a configuration that asks for what is not supported,
 *   tensors that are missing, too many, of another shape or type, a file that is cut short, an output layer that differs from
 *   the embedding although the two are tied.
 */
export function readPretrained(path: string): PretrainedModel {
  const { isDirectory } = statOf(path, REMEDY);
  const { architecture, found } = isDirectory ? readFolder(path) : readGguf(path);
  const tensors = new Map<string, PretrainedTensor>();
  const rest = new Map(found);
  for (const [name, shape] of tensorShapes(architecture)) {
    const tensor = found.get(name);
    const wanted = `[${shape}]`;
    if (!tensor) throw new UsageError(path, name, `missing: the configuration wants it ${wanted}`);
    if (`[${tensor.shape}]` !== wanted) {
      throw new UsageError(
        `${tensor.source.path}: ${tensor.source.name}`,
        `[${tensor.shape}]`,
        `the configuration wants ${wanted}: it is of another model`,
      );
    }
    tensors.set(name, tensor);
    rest.delete(name);
  }
  for (const [name, tensor] of rest) checkExtra(name, tensor, tensors);
  const parameters = [...tensors.values()].reduce((sum, { size }) => sum + size, 0);
  return { path, architecture, tensors, parameters };
}

interface Found {
  readonly architecture: Architecture;
  readonly found: ReadonlyMap<string, PretrainedTensor>;
}

function readFolder(path: string): Found {
  const config = parseJsonFile(`${path}/${CONFIG}`, REMEDY);
  const generation = `${path}/${GENERATION}`;
  const architecture = architectureOfConfig(
    config,
    `${path}/${CONFIG}`,
    exists(generation) ? parseJsonFile(generation, REMEDY) : undefined,
  );
  return { architecture, found: safetensorsTensors(path) };
}

function readGguf(path: string): Found {
  const header = readGgufHeader(path);
  const divisors = header.tensors.find(({ name }) => name === ROPE_DIVISORS);
  const architecture = architectureOfGguf(
    header,
    divisors && ggufTensor(divisors, header).read(),
  );
  const tensors = header.tensors.filter((tensor) => tensor !== divisors)
    .map((tensor) => ggufTensor(tensor, header, architecture));
  return { architecture, found: new Map(tensors.map((tensor) => [tensor.name, tensor])) };
}

/** A tensor that the architecture has no place for. */
function checkExtra(
  name: string,
  tensor: PretrainedTensor,
  tensors: ReadonlyMap<string, PretrainedTensor>,
): void {
  // A table that early Llamas saved, although it follows from the configuration.
  if (name.endsWith(".rotary_emb.inv_freq")) return;
  const field = `${tensor.source.path}: ${tensor.source.name}`;
  if (name !== HEAD) {
    throw new UsageError(field, `[${tensor.shape}]`, "the configuration has no such weights");
  }
  if (!isSame(tensor, tensors.get(EMBEDDING)!)) {
    const remedy = `differs from ${EMBEDDING}: say "tie_word_embeddings": false in ${CONFIG}`;
    throw new UsageError(field, "tied", remedy);
  }
}

function isSame(a: PretrainedTensor, b: PretrainedTensor): boolean {
  if (a.dtype !== b.dtype || `${a.shape}` !== `${b.shape}`) return false;
  const x = a.readStored(), y = b.readStored();
  return x.every((byte, i) => byte === y[i]);
}
