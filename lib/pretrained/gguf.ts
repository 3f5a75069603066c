import { UsageError } from "../errors.ts";
import { COPY_AGAIN, readRange, statOf } from "./read_range.ts";

/** A value of a GGUF file's metadata; 64-bit integers as numbers. */
export type GgufValue = string | number | boolean | readonly GgufValue[];

/** What a GGUF file says of a tensor. */
export interface GgufTensor {
  readonly name: string;
  /** Row-major: the reverse of the file's order. */
  readonly shape: readonly number[];
  /** ggml's number of the type of its numbers. */
  readonly type: number;
  /** Its first byte's place in the file. */
  readonly offset: number;
}

/** The head of a GGUF file. */
export interface GgufHeader {
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  /** What llama.cpp knows of the model besides its weights, by key. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
}

const MAGIC = "GGUF";
const VERSION = 3;
/** Of the tensors' data, unless the metadata say otherwise. */
const ALIGNMENT = 32;
/** ggml's tensors have no more. */
const MOST_AXES = 4;
const REMEDY = "give a GGUF file for llama.cpp, little-endian";

/**
 * The head of a GGUF file.
 *
 * Source: docs/gguf.md of ggml-org/ggml, version 3, little-endian. Throws a UsageError for a file of another kind, or one that
 * ends in its head.
 */
export function readGgufHeader(path: string): GgufHeader {
  const reader = new Reader(path);
  const magic = String.fromCharCode(...reader.bytes(MAGIC.length));
  if (magic !== MAGIC) throw new UsageError(path, "not a GGUF file", REMEDY);
  const version = reader.uint32();
  if (version !== VERSION) {
    throw new UsageError(path, `not a GGUF file of version ${VERSION}: ${version}`, REMEDY);
  }
  const tensorCount = reader.uint64(), entries = reader.uint64();
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < entries; i++) metadata.set(reader.string(), reader.value(reader.uint32()));
  const tensors: GgufTensor[] = [];
  for (let i = 0; i < tensorCount; i++) {
    const name = reader.string(), axes = reader.uint32();
    if (axes > MOST_AXES) throw new UsageError(`${path}: ${name}`, `${axes} axes`, REMEDY);
    const shape = Array.from({ length: axes }, () => reader.uint64()).reverse();
    tensors.push({ name, shape, type: reader.uint32(), offset: reader.uint64() });
  }
  const alignment = metadata.get("general.alignment") ?? ALIGNMENT;
  if (typeof alignment !== "number" || alignment < 1) {
    throw new UsageError(`${path}: general.alignment`, alignment, "must be a positive number");
  }
  const start = Math.ceil(reader.at / alignment) * alignment;
  return {
    path,
    size: reader.size,
    metadata,
    tensors: tensors.map((tensor) => ({ ...tensor, offset: start + tensor.offset })),
  };
}

/** Reads one value after the other, and of the file no more than it needs. A UsageError beyond its end. */
class Reader {
  readonly #path: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly #decoder = new TextDecoder();
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(path: string) {
    this.#path = path;
    this.size = statOf(path, REMEDY).size;
  }

  /** Bytes read so far. */
  get at(): number {
    return this.#at;
  }

  bytes(length: number): Uint8Array {
    const at = this.#next(length);
    return this.#bytes.subarray(at, at + length);
  }

  uint32(): number {
    const at = this.#next(4);
    return this.#view.getUint32(at, true);
  }

  uint64(): number {
    const at = this.#next(8);
    return Number(this.#view.getBigUint64(at, true));
  }

  string(): string {
    return this.#decoder.decode(this.bytes(this.uint64()));
  }

  value(type: number): GgufValue {
    switch (type) {
      case 0:
        return this.bytes(1)[0]!;
      case 1:
        return this.#read(1, (view, at) => view.getInt8(at));
      case 2:
        return this.#read(2, (view, at) => view.getUint16(at, true));
      case 3:
        return this.#read(2, (view, at) => view.getInt16(at, true));
      case 4:
        return this.uint32();
      case 5:
        return this.#read(4, (view, at) => view.getInt32(at, true));
      case 6:
        return this.#read(4, (view, at) => view.getFloat32(at, true));
      case 7:
        return this.bytes(1)[0] !== 0;
      case 8:
        return this.string();
      case 9: {
        const element = this.uint32(), length = this.uint64();
        const values: GgufValue[] = [];
        for (let i = 0; i < length; i++) values.push(this.value(element));
        return values;
      }
      case 10:
        return this.uint64();
      case 11:
        return this.#read(8, (view, at) => Number(view.getBigInt64(at, true)));
      case 12:
        return this.#read(8, (view, at) => view.getFloat64(at, true));
      default:
        throw new UsageError(this.#path, `no GGUF type: ${type}`, REMEDY);
    }
  }

  #read<T>(length: number, get: (view: DataView, at: number) => T): T {
    const at = this.#next(length);
    return get(this.#view, at);
  }

  /** The place of the next `length` bytes, which it takes; they are in memory then. */
  #next(length: number): number {
    const at = this.#at, end = at + length;
    if (end > this.size) throw new UsageError(this.#path, "it ends in its header", COPY_AGAIN);
    if (end > this.#bytes.length) {
      const wanted = Math.min(this.size, Math.max(end, 2 * this.#bytes.length, 2 ** 20));
      this.#bytes = readRange(this.#path, 0, wanted);
      this.#view = new DataView(this.#bytes.buffer);
    }
    this.#at = end;
    return at;
  }
}
