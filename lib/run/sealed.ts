import { UsageError } from "../errors.ts";
import { canonicalJson, sha256 } from "../numeric/digest.ts";
import type { FailedCheck } from "./compare.ts";
import { exists, guarded, writeAtomically } from "./files.ts";

/** Raised when the layout of stored files changes: older ones are then computed again, not misread. */
const FORMAT = 1;

/** The remedy for a stored file that cannot be used. */
export const RECOMPUTE = "deno task reproduce computes it again";

/** Stored content that is not what was once written, or cannot be had any more: a failed check, not bad usage. */
export class DamagedError extends Error implements FailedCheck {
  override readonly name = "DamagedError";

  constructor(readonly where: string, readonly expected: string, readonly got: string) {
    super(`${where}: damaged: expected ${expected}, got ${got}; ${RECOMPUTE}`);
  }
}

/**
 * `content` as the bytes of a sealed file: JSON with the SHA-256 of its own content, so that a changed byte does not pass
 * for a result.
 */
export function seal(content: object): Uint8Array<ArrayBuffer> {
  const body = { format: FORMAT, ...content };
  const sealed = { ...body, sha256: digest(body) };
  return new TextEncoder().encode(`${JSON.stringify(sealed, null, 2)}\n`);
}

/** Replaces the file at `path` by `content`, sealed. */
export function writeSealed(path: string, content: object): void {
  writeAtomically(path, seal(content));
}

/**
 * The content of the sealed file at `path`, taken for a `T`.
 *
 * Throws a DamagedError for a truncated, changed, outdated or unreadable file.
 *
 * @param remedy What to do where there is no such file: makes a UsageError of that, which else is damage, too.
 */
export function readSealed<T>(path: string, remedy?: string): T {
  if (remedy !== undefined && !exists(path)) throw new UsageError(path, "missing", remedy);
  const text = new TextDecoder().decode(readStored(path));
  if (!text.endsWith("}\n")) throw new DamagedError(path, "a whole file", "a truncated one");
  const { sha256: expected, ...body } = parse(path, text);
  const got = digest(body);
  if (expected !== got) throw new DamagedError(path, `sha256 ${expected}`, `sha256 ${got}`);
  if (body.format !== FORMAT) {
    throw new DamagedError(path, `format ${FORMAT}`, `format ${body.format}`);
  }
  return body as T;
}

/** What the system says of content that is lost; other errors say that this process cannot read it. */
const LOST = ["ENOENT", "EISDIR", "ENOTDIR", "ELOOP", "EIO"];

/** The bytes of a stored file; a DamagedError where they are lost, a UsageError where they may not be read. */
export function readStored(path: string): Uint8Array<ArrayBuffer> {
  return guarded(path, () => {
    try {
      return Deno.readFileSync(path);
    } catch (error) {
      const { code, message } = error as Error & { code?: string };
      if (LOST.includes(code ?? "")) throw new DamagedError(path, "the file written", message);
      throw error;
    }
  });
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
