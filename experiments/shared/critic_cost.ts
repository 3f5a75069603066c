import type { CriticDefinition } from "../../lib/critic/critic.ts";
import {
  criticSequenceLength,
  type CriticSize,
  criticTransformer,
} from "../../lib/critic/neural_critic.ts";
import type { Environment } from "../../lib/env/environment.ts";
import { forwardFlops, trainingFlops } from "../../lib/nn/flops.ts";
import { modelMemory } from "./cell_memory.ts";

/** What a critic costs, in FLOPs and bytes, where it is not worth making one to ask it. */
export interface CriticCost {
  /** One training step on `sequences` sequences of full length. */
  training(sequences: number): number;
  /** Reading and writing `sequences` sequences of `length` tokens; default: of full length. */
  forward(sequences: number, length?: number): number;
  /** Bytes that one takes which learns from and writes sequences of `length` tokens; default: of full length. */
  memory(length?: number): number;
}

/** The cost of a critic of one kind and size in an environment. */
export function criticCost(
  definition: CriticDefinition,
  environment: Environment<unknown, unknown>,
  size: CriticSize,
): CriticCost {
  const transformer = criticTransformer(definition, environment, size);
  const full = criticSequenceLength(definition, environment);
  return {
    training: (sequences) => trainingFlops(transformer, sequences, full),
    forward: (sequences, length = full) => forwardFlops(transformer, sequences * length, length),
    memory: (length = full) => modelMemory(transformer, length),
  };
}
