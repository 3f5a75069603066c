import { UsageError } from "../errors.ts";
import type { BatchRecords } from "../tensor/backend.ts";
import { maximum } from "../numeric/extrema.ts";

/** One token sequence with whatever a pass needs of it. All arrays have one entry per token. */
export interface Sequence {
  readonly tokens: readonly number[];
  /** Position ids; 0, 1, 2, ... where omitted. */
  readonly positions?: readonly number[];
  /**
   * Next-token targets of the language head, and their weights (0 = not trained on). Weights may be negative if the
   * loss is given a normalizer.
   */
  readonly targets?: readonly number[];
  readonly weights?: readonly number[];
  /** Targets of the value head: (tokens, outputs) row-major; and weights per token. */
  readonly valueTargets?: readonly number[];
  readonly valueWeights?: readonly number[];
}

/** Throws UsageError if no batch has this shape: the kernels work on 4 tokens at a time. */
export function checkShape(sequences: number, length: number): void {
  if (!Number.isInteger(sequences) || sequences < 1) {
    throw new UsageError("sequences", sequences, "give one or more");
  }
  if (!Number.isInteger(length) || length < 4 || length % 4 !== 0) {
    throw new UsageError("length", length, "give a positive multiple of 4");
  }
}

/**
 * Packs ragged sequences into (sequences, length) records, padded at the end with token 0 of weight 0 (causal
 * attention keeps padding from being seen).
 *
 * @param length Tokens per row, a multiple of 4; throws RangeError if a sequence is longer.
 */
export function packBatch(sequences: readonly Sequence[], length: number): BatchRecords {
  checkShape(sequences.length, length);
  const n = sequences.length * length;
  const records: Record<string, Int32Array | Float32Array> = {
    tokens: new Int32Array(n),
    positions: new Int32Array(n),
  };
  const put = (
    label: string,
    make: (n: number) => Int32Array | Float32Array,
    row: number,
    values: readonly number[] | undefined,
    tokens: number,
  ) => {
    if (!values) return;
    const cols = values.length / tokens;
    if (!Number.isInteger(cols)) {
      throw new RangeError(
        `${label} of sequence ${row} has ${values.length} entries for ${tokens} tokens`,
      );
    }
    const record = records[label] ??= make(n * cols);
    if (record.length !== n * cols) {
      throw new RangeError(
        `${label} of sequence ${row} has ${values.length} entries for ${tokens} tokens, ` +
          `those before it ${record.length / n} a token`,
      );
    }
    record.set(values, row * length * cols);
    if (record instanceof Int32Array) {
      const wrong = values.findIndex((x, i) => record[row * length * cols + i] !== x);
      if (wrong >= 0) {
        throw new RangeError(`${label} of sequence ${row}: ${values[wrong]} is not an int32`);
      }
    }
  };
  const int = (k: number) => new Int32Array(k), float = (k: number) => new Float32Array(k);
  sequences.forEach((s, row) => {
    const count = s.tokens.length;
    if (count === 0) throw new RangeError(`sequence ${row} has no tokens`);
    if (count > length) {
      throw new RangeError(`sequence ${row} has ${count} tokens, the batch has room for ${length}`);
    }
    put("tokens", int, row, s.tokens, count);
    put("positions", int, row, s.positions ?? Array.from(s.tokens, (_, i) => i), count);
    put("targets", int, row, s.targets, count);
    put("weights", float, row, s.weights, count);
    put("valueTargets", float, row, s.valueTargets, count);
    put("valueWeights", float, row, s.valueWeights, count);
  });
  return records;
}

/** The smallest batch length, a multiple of 4, that holds every sequence. */
export function batchLength(sequences: readonly Sequence[]): number {
  return Math.ceil(Math.max(4, maximum(sequences.map((s) => s.tokens.length))) / 4) * 4;
}
