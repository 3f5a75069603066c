/** The small files beside a model's weights. */
import { UsageError } from "../errors.ts";
import { printable } from "../rollouts/printable.ts";
import { guarded } from "../run/files.ts";

/** The text of a file; undefined for a missing one. */
export function readTextFile(path: string): string | undefined {
  try {
    return guarded(path, () => Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The object in a JSON file; undefined for a missing file. Throws a UsageError where there is something else. */
export function readJsonFile(path: string): Readonly<Record<string, unknown>> | undefined {
  const text = readTextFile(path);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch { /* said below */ }
  throw new UsageError(path, printable(text, 40), "no JSON object: is the file whole?");
}
