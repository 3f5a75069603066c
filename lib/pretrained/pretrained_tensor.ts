import { UsageError } from "../errors.ts";
import { readRange } from "./read_range.ts";
import { type StoredType, widen } from "./stored_type.ts";

/** Where a tensor's bytes are. */
export interface TensorSource {
  readonly path: string;
  /** Of the first byte in the file. */
  readonly offset: number;
  /** What the file calls it. */
  readonly name: string;
  /**
   * Heads in each of which the file has the two rows of every rotary pair side by side (0, half, 1, half + 1, ...), as
   * llama.cpp's converter orders a Llama's queries and keys. Default: none.
   */
  readonly interleavedHeads?: number;
}

/** A tensor of a pretrained model, whose numbers stay in the file until they are read. */
export class PretrainedTensor {
  /**
   * @param name Hugging Face's.
   * @param shape Of matrices (outputs, inputs), row-major.
   * @param dtype What its numbers are stored as.
   * @param bytes Stored: of all rows.
   */
  constructor(
    readonly name: string,
    readonly shape: readonly number[],
    readonly dtype: StoredType,
    readonly bytes: number,
    readonly source: TensorSource,
  ) {}

  /** How many numbers it has. */
  get size(): number {
    return this.shape.reduce((product, length) => product * length, 1);
  }

  /** The bytes as they are stored, row by row in the order of `shape`. Throws a UsageError for a file that is cut short. */
  readStored(): Uint8Array<ArrayBuffer> {
    const { path, offset, interleavedHeads } = this.source;
    const stored = readRange(path, offset, this.bytes);
    return interleavedHeads ? withPairsApart(stored, this.shape[0]!, interleavedHeads) : stored;
  }

  /** The numbers, widened to float32. Throws a UsageError for a file that is cut short. */
  read(): Float32Array<ArrayBuffer> {
    return widen(this.dtype, this.readStored());
  }

  /** As `read`; throws a UsageError with the first place of a number that is not finite. */
  readFinite(): Float32Array<ArrayBuffer> {
    const numbers = this.read();
    for (let i = 0; i < numbers.length; i++) {
      if (Number.isFinite(numbers[i])) continue;
      const place: number[] = [];
      for (let axis = this.shape.length - 1, rest = i; axis >= 0; axis--) {
        place.unshift(rest % this.shape[axis]!);
        rest = Math.floor(rest / this.shape[axis]!);
      }
      throw new UsageError(
        `${this.source.path}: ${this.source.name} [${place}]`,
        numbers[i],
        "a weight must be finite: the model did not survive its training or conversion",
      );
    }
    return numbers;
  }
}

/** Rows of rotary pairs from side by side to half a head apart. */
function withPairsApart(
  stored: Uint8Array<ArrayBuffer>,
  rows: number,
  heads: number,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(stored.length);
  const rowBytes = stored.length / rows, headRows = rows / heads, half = headRows / 2;
  for (let row = 0; row < rows; row++) {
    const start = row - row % headRows, within = row % headRows;
    const from = start + 2 * (within % half) + Math.floor(within / half);
    out.set(stored.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return out;
}
