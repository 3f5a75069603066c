import type { TrainableModel } from "./trainable_model.ts";

/** Copies weights, with an optimizer that has taken no step. */
export async function copyModel(from: TrainableModel, to: TrainableModel): Promise<void> {
  const weights = await from.tensors();
  const zeros = Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [
      name,
      { shape, data: new Float32Array(data.length) },
    ]),
  );
  to.setTensors(weights);
  to.setTensors(zeros, "m");
  to.setTensors(zeros, "v");
  to.step = 0;
}
