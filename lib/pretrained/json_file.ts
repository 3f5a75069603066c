import { UsageError } from "../errors.ts";
import { readBytes } from "../run/files.ts";

/** What a JSON file holds. Throws a UsageError, with `remedy`, where there is none, and for one that is no JSON. */
export function parseJsonFile(path: string, remedy: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(readBytes(path, remedy)));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(path, error.message, "not JSON: copy or download it again");
  }
}
