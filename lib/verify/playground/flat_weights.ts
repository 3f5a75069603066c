import type { Model } from "../../nn/model.ts";

/** A model's weights, tensor after tensor in the order of `Model.tensors`: float32, as the machine has them. */
export async function flatWeights(model: Model): Promise<Uint8Array<ArrayBuffer>> {
  const tensors = Object.values(await model.tensors());
  return new Uint8Array(
    await new Blob(tensors.map(({ data }) => new Float32Array(data))).arrayBuffer(),
  );
}

/** Gives a model such weights. Throws a RangeError if they are more or fewer than it has. */
export async function setFlatWeights(model: Model, weights: Uint8Array): Promise<void> {
  // Of their own, so that numbers stand at whole words.
  const floats = new Float32Array(weights.slice().buffer);
  let at = 0;
  const named = Object.entries(await model.tensors()).map(([name, { shape, data }]) => {
    const own = floats.subarray(at, at += data.length);
    return [name, { shape, data: own }] as const;
  });
  if (at !== floats.length) throw new RangeError(`${floats.length} weights for a model of ${at}`);
  model.setTensors(Object.fromEntries(named));
}
