import { parameterCount } from "../../lib/nn/flops.ts";
import type { TransformerConfig } from "../../lib/nn/transformer.ts";

const MIB = 2 ** 20;
/** A Worker with its code and heap, garbage included. Measured: 45 MiB in short cells, up to 145 MiB in long ones. */
const WORKER = 160 * MIB;
/** A model's compiled programs, whatever its size. */
const PROGRAMS = MIB;
/** Copies of the weights: themselves, transposed, two moments, and the gradients of four shards. */
const COPIES = 8;
/** Sequences of a forward pass, and rows that a lane generates side by side. */
const SEQUENCES = 64;

/** Bytes that a model takes that is trained and asked on sequences of at most `length` tokens. */
export function modelMemory(c: TransformerConfig, length: number): number {
  const outputs = (c.languageHead ? c.vocabularySize : 0) + (c.valueHead?.outputs ?? 0);
  // What its heads say of a pass's tokens, and what its layers keep of them.
  const floats = SEQUENCES * length * (outputs + c.layers * (c.loops ?? 1) * c.dModel);
  return PROGRAMS + 4 * (COPIES * parameterCount(c) + floats);
}

/**
 * A cell's peak memory in bytes, by estimate: above what was measured on Linux with one thread, by up to four times for
 * cells of seconds, whose heap stays small, and by less than twice for most of the longer ones.
 *
 * @param models `modelMemory` of all models that it makes: they are freed together, when it ends.
 */
export function cellMemory(models: readonly number[]): number {
  return models.reduce((sum, bytes) => sum + bytes, WORKER);
}
