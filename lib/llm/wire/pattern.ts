import { UsageError } from "../../errors.ts";

/** The regular expression that fits what `pattern` fits from beginning to end. Throws a UsageError where it is none. */
export function fullMatch(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch (error) {
    throw new UsageError("pattern", pattern, (error as Error).message, { cause: error });
  }
}
