/**
 * The safetensors format, as the Python package `safetensors` reads and writes it
 * (https://github.com/huggingface/safetensors): 8 bytes little-endian header length, a JSON header
 * padded with spaces to a multiple of 8, then the tensors' bytes, without gaps, row-major and
 * little-endian.
 *
 * Equal tensors give equal bytes: names are sorted, keys have one order.
 */
import { UsageError } from "../errors.ts";
import {
  BITS,
  type DType,
  MAX_HEADER_BYTES,
  METADATA,
  parseLayout,
  sizeOf,
} from "./safetensors_header.ts";

/** What the numbers of a tensor are stored as. */
export type { DType } from "./safetensors_header.ts";

/** What holds a type's values. */
const ARRAYS = {
  BOOL: Uint8Array,
  F4: Uint8Array,
  F6_E2M3: Uint8Array,
  F6_E3M2: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  F8_E5M2: Uint8Array,
  F8_E4M3: Uint8Array,
  F8_E8M0: Uint8Array,
  F8_E4M3FNUZ: Uint8Array,
  F8_E5M2FNUZ: Uint8Array,
  I16: Int16Array,
  U16: Uint16Array,
  F16: Float16Array,
  BF16: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  F32: Float32Array,
  C64: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
} as const satisfies Record<DType, unknown>;

/** Types by alignment, as in the reference. */
const ORDER = Object.keys(BITS) as readonly DType[];
/** The types whose values an array has by itself. */
const PLAIN: readonly DType[] = [
  ...["U8", "I8", "I16", "U16", "F16", "I32"] as const,
  ...["U32", "F32", "F64", "I64", "U64"] as const,
];

/** A tensor's numbers. */
export type TensorData =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Float16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** A tensor of a file. */
export interface StoredTensor {
  /** [] is one scalar. */
  readonly shape: readonly number[];
  /**
   * Values in row-major order: as many as the shape's product. Where JavaScript has no such numbers: BOOL is 0 and 1;
   * BF16 is widened to Float32Array, which holds it exactly; C64 is real and imaginary parts in turn; of F8, F6 and F4
   * there are the bytes as they are in the file.
   */
  readonly data: TensorData;
  /** Default when writing: the array's own type. Float32Array written as BF16 is rounded to the nearest, ties to even. */
  readonly dtype?: DType;
}

