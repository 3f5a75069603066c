import { PretrainedWeights } from "../language_model/pretrained_weights.ts";
import { UsageError } from "../errors.ts";
import { maximum } from "../numeric/extrema.ts";
import type { Backend } from "../tensor/backend.ts";
import type { WeightStorage } from "../tensor/tape.ts";
import { checkModelMemory, gibibytes, weightBytes } from "./model_memory.ts";
import type { PretrainedModel } from "./read_pretrained.ts";

/** Bytes for each number that is read. */
const READ = 4;

/** Bytes that WebAssembly can address: of weights, adapters and activations together. */
const WASM_BYTES = 2 ** 32;

/**
 * Loads a pretrained model's weights onto a backend, some rows of a tensor at a time.
 *
 * @param storage How matrices are kept: "bfloat16" takes half of float32's memory and is what most models were trained in;
 *   Q8_0 and Q4 of GGUF files become what they stand for. Results depend on it.
 * @param available Bytes of memory; default: what this process may use.
 * @throws UsageError, before anything is loaded, for an architecture that the kernels cannot run and weights that do not fit
 *   into memory; for a file that is cut short, and by name and place for a weight that is not finite or that "float16" has
 *   no number for.
 */
export function loadPretrainedWeights(
  backend: Backend,
  model: PretrainedModel,
  { storage, available }: { readonly storage: WeightStorage; readonly available?: number },
): PretrainedWeights {
  const bytes = weightBytes(model, storage);
  if (backend.name === "wasm" && bytes >= WASM_BYTES) {
    const remedy = `WebAssembly addresses ${gibibytes(WASM_BYTES)} in all: ` +
      (storage === "float32" ? 'use storage "bfloat16", ' : "use ") +
      'a smaller model or the backend "webgpu"';
    throw new UsageError(model.path, `${gibibytes(bytes)} of ${storage} weights`, remedy);
  }
  // A GPU's memory is its own, and what it lacks is said by its driver.
  if (backend.name === "wasm") {
    checkModelMemory(model, storage, READ * largestPart(model), available);
  }
  return new PretrainedWeights(backend, model.architecture, storage)
    .write((name) => model.tensors.get(name)!.finiteParts());
}

/** Numbers of the largest part of a tensor. */
function largestPart({ tensors }: PretrainedModel): number {
  return maximum([...tensors.values()].map(({ partSize }) => partSize));
}
