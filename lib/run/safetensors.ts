/**
 * The safetensors format, as PyTorch's `safetensors` reads and writes it
 * (https://github.com/huggingface/safetensors): 8 bytes little-endian header length, a JSON header
 * padded with spaces to a multiple of 8, then the tensors' bytes, without gaps, row-major and
 * little-endian.
 *
 * Equal tensors give equal bytes: names are sorted, keys have one order. Not supported: 64-bit
 * integers, 16-bit floats and booleans, which the kit does not store.
 */
import { z } from "zod";
import { UsageError } from "../errors.ts";

const DTYPES = {
  F32: Float32Array,
  F64: Float64Array,
  I32: Int32Array,
  U32: Uint32Array,
  U8: Uint8Array,
} as const;
type DType = keyof typeof DTYPES;

export type TensorData = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;

/** Values in row-major order; `shape`'s product is their number, [] is one scalar. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** A file's content. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The header's `__metadata__`: strings only. */
  readonly metadata: Readonly<Record<string, string>>;
}

// The format's own bound on headers, against files that are something else.
const MAX_HEADER_BYTES = 100_000_000;

const size = z.int().nonnegative();
const entrySchema = z.strictObject({
  dtype: z.enum(Object.keys(DTYPES) as [DType, ...DType[]]),
  shape: z.array(size),
  data_offsets: z.tuple([size, size]),
});
const headerSchema = z.object({ __metadata__: z.record(z.string(), z.string()).default({}) })
  .catchall(entrySchema);

/** The bytes of a safetensors file with these tensors. */
export function writeSafetensors(
  tensors: Iterable<readonly [string, StoredTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  // As in the reference writer: wider types first, so that every tensor is aligned; then by name.
  const sorted = [...new Map(tensors)].sort(([a, x], [b, y]) =>
    y.data.BYTES_PER_ELEMENT - x.data.BYTES_PER_ELEMENT || (a < b ? -1 : 1)
  );
  const header: Record<string, unknown> = {};
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) {
    header["__metadata__"] = Object.fromEntries(keys.map((key) => [key, metadata[key]]));
  }
  let offset = 0;
  for (const [name, { shape, data }] of sorted) {
    if (name === "__metadata__") throw new TypeError("a tensor may not be named __metadata__");
    if (product(shape) !== data.length) {
      throw new TypeError(`${name}: shape [${shape}] does not hold ${data.length} values`);
    }
    const end = offset + data.byteLength;
    header[name] = { dtype: dtypeOf(data), shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const out = new Uint8Array(8 + headerBytes + offset);
  new DataView(out.buffer).setBigUint64(0, BigInt(headerBytes), true);
  out.fill(0x20, 8, 8 + headerBytes);
  out.set(json, 8);
  let at = 8 + headerBytes;
  for (const [, { data }] of sorted) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return out;
}

/**
 * The tensors in `bytes`, copied out of it. Anything a strict reader would refuse is a UsageError:
 * a header that is cut, too long or no such JSON, unknown types, gaps, overlaps, missing bytes.
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
  const header = parseHeader(bytes.subarray(8, 8 + headerBytes), refuse);
  const { __metadata__: metadata, ...entries } = header;
  const body = bytes.subarray(8 + headerBytes);
  const tensors = new Map<string, StoredTensor>();
  let end = 0;
  const inOrder = Object.entries(entries).sort(([, a], [, b]) =>
    a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1]
  );
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of inOrder) {
    const type = DTYPES[dtype];
    if (from !== end) refuse(`${name}: starts at ${from}, not ${end}`);
    if (to - from !== product(shape) * type.BYTES_PER_ELEMENT) {
      refuse(`${name}: ${to - from} bytes for ${dtype} [${shape}]`);
    }
    if (to > body.length) refuse(`${name}: ends at ${to} of ${body.length}`);
    tensors.set(name, { shape, data: new type(body.slice(from, to).buffer) });
    end = to;
  }
  if (end !== body.length) refuse(`${body.length - end} bytes after the last tensor`);
  return { tensors, metadata };
}

function parseHeader(
  bytes: Uint8Array,
  refuse: (problem: string) => never,
): z.output<typeof headerSchema> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    return refuse((error as Error).message);
  }
  const parsed = headerSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  return refuse(`header ${issue.path.join(".")}: ${issue.message}`);
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, length) => total * length, 1);
}

function dtypeOf(data: TensorData): DType {
  const found = Object.entries(DTYPES).find(([, type]) => data instanceof type);
  if (!found) throw new TypeError(`${data.constructor.name} has no safetensors type here`);
  return found[0] as DType;
}
