/**
 * The JSON header of a safetensors file, read as the reference reads it: the Rust crate `safetensors`, which the Python
 * package wraps, by serde_json and serde. JSON.parse would take numbers with a fraction and lone surrogates, and drop all
 * but the last of several fields of one name.
 */
import { parse, type StringNode, type ValueNode } from "@humanwhocodes/momoa";

/** Bits of a value by type, in the reference's order of alignment. */
export const BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

/** A type of safetensors. */
export type DType = keyof typeof BITS;

/** What the header says of a tensor. */
export interface HeaderEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Its first byte and the one after its last, from the end of the header on. */
  readonly offsets: readonly [number, number];
}

/** What a header says. */
export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: ReadonlyMap<string, HeaderEntry>;
}

/** The format's own bound on headers, against files that are something else. */
export const MAX_HEADER_BYTES = 100_000_000;

/** The name among the tensors' under which a header has metadata. */
export const METADATA = "__metadata__";
const FIELDS = ["dtype", "shape", "data_offsets"] as const;
/** Arrays and objects in each other, as serde_json allows them. */
const MAX_DEPTH = 127;
/** The reference counts in 64 bits. */
const MAX_COUNT = 2n ** 64n - 1n;

/**
 * Bytes of a tensor in the file.
 *
 * @throws RangeError for a shape that is not of integers in 0..2^53-1, whose product overflows 64 bits (a 0 behind that
 *   does not undo it), or whose values do not fill whole bytes.
 */
export function bytesOf(dtype: DType, shape: readonly number[]): number {
  const counted = (n: bigint) => {
    if (n > MAX_COUNT) throw new RangeError(`shape [${shape}] of ${dtype} overflows 64 bits`);
    return n;
  };
  let values = 1n;
  for (const length of shape) {
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new RangeError(`shape [${shape}]: ${length} is no integer in 0..2^53-1`);
    }
    values = counted(values * BigInt(length));
  }
  const bits = counted(values * BigInt(BITS[dtype]));
  if (bits % 8n !== 0n) throw new RangeError(`shape [${shape}] of ${dtype} ends within a byte`);
  return Number(bits / 8n);
}

/** `bytesOf`; `refuse` is called with what is wrong with the shape. */
export function sizeOf(
  dtype: DType,
  shape: readonly number[],
  refuse: (problem: string) => never,
): number {
  try {
    return bytesOf(dtype, shape);
  } catch (error) {
    return refuse((error as Error).message);
  }
}

/**
 * Reads a header whose tensors are to fill the bytes behind it without gaps; `refuse` is called with what is wrong with it.
 *
 * @param bodyBytes Length of the file behind the header.
 * @returns Its entries in the order of the data.
 */
export function parseLayout(
  bytes: Uint8Array,
  bodyBytes: number,
  refuse: (problem: string) => never,
): Header {
  const { metadata, entries } = parseHeader(bytes, refuse);
  const inOrder = [...entries].sort(([, { offsets: a }], [, { offsets: b }]) =>
    a[0] - b[0] || a[1] - b[1]
  );
  let end = 0;
  for (const [name, { dtype, shape, offsets: [from, to] }] of inOrder) {
    if (from !== end) refuse(`${name}: starts at ${from}, not ${end}`);
    if (to - from !== sizeOf(dtype, shape, (problem) => refuse(`${name}: ${problem}`))) {
      refuse(`${name}: ${to - from} bytes for ${dtype} [${shape}]`);
    }
    if (to > bodyBytes) refuse(`${name}: ends at ${to} of ${bodyBytes}`);
    end = to;
  }
  if (end !== bodyBytes) refuse(`${bodyBytes - end} bytes after the last tensor`);
  return { metadata, entries: new Map(inOrder) };
}

