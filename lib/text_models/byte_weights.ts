import type { Architecture } from "../language_model/architecture.ts";
import { PretrainedWeights, randomWeights } from "../language_model/pretrained_weights.ts";
import { tinyArchitecture } from "../language_model/tiny_architecture.ts";
import type { Backend } from "../tensor/backend.ts";
import type { WeightStorage } from "../tensor/tape.ts";

/** The architecture of a tiny model whose tokens are bytes (`ByteTokenizer`); fields may be replaced. */
export function byteArchitecture(changes: Partial<Architecture> = {}): Architecture {
  return tinyArchitecture({ vocabularySize: 256, maxPositions: 512, eosTokenIds: [], ...changes });
}

/**
 * As large as it takes for adapters to make a token almost certain: a logit is at most the norm of the output layer's column
 * times the root of the width.
 */
const EMBEDDING_SCALE = 3;

/**
 * Random weights of such an architecture, always the same: for tests and trials without a pretrained model. With adapters it
 * learns what little it can hold.
 */
export function byteWeights(
  backend: Backend,
  storage: WeightStorage,
  architecture: Architecture = byteArchitecture(),
): PretrainedWeights {
  const read = randomWeights(architecture, 1);
  return new PretrainedWeights(backend, architecture, storage).write((name) => {
    const values = read(name);
    return name === "model.embed_tokens.weight" ? values.map((x) => EMBEDDING_SCALE * x) : values;
  });
}
