import { canonicalJson, sha256 } from "../numeric/digest.ts";

/** SHA-256 over the canonical JSON of a configuration, metrics or a summary, as pins and reports have it. */
export function hashOf(value: unknown): string {
  return sha256(new TextEncoder().encode(canonicalJson(value)));
}
