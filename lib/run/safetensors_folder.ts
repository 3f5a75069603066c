import * as z from "zod";
import { UsageError } from "../errors.ts";
import { parseConfig } from "../parse_config.ts";
import { exists, readBytes } from "./files.ts";
import { readSafetensors, type Safetensors, type StoredTensor } from "./safetensors.ts";

/** What Hugging Face's `save_pretrained` calls a model of one file, and the index of one of several (shards). */
const WHOLE = "model.safetensors", INDEX = `${WHOLE}.index.json`;

const REMEDY = "not a whole model: copy all of its files again";

/** Names of files beside the index, and of nothing else. */
const indexSchema = z.looseObject({
  metadata: z.looseObject({}).optional(),
  weight_map: z.record(z.string(), z.string().regex(/^[^/\\]+\.safetensors$/)),
});

/**
 * The tensors of a model as Hugging Face saves it: of `model.safetensors`, or of the shards that
 * `model.safetensors.index.json` names; the index says which shard a tensor is read from. With both, as transformers does,
 * the whole file counts. Metadata are those of the files, of equal names the last file's.
 *
 * @throws UsageError for a folder without either, an index that is none, and a shard or tensor that is missing; what
 *   `readSafetensors` refuses is refused under the file's name.
 */
export function readSafetensorsFolder(folder: string): Safetensors {
  const tensors = new Map<string, Required<StoredTensor>>();
  const metadata: [string, string][] = [];
  for (const { path, names } of safetensorsFiles(folder)) {
    const found = readSafetensors(
      readBytes(path, names ? `${INDEX} names it: ${REMEDY}` : REMEDY),
      path,
    );
    for (const name of names ?? found.tensors.keys()) {
      const tensor = found.tensors.get(name);
      if (!tensor) throw missingTensor(path, name);
      tensors.set(name, tensor);
    }
    metadata.push(...Object.entries(found.metadata));
  }
  return { tensors, metadata: Object.fromEntries(metadata) };
}

/** A file of a model. */
export interface SafetensorsFile {
  readonly path: string;
  /** The tensors that are to be read from it; undefined = all. */
  readonly names: readonly string[] | undefined;
}

/**
 * The files of a model as Hugging Face saves it, sorted: see `readSafetensorsFolder`.
 *
 * @throws UsageError for a folder without `model.safetensors` or an index of shards, and for an index that is none.
 */
export function safetensorsFiles(folder: string): SafetensorsFile[] {
  const path = `${folder}/${WHOLE}`;
  if (exists(path)) return [{ path, names: undefined }];
  const index = `${folder}/${INDEX}`;
  const remedy = `give a folder with ${WHOLE} or ${INDEX}`;
  const map = parseIndex(readBytes(index, remedy), index);
  const byShard = Map.groupBy(Object.entries(map), ([, file]) => file);
  return [...byShard.keys()].sort().map((file) => ({
    path: `${folder}/${file}`,
    names: byShard.get(file)!.map(([name]) => name),
  }));
}

/** The error for a tensor that is not where the index says. */
export function missingTensor(path: string, name: string): UsageError {
  return new UsageError(path, name, `the index says that it is there: ${REMEDY}`);
}

/** The file of each tensor. */
function parseIndex(bytes: Uint8Array, path: string): Readonly<Record<string, string>> {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new UsageError(path, (error as Error).message, REMEDY);
  }
  return parseConfig(indexSchema, content, path).weight_map;
}