/** Reads a header; `refuse` is called with what is wrong with it. */
function parseHeader(bytes: Uint8Array, refuse: (problem: string) => never): Header {
  const wrong = (path: string, problem: string) => refuse(`header ${path}: ${problem}`);
  let root: Value;
  try {
    root = parseJson(bytes);
  } catch (error) {
    return refuse(`header: ${(error as Error).message}`);
  }
  if (!(root instanceof Fields)) return refuse("header: it is no object");
  let metadata: Record<string, string> | undefined;
  const entries = new Map<string, HeaderEntry>();
  for (const [name, value] of root.list) {
    if (name !== METADATA) {
      // Of tensors of one name the last counts.
      entries.set(name, parseEntry(value, (problem) => wrong(name, problem)));
    } else {
      if (metadata) wrong(METADATA, "it occurs twice");
      const list = value === null
        ? []
        : value instanceof Fields
        ? value.list
        : wrong(name, "no object");
      metadata = Object.fromEntries(list.map(([key, text]) => {
        return [key, typeof text === "string" ? text : wrong(`${METADATA}.${key}`, "no string")];
      }));
    }
  }
  return { metadata: metadata ?? {}, entries };
}

/** A tensor's entry: an object, whose unknown fields are skipped, or an array, as serde has it for any struct. */
function parseEntry(value: Value, wrong: (problem: string) => never): HeaderEntry {
  const isList = Array.isArray(value) && value.length === FIELDS.length;
  const list = value instanceof Fields
    ? value.list
    : isList
    ? FIELDS.map((field, i) => [field, value[i]!] as const)
    : wrong("no object");
  const [dtype, shape, offsets] = FIELDS.map((field) => {
    const found = list.filter(([name]) => name === field);
    return found.length === 1 ? found[0]![1] : wrong(`${field} occurs ${found.length} times`);
  }) as [Value, Value, Value];
  // serde takes a variant for an object of that one field, too.
  const [variant, content] = dtype instanceof Fields && dtype.list.length === 1
    ? dtype.list[0]!
    : [dtype, null];
  if (typeof variant !== "string" || content !== null || !Object.hasOwn(BITS, variant)) {
    return wrong(`dtype is none of ${Object.keys(BITS).join(", ")}`);
  }
  const integers = (value: Value, field: string) =>
    Array.isArray(value) && value.every((x) => Number.isInteger(x))
      ? value as number[]
      : wrong(`${field} is no list of integers in 0..2^53-1`);
  const [from, to, ...more] = integers(offsets, "data_offsets");
  if (from === undefined || to === undefined || more.length > 0) {
    return wrong("data_offsets are not two numbers");
  }
  return { dtype: variant as DType, shape: integers(shape, "shape"), offsets: [from, to] };
}

/** A JSON value with all its fields, also of one name. Numbers are NaN unless they are written as integers in 0..2^53-1. */
type Value = string | number | boolean | null | Value[] | Fields;

class Fields {
  constructor(readonly list: readonly (readonly [string, Value])[]) {}
}

/** Parses JSON as serde_json does. Throws SyntaxError where that would refuse it. */
function parseJson(bytes: Uint8Array): Value {
  // A byte order mark must not get lost: it is not JSON.
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  // The strict parser; the other keeps what this one loses, but takes control characters in strings.
  JSON.parse(text);
  const string = ({ value }: StringNode) => {
    if (!value.isWellFormed()) throw new SyntaxError("a lone surrogate in a string");
    return value;
  };
  const convert = (node: ValueNode, depth: number): Value => {
    if ((node.type === "Object" || node.type === "Array") && depth > MAX_DEPTH) {
      throw new SyntaxError(`more than ${MAX_DEPTH} objects and lists in each other`);
    }
    switch (node.type) {
      case "Object":
        return new Fields(
          node.members.map(({ name, value }) =>
            [string(name as StringNode), convert(value, depth + 1)] as const
          ),
        );
      case "Array":
        return node.elements.map(({ value }) => convert(value, depth + 1));
      case "String":
        return string(node);
      case "Number": {
        if (!Number.isFinite(node.value)) throw new SyntaxError("a number out of range");
        // To serde 1.0, 1e0 and -0 are floating-point numbers.
        const isInteger = /^\d+$/.test(text.slice(...node.range!));
        return isInteger && Number.isSafeInteger(node.value) ? node.value : NaN;
      }
      case "Boolean":
        return node.value;
      default:
        return null;
    }
  };
  return convert(parse(text, { mode: "json", ranges: true }).body, 1);
}
