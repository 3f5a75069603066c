import { UsageError } from "../errors.ts";
import { frozenWeights } from "../language_model/config.ts";
import { availableMemory } from "../run/available_memory.ts";
import type { WeightStorage } from "../tensor/tape.ts";
import type { PretrainedModel } from "./read_pretrained.ts";

const BYTES = { float32: 4, float16: 2, bfloat16: 2 } as const satisfies Record<
  WeightStorage,
  number
>;

/** Bytes that the weights of a model take in memory. */
export function weightBytes(
  { architecture }: Pick<PretrainedModel, "architecture">,
  storage: WeightStorage,
): number {
  return frozenWeights({ architecture, storage })
    .reduce((sum, { rows, cols, storage }) => sum + rows * cols * BYTES[storage], 0);
}

/** Bytes as people read them. */
export function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}

/**
 * Throws a UsageError with the number where a model's weights do not fit into memory; to be asked before they are loaded.
 *
 * @param more Bytes that are needed besides: adapters, optimizer, activations.
 * @param available Bytes; default: what this process may use.
 */
export function checkModelMemory(
  model: PretrainedModel,
  storage: WeightStorage,
  more = 0,
  available = availableMemory(),
): void {
  const needed = weightBytes(model, storage) + more;
  if (needed <= available) return;
  throw new UsageError(
    model.path,
    `${gibibytes(needed)} in memory`,
    `${gibibytes(available)} are available: use a smaller model or a larger machine`,
  );
}
