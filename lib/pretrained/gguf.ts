/** A value of a GGUF file's metadata; 64-bit integers as numbers. */
export type GgufValue = string | number | boolean | readonly GgufValue[];

/** More than any header with a vocabulary of 50,000 tokens has, in bytes. */
const LARGEST_HEADER = 16 * 2 ** 20;
const MAGIC = "GGUF";
const VERSION = 3;

/**
 * The metadata at the head of a GGUF file, by key: what llama.cpp knows of the model besides its weights.
 *
 * Source: docs/gguf.md of ggml-org/ggml, version 3, little-endian. Throws an Error for a file of another kind.
 */
export function readGgufMetadata(path: string): Map<string, GgufValue> {
  const reader = new Reader(readHead(path, LARGEST_HEADER));
  const magic = String.fromCharCode(...reader.bytes(MAGIC.length));
  const version = reader.uint32();
  if (magic !== MAGIC || version !== VERSION) {
    throw new Error(`${path}: not a GGUF file of version ${VERSION}`);
  }
  reader.uint64(); // tensors
  const entries = reader.uint64();
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < entries; i++) metadata.set(reader.string(), reader.value(reader.uint32()));
  return metadata;
}

function readHead(path: string, most: number): Uint8Array<ArrayBuffer> {
  using file = Deno.openSync(path);
  const head = new Uint8Array(Math.min(most, file.statSync().size));
  let filled = 0;
  while (filled < head.length) {
    const count = file.readSync(head.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return head.subarray(0, filled);
}

/** Reads one value after the other; a RangeError beyond the end. */
class Reader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #decoder = new TextDecoder();
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  bytes(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw new RangeError("the file ends in its header");
    return this.#bytes.subarray(this.#at, this.#at += length);
  }

  uint32(): number {
    return this.#view.getUint32(this.#next(4), true);
  }

  uint64(): number {
    return Number(this.#view.getBigUint64(this.#next(8), true));
  }

  string(): string {
    return this.#decoder.decode(this.bytes(this.uint64()));
  }

  value(type: number): GgufValue {
    switch (type) {
      case 0:
        return this.#view.getUint8(this.#next(1));
      case 1:
        return this.#view.getInt8(this.#next(1));
      case 2:
        return this.#view.getUint16(this.#next(2), true);
      case 3:
        return this.#view.getInt16(this.#next(2), true);
      case 4:
        return this.uint32();
      case 5:
        return this.#view.getInt32(this.#next(4), true);
      case 6:
        return this.#view.getFloat32(this.#next(4), true);
      case 7:
        return this.#view.getUint8(this.#next(1)) !== 0;
      case 8:
        return this.string();
      case 9: {
        const element = this.uint32();
        return Array.from({ length: this.uint64() }, () => this.value(element));
      }
      case 10:
        return this.uint64();
      case 11:
        return Number(this.#view.getBigInt64(this.#next(8), true));
      case 12:
        return this.#view.getFloat64(this.#next(8), true);
      default:
        throw new Error(`no GGUF type: ${type}`);
    }
  }

  #next(length: number): number {
    const at = this.#at;
    this.#at += length;
    return at;
  }
}
