import { type Architecture, architectureSchema } from "./architecture.ts";

/** An architecture of Llama's kind with a few thousand weights, for tests and trials; fields may be replaced. */
export function tinyArchitecture(changes: Partial<Architecture> = {}): Architecture {
  return architectureSchema.parse({
    family: "llama",
    vocabularySize: 37,
    hiddenSize: 32,
    intermediateSize: 48,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 16,
    normEpsilon: 1e-5,
    ropeTheta: 10_000,
    ropeScaling: { type: "default" },
    tiedEmbeddings: true,
    qkvBias: false,
    maxPositions: 256,
    bosTokenId: 1,
    eosTokenIds: [2],
    padTokenId: null,
    ...changes,
  });
}