/** A file's content. */
export interface Safetensors {
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, Required<StoredTensor>>;
  /** The header's `__metadata__`: strings only. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The bytes of a safetensors file with these tensors.
 *
 * @throws TypeError for a tensor whose data do not fit its type and shape, for a name or metadata that are not well-formed
 *   strings, and for more of them than a header may have.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, StoredTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const utf8 = new TextEncoder();
  const stored = [...new Map(tensors)].map(([name, tensor]) => {
    if (name === METADATA) throw new TypeError(`a tensor may not be named ${METADATA}`);
    return { name, ...encode(name, tensor) };
  });
  // As in the reference writer: wider types first, so that every tensor is aligned; then by name.
  stored.sort((a, b) =>
    ORDER.indexOf(b.dtype) - ORDER.indexOf(a.dtype) ||
    compareBytes(utf8.encode(a.name), utf8.encode(b.name))
  );
  // Written by hand: an object's fields cannot have any name in any order.
  const fields: string[] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) {
    const pairs = keys.map((key) => `${quoted(key)}:${quoted(metadata[key])}`);
    fields.push(`"${METADATA}":{${pairs.join(",")}}`);
  }
  let offset = 0;
  for (const { name, dtype, shape, bytes } of stored) {
    const data_offsets = [offset, offset += bytes.length];
    fields.push(`${quoted(name)}:${JSON.stringify({ dtype, shape, data_offsets })}`);
  }
  const json = utf8.encode(`{${fields.join(",")}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  if (headerBytes > MAX_HEADER_BYTES) {
    throw new TypeError(`header of ${headerBytes} bytes: the format allows ${MAX_HEADER_BYTES}`);
  }
  const out = new Uint8Array(8 + headerBytes + offset);
  new DataView(out.buffer).setBigUint64(0, BigInt(headerBytes), true);
  out.fill(0x20, 8, 8 + headerBytes);
  out.set(json, 8);
  let at = 8 + headerBytes;
  for (const { bytes } of stored) {
    out.set(bytes, at);
    at += bytes.length;
  }
  return out;
}

/**
 * The tensors in `bytes`, copied out of it. What the reference reader refuses is a UsageError: a header that is cut, too
 * long or no such JSON, unknown types, gaps, overlaps, missing bytes. What it takes is read, but for one thing: an empty
 * tensor that is longer than 2^53 - 1 somewhere.
 *
 * @param path The file's name in messages.
 */
export function readSafetensors(bytes: Uint8Array, path: string): Safetensors {
  const refuse = (problem: string): never => {
    throw new UsageError(path, problem, "not a whole safetensors file: compute or copy it again");
  };
  if (bytes.length < 8) refuse(`${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > bytes.length) {
    refuse(`header of ${headerBytes} bytes in a file of ${bytes.length}`);
  }
  // Not `bytes.subarray`: that of Node's Buffer has a `slice` which does not copy.
  const part = (from: number, to = bytes.length) =>
    new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);
  const body = part(8 + headerBytes);
  const { metadata, entries } = parseLayout(part(8, 8 + headerBytes), body.length, refuse);
  const tensors = new Map<string, Required<StoredTensor>>();
  for (const [name, { dtype, shape, offsets: [from, to] }] of entries) {
    tensors.set(name, { dtype, shape, data: decode(dtype, body.slice(from, to).buffer) });
  }
  return { tensors, metadata };
}

/** Less than 0 where `a` comes first. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 || at >= b.length ? a.length - b.length : a[at]! - b[at]!;
}

/** A tensor's bytes in a file. */
function encode(name: string, { shape, data, dtype = plainType(data) }: StoredTensor) {
  if (!(data instanceof ARRAYS[dtype])) {
    throw new TypeError(`${name}: ${dtype} is written from ${ARRAYS[dtype].name}`);
  }
  const { buffer, byteOffset, byteLength } = dtype === "BF16"
    ? toBfloat16(data as Float32Array)
    : data;
  const refuse = (problem: string): never => {
    throw new TypeError(`${name}: ${problem}`);
  };
  if (sizeOf(dtype, shape, refuse) !== byteLength) {
    refuse(`shape [${shape}] does not hold ${data.length} values`);
  }
  return { dtype, shape, bytes: new Uint8Array(buffer, byteOffset, byteLength) };
}

function decode(dtype: DType, bytes: ArrayBuffer): TensorData {
  return dtype === "BF16" ? fromBfloat16(new Uint16Array(bytes)) : new ARRAYS[dtype](bytes);
}

/** The upper half of a float32's bits, rounded to nearest, ties to even. A NaN stays one, with what payload has room. */
function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (x) => {
    const isNaN = (x & 0x7fffffff) > 0x7f800000;
    // A payload in the lower half alone would leave an infinity.
    if (isNaN) return (x >>> 16) | ((x & 0xffff) === 0 ? 0 : 0x40);
    return (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
  });
}

function fromBfloat16(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (x) => x << 16).buffer);
}

function plainType(data: TensorData): DType {
  const found = PLAIN.find((dtype) => data instanceof ARRAYS[dtype]);
  if (!found) throw new TypeError(`${(data as object).constructor.name} has no safetensors type`);
  return found;
}

/** JSON of a string that UTF-8 can hold. */
function quoted(text: unknown): string {
  if (typeof text !== "string" || !text.isWellFormed()) {
    throw new TypeError(`${JSON.stringify(text)} is no well-formed string`);
  }
  return JSON.stringify(text);
}
