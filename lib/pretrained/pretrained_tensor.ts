import { UsageError } from "../errors.ts";
import { readRange } from "./read_range.ts";
import { type StoredType, widen } from "./stored_type.ts";

/** Numbers that are widened at a time: an embedding is as large as a small model. */
const PART = 2 ** 21;

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
    return this.#finite(this.read(), 0);
  }

  /** The numbers of `readFinite` in parts of whole rows, at most `partSize` at a time. Throws as it does. */
  *finiteParts(): Generator<Float32Array<ArrayBuffer>, void> {
    if (this.partSize === this.size) return yield this.readFinite();
    const { path, offset } = this.source, rows = this.shape[0]!, columns = this.size / rows;
    const rowBytes = this.bytes / rows, most = this.partSize / columns;
    for (let row = 0; row < rows; row += most) {
      const count = Math.min(most, rows - row);
      const stored = readRange(path, offset + row * rowBytes, count * rowBytes);
      yield this.#finite(widen(this.dtype, stored), row * columns);
    }
  }

  /** The most numbers of a part of `finiteParts`: whole rows, where their order is the file's and they are many. */
  get partSize(): number {
    const { shape, size, source: { interleavedHeads } } = this;
    if (size <= PART || shape.length === 1 || interleavedHeads) return size;
    const columns = size / shape[0]!;
    return columns * Math.max(1, Math.floor(PART / columns));
  }

  /** Throws for numbers, of which the first is the tensor's `first`, that are not finite. */
  #finite(numbers: Float32Array<ArrayBuffer>, first: number): Float32Array<ArrayBuffer> {
    for (let i = 0; i < numbers.length; i++) {
      if (Number.isFinite(numbers[i])) continue;
      const place: number[] = [];
      for (let axis = this.shape.length - 1, rest = first + i; axis >= 0; axis--) {
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
