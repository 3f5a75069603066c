import { UsageError } from "../errors.ts";
import { availableMemory } from "../run/plan.ts";
import type { PretrainedModel } from "./read_pretrained.ts";

/** In which form weights are in memory: widened to float32, or as they are stored. */
export type WeightForm = "float32" | "stored";

/** Bytes that the weights of a model take in memory. */
export function weightBytes({ parameters, tensors }: PretrainedModel, form: WeightForm): number {
  if (form === "float32") return 4 * parameters;
  return [...tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Throws a UsageError with the number where a model's weights do not fit into memory; to be asked before they are loaded.
 *
 * @param more Bytes that are needed besides: adapters, optimizer, activations.
 * @param available Bytes; default: what this process may use.
 */
export function checkModelMemory(
  model: PretrainedModel,
  form: WeightForm,
  more = 0,
  available = availableMemory(),
): void {
  const needed = weightBytes(model, form) + more;
  if (needed <= available) return;
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  throw new UsageError(
    model.path,
    `${gib(needed)} in memory`,
    `${gib(available)} are available: use a smaller model or a larger machine`,
  );
}
