/**
 * JSON files that carry the SHA-256 of their own content, so that a changed byte does not pass for
 * a result.
 */
import { UsageError } from "../errors.ts";
import { canonicalJson, sha256 } from "../tensor/digest.ts";
import type { Failure } from "./compare.ts";
import { readBytes, writeAtomically } from "./files.ts";

/** Raised when the layout of stored files changes: older ones are then refused, not misread. */
const FORMAT = 1;

/** The remedy for a stored file that cannot be used. */
export const RECOMPUTE = "--fresh computes it again";

/** Stored content that is not what was once written: a failed check, not bad usage. */
export class DamagedError extends Error implements Failure {
  override readonly name = "DamagedError";

  constructor(readonly where: string, readonly expected: string, readonly got: string) {
    super(`${where}: damaged: expected ${expected}, got ${got}; ${RECOMPUTE}`);
  }
}

/** `content` as the bytes of a sealed file. */
export function seal(content: object): Uint8Array<ArrayBuffer> {
  const body = { format: FORMAT, ...content };
  const sealed = { ...body, sha256: digest(body) };
  return new TextEncoder().encode(`${JSON.stringify(sealed, null, 2)}\n`);
}

export function writeSealed(path: string, content: object): void {
  writeAtomically(path, seal(content));
}

/**
 * The content of the sealed file at `path`, taken for a `T`.
 *
 * Throws a UsageError for a missing, truncated or outdated file, a DamagedError for a changed one.
 *
 * @param remedy What to do when there is no such file.
 */
export function readSealed<T>(path: string, remedy: string = RECOMPUTE): T {
  const text = new TextDecoder().decode(readBytes(path, remedy));
  if (!text.endsWith("}\n")) {
    throw new UsageError(path, "truncated", RECOMPUTE);
  }
  const { sha256: expected, ...body } = parse(path, text);
  const got = digest(body);
  if (expected !== got) throw new DamagedError(path, `sha256 ${expected}`, `sha256 ${got}`);
  if (body.format !== FORMAT) {
    throw new UsageError(`${path}: format`, body.format, `not ${FORMAT}: ${RECOMPUTE}`);
  }
  return body as T;
}

function digest(body: object): string {
  return sha256(new TextEncoder().encode(canonicalJson(body)));
}

function parse(path: string, text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DamagedError(path, "the JSON written", (error as Error).message);
  }
}
