import { UsageError } from "../errors.ts";
import { Model } from "../nn/model.ts";
import type { TransformerConfig } from "../nn/transformer.ts";
import { readSafetensors } from "../run/safetensors.ts";
import { loadModels, loadTraining } from "../run/training_checkpoint.ts";
import type { Backend } from "../tensor/backend.ts";
import type { ExportedModel } from "./exported_model.ts";
import { readTask } from "./task_metadata.ts";

/** Before a model's name in the metadata of a file of several. */
const SEVERAL = "config/";

/**
 * The model that `saveTraining` or `saveModels` wrote with `taskMetadata`, on a backend.
 *
 * @param path The file's name in messages.
 * @param name Which model of a file of several; default: the only one.
 * @throws UsageError for a file that is none of these, or whose model cannot be made again.
 */
export function loadSavedModel(
  backend: Backend,
  bytes: Uint8Array,
  path: string,
  name?: string,
): ExportedModel {
  const { metadata } = readSafetensors(bytes, path);
  const names = Object.keys(metadata).filter((key) => key.startsWith(SEVERAL))
    .map((key) => key.slice(SEVERAL.length)).sort();
  const chosen = names.length > 0 ? choose(names, name, path) : undefined;
  if (chosen === undefined && name !== undefined) {
    throw new UsageError("model", name, `${path} has one model without a name: leave it out`);
  }
  const task = readTask(metadata, path, chosen);
  const make = (field: string) => new Model(backend, parse(metadata[field], `${path} ${field}`));
  let model: Model;
  if (chosen === undefined) {
    model = make("config");
    loadTraining(model, bytes, path);
  } else {
    const models = Object.fromEntries(names.map((name) => [name, make(SEVERAL + name)]));
    loadModels(models, bytes, path);
    model = models[chosen]!;
  }
  const { size } = task.environment.vocabulary, { vocabularySize } = model.config;
  if (size !== vocabularySize) {
    const remedy = `its environment has ${size}: the kit's environment has changed since`;
    throw new UsageError(`${path} vocabularySize`, vocabularySize, remedy);
  }
  return { model, ...task };
}

function choose(names: readonly string[], name: string | undefined, path: string): string {
  if (name === undefined && names.length === 1) return names[0]!;
  if (name !== undefined && names.includes(name)) return name;
  throw new UsageError("model", name, `${path} has several: choose from ${names.join(", ")}`);
}

/** A config as the metadata has it; `Model` checks its fields. */
function parse(text: string | undefined, source: string): TransformerConfig {
  try {
    const config: unknown = JSON.parse(text ?? "");
    if (typeof config === "object" && config !== null) return config as TransformerConfig;
  } catch { /* Said below. */ }
  throw new UsageError(source, text, "not a model's config: is the file of this kit?");
}
