/** Validation of configurations with errors a user can act on. */
import type * as z from "zod";
import { UsageError } from "./errors.ts";
import { chooseFrom } from "./suggest.ts";

/**
 * The value with defaults filled in, or a UsageError that names the first bad field, its value and the
 * remedy.
 *
 * @param field How the user knows the value, e.g. "environment".
 */
export function parseConfig<T>(schema: z.ZodType<T>, value: unknown, field: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    const known = path.length === 0 ? knownKeys(schema) : [];
    const key = issue.keys[0]!,
      remedy = known.length === 0 ? "leave it out" : chooseFrom(key, known);
    throw new UsageError([field, ...path].join("."), key, `unknown field; ${remedy}`);
  }
  let bad: unknown = value;
  for (const key of issue.path) bad = (bad as Record<PropertyKey, unknown> | undefined)?.[key];
  throw new UsageError([field, ...path].join("."), shown(bad), issue.message, {
    cause: result.error,
  });
}

/** The fields of an object schema. */
function knownKeys(schema: z.ZodType): string[] {
  return "shape" in schema ? Object.keys(schema.shape as object) : [];
}

function shown(value: unknown): unknown {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : value;
}
