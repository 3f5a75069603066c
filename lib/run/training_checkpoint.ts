/** A model's training state as safetensors: weights, AdamW's moments, steps taken, and the caller's metadata. */
import type { Model } from "../nn/model.ts";
import { transformerParameters } from "../nn/transformer.ts";
import type { StateName } from "../tensor/backend.ts";
import { UsageError } from "../errors.ts";
import { readSafetensors, type StoredTensor, writeSafetensors } from "./safetensors.ts";

const STATES: readonly StateName[] = ["weights", "m", "v"];

/** Tensor name of a state: weights have their own names, so that other tools find them. */
function prefixed(state: StateName, name: string): string {
  return state === "weights" ? name : `adamw.${state}.${name}`;
}

/** Serializes a model. `moments: false` leaves out the optimizer's state, for finished models. */
export async function saveTraining(
  model: Model,
  metadata: Readonly<Record<string, string>>,
  { moments = true } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const tensors: [string, StoredTensor][] = [];
  for (const state of moments ? STATES : STATES.slice(0, 1)) {
    for (const [name, tensor] of Object.entries(await model.tensors(state))) {
      tensors.push([prefixed(state, name), tensor]);
    }
  }
  const config = JSON.stringify(model.config);
  return writeSafetensors(tensors, { ...metadata, step: String(model.step), config });
}

/** Puts a saved state back into a model of the same architecture and returns the metadata. */
export function loadTraining(
  model: Model,
  bytes: Uint8Array,
  path = "checkpoint",
): Readonly<Record<string, string>> {
  const { tensors, metadata } = readSafetensors(bytes, path);
  const step = Number(metadata.step);
  if (!Number.isInteger(step)) {
    throw new UsageError(
      path,
      `step ${metadata.step}`,
      "not a training checkpoint: compute it again",
    );
  }
  const names = transformerParameters(model.config).map((p) => p.name);
  for (const state of STATES) {
    const entries = names.flatMap((name) => {
      const tensor = tensors.get(prefixed(state, name));
      return tensor
        ? [[name, { shape: tensor.shape, data: tensor.data as Float32Array }] as const]
        : [];
    });
    // A finished model has no moments; every other gap is an error that setTensors names.
    if (entries.length > 0 || state === "weights") {
      model.setTensors(Object.fromEntries(entries), state);
    }
  }
  model.step = step;
  return metadata;
}

/** Several finished models in one file, each under its name and a slash; no optimizer's state. */
export async function saveModels(
  models: Readonly<Record<string, Model>>,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const tensors: [string, StoredTensor][] = [];
  for (const [name, model] of Object.entries(models)) {
    for (const [tensor, value] of Object.entries(await model.tensors())) {
      tensors.push([`${name}/${tensor}`, value]);
    }
  }
  return writeSafetensors(tensors, metadata);
}

/** Puts saved models back and returns the metadata. */
export function loadModels(
  models: Readonly<Record<string, Model>>,
  bytes: Uint8Array,
  path = "checkpoint",
): Readonly<Record<string, string>> {
  const { tensors, metadata } = readSafetensors(bytes, path);
  for (const [name, model] of Object.entries(models)) {
    const prefix = `${name}/`;
    model.setTensors(Object.fromEntries(
      [...tensors].filter(([tensor]) => tensor.startsWith(prefix)).map(([tensor, value]) => [
        tensor.slice(prefix.length),
        { shape: value.shape, data: value.data as Float32Array },
      ]),
    ));
  }
  return metadata;
}
