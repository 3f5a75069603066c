/**
 * Digests of numbers and configurations: equal content, equal hexadecimal string, on every machine.
 */
import { sha256 as sha256InJavaScript } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

/** That of Deno and Node, several times as fast; a browser has none that answers at once. */
const crypto = globalThis.process?.getBuiltinModule?.("node:crypto");

/** The SHA-256 of the bytes as 64 lower-case hexadecimal digits. */
export function sha256(bytes: Uint8Array): string {
  return crypto?.createHash("sha256").update(bytes).digest("hex") ?? portableSha256(bytes);
}

/** `sha256` of bytes that come in parts. */
export interface Sha256OfParts {
  update(part: Uint8Array): void;
  hex(): string;
}

/** `sha256` of the parts that are given to it. */
export function sha256OfParts(): Sha256OfParts {
  const hash = crypto?.createHash("sha256");
  if (!hash) return portableSha256OfParts();
  return { update: (part) => void hash.update(part), hex: () => hash.digest("hex") };
}

/** `sha256` in plain JavaScript. */
export function portableSha256(bytes: Uint8Array): string {
  return bytesToHex(sha256InJavaScript(bytes));
}

/** `sha256OfParts` in plain JavaScript. */
export function portableSha256OfParts(): Sha256OfParts {
  const hash = sha256InJavaScript.create();
  return { update: (part) => void hash.update(part), hex: () => bytesToHex(hash.digest()) };
}

/**
 * JSON with one spelling per value: keys sorted by UTF-16 code unit, no white space, numbers in
 * ECMAScript's shortest form (-0 is written 0).
 *
 * Throws a TypeError that names the path of whatever JSON would drop or alter: NaN, infinities,
 * undefined (also as a property or in an array), functions, symbols, bigints, cycles, and objects
 * other than arrays and plain records.
 */
export function canonicalJson(value: unknown): string {
  return write(value, "$", []);
}

/** The SHA-256 of a value's canonical JSON; throws as `canonicalJson`. */
export function jsonSha256(value: unknown): string {
  return sha256(new TextEncoder().encode(canonicalJson(value)));
}

function write(value: unknown, path: string, parents: readonly object[]): string {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "number":
      if (!Number.isFinite(value)) refuse(path, String(value), "use null or a string for it");
      return JSON.stringify(value);
    case "object":
      return value === null ? "null" : writeObject(value, path, parents);
    default:
      return refuse(path, typeof value, "leave it out or convert it to a string or a number");
  }
}

function writeObject(value: object, path: string, parents: readonly object[]): string {
  if (parents.includes(value)) refuse(path, "a cycle", "refer to the object by a name instead");
  const inside = [...parents, value];
  if (Array.isArray(value)) {
    // Array.from visits holes too, which map would skip.
    return `[${Array.from(value, (item, i) => write(item, `${path}[${i}]`, inside)).join(",")}]`;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const name = (value as { constructor?: { name?: string } }).constructor?.name ?? "an object";
    refuse(path, name, "convert it to an array or a plain object");
  }
  const record = value as Record<string, unknown>;
  const fields = Object.keys(record).sort().map((key) =>
    `${JSON.stringify(key)}:${write(record[key], `${path}.${key}`, inside)}`
  );
  return `{${fields.join(",")}}`;
}

function refuse(path: string, what: string, remedy: string): never {
  throw new TypeError(`${path}: ${what} has no canonical JSON: ${remedy}`);
}

/**
 * The values' bits, little-endian, every NaN as 0x7fc00000: which NaN an operation gives is the one
 * thing WebAssembly leaves to the machine. -0 and 0 stay different.
 */
export function canonicalBytes(values: Float32Array): Uint8Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint8Array(4 * values.length);
  const view = new DataView(out.buffer);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    view.setUint32(4 * i, (word & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : word, true);
  }
  return out;
}
