/** A model's training state as safetensors: weights, AdamW's moments, steps taken, and the caller's metadata. */
import type { NamedTensor, TrainableModel } from "../nn/trainable_model.ts";
import type { TransformerConfig } from "../nn/transformer.ts";
import type { StateName } from "../tensor/backend.ts";
import { UsageError } from "../errors.ts";
import { readSafetensors, type StoredTensor, writeSafetensors } from "./safetensors.ts";

const MOMENTS = ["m", "v"] as const;

/** What is before a tensor's name: weights have their own names, so that other tools find them. */
const PREFIXES: Readonly<Record<StateName, string>> = {
  weights: "",
  m: "adamw.m.",
  v: "adamw.v.",
};

/**
 * Serializes a model. `moments: false` leaves out the optimizer's state, for finished models.
 *
 * @param metadata Kept with it; `step` and `config` are the model's own.
 */
export async function saveTraining(
  model: TrainableModel,
  metadata: Readonly<Record<string, string>>,
  { moments = true } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const tensors: [string, StoredTensor][] = [];
  for (const state of ["weights", ...moments ? MOMENTS : []] as const) {
    for (const [name, tensor] of Object.entries(await model.tensors(state))) {
      tensors.push([PREFIXES[state] + name, tensor]);
    }
  }
  const config = JSON.stringify(model.config);
  return writeSafetensors(tensors, { ...metadata, step: String(model.step), config });
}

/**
 * Puts a saved state back into a model of the same config and returns the metadata. A model that was saved without moments
 * leaves the moments as they are.
 *
 * @param path The file's name in messages.
 * @throws UsageError for a file that is none of this model's training: with another config, a number of steps that is none,
 *   and tensors as in `TrainableModel.checkTensors`. The model is then as it was.
 */
export function loadTraining(
  model: TrainableModel,
  bytes: Uint8Array,
  path = "checkpoint",
): Readonly<Record<string, string>> {
  const { tensors, metadata } = readSafetensors(bytes, path);
  const step = Number(metadata.step);
  if (!/^\d+$/.test(metadata.step ?? "") || !Number.isSafeInteger(step)) {
    const remedy = "not a training checkpoint, which has a number of steps: compute it again";
    throw new UsageError(`${path} step`, metadata.step, remedy);
  }
  checkConfig(model.config, metadata.config, `${path} config`);
  const found = Object.groupBy(
    tensors,
    ([name]) => MOMENTS.find((state) => name.startsWith(PREFIXES[state])) ?? "weights",
  );
  // A finished model has no moments; one that has some has all.
  const states = ["weights", ...found.m || found.v ? MOMENTS : []] as const;
  const sets = states.map((state) => {
    const prefix = PREFIXES[state], named = namedTensors(found[state] ?? [], prefix);
    model.checkTensors(named, path, prefix);
    return [named, state] as const;
  });
  for (const [named, state] of sets) model.setTensors(named, state);
  model.step = step;
  return metadata;
}

/** What a file of several models has of each: a model's weights, or the moments of one that is in training (`momentsOf`). */
export type SavedModel = Pick<TrainableModel, "config" | "tensors" | "checkTensors" | "setTensors">;

/** A model's moments, as they are saved beside its weights. The number of its steps is for the caller to keep. */
export function momentsOf(model: TrainableModel): Record<"m" | "v", SavedModel> {
  const of = (state: StateName): SavedModel => ({
    config: model.config,
    tensors: () => model.tensors(state),
    checkTensors: (tensors, source, prefix) => model.checkTensors(tensors, source, prefix),
    setTensors: (tensors) => model.setTensors(tensors, state),
  });
  return { m: of("m"), v: of("v") };
}

/**
 * Several models in one file, each under its name and a slash.
 *
 * @param metadata Kept with them; `config/` and a model's name is its config.
 */
export async function saveModels(
  models: Readonly<Record<string, SavedModel>>,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const tensors: [string, StoredTensor][] = [];
  const configs: Record<string, string> = {};
  for (const [name, model] of Object.entries(models)) {
    for (const [tensor, value] of Object.entries(await model.tensors())) {
      tensors.push([`${name}/${tensor}`, value]);
    }
    configs[`config/${name}`] = JSON.stringify(model.config);
  }
  return writeSafetensors(tensors, { ...metadata, ...configs });
}

/**
 * Puts saved models back and returns the metadata.
 *
 * @param path The file's name in messages.
 * @throws UsageError for a file that does not have exactly these models: with other names, configs, or tensors as in
 *   `TrainableModel.checkTensors`. The models are then as they were.
 */
export function loadModels(
  models: Readonly<Record<string, SavedModel>>,
  bytes: Uint8Array,
  path = "checkpoint",
): Readonly<Record<string, string>> {
  const { tensors, metadata } = readSafetensors(bytes, path);
  // No tensor of a model has a slash in its name.
  const found = Map.groupBy(tensors, ([name]) => name.slice(0, name.lastIndexOf("/") + 1));
  const prefixes = Object.keys(models).map((name) => `${name}/`);
  for (const [prefix, [first]] of found) {
    if (prefixes.includes(prefix)) continue;
    const remedy = `this tensor is of none of the models to load: ${prefixes.join(", ")}`;
    throw new UsageError(path, first![0], remedy);
  }
  const sets = Object.entries(models).map(([name, model]) => {
    const prefix = `${name}/`, own = found.get(prefix);
    if (!own) {
      const there = [...found.keys()].join(", ");
      throw new UsageError(path, prefix, `the file has no model of this name, but ${there}`);
    }
    const field = `config/${name}`;
    // Files of several models did not have it at first.
    if (field in metadata) checkConfig(model.config, metadata[field], `${path} ${field}`);
    const named = namedTensors(own, prefix);
    model.checkTensors(named, path, prefix);
    return [model, named] as const;
  });
  for (const [model, named] of sets) model.setTensors(named);
  return metadata;
}

/** The tensors of one model and state. Whether their data are float32 is for `TrainableModel.checkTensors` to say. */
function namedTensors(
  tensors: readonly (readonly [string, StoredTensor])[],
  prefix: string,
): Record<string, NamedTensor> {
  return Object.fromEntries(
    tensors.map(([name, tensor]) => [name.slice(prefix.length), tensor as NamedTensor]),
  );
}

/** What a config that leaves these out means. */
const DEFAULTS = { loops: 1, mixer: "attention" } satisfies Partial<TransformerConfig>;

/** Throws UsageError for a saved config that is not the model's. */
function checkConfig(own: object, saved: string | undefined, source: string): void {
  let there: Map<string, unknown>;
  try {
    there = fieldsOf(JSON.parse(saved ?? ""));
  } catch {
    throw new UsageError(source, saved, "not a model's config: compute the checkpoint again");
  }
  // As it would be saved: without fields that are undefined.
  const here = fieldsOf(JSON.parse(JSON.stringify(own)));
  for (const field of new Set([...there.keys(), ...here.keys()])) {
    const [found, needed] = [there.get(field), here.get(field)];
    if (found === needed) continue;
    const remedy = `the model has ${needed}: use the config that the checkpoint was made with`;
    throw new UsageError(`${source} ${field}`, found, remedy);
  }
}

/** A config's fields, those of objects in it as `object.field`. */
function fieldsOf(config: object): Map<string, unknown> {
  const flat = (object: object, path: string): [string, unknown][] =>
    Object.entries(object).flatMap(([field, value]) =>
      typeof value === "object" && value !== null
        ? flat(value, `${path}${field}.`)
        : [[path + field, value]]
    );
  return new Map(flat({ ...DEFAULTS, ...config }, ""));
}
