/** Some of an experiment's cells, by patterns of their ids. */
import { UsageError } from "../errors.ts";
import type { Cell } from "./experiment.ts";

/**
 * The cells whose id any of the patterns matches, in their order. In a pattern `*` stands for any characters and the
 * pattern for the whole id; a pattern without `*` matches where it occurs anywhere in the id.
 */
export function selectCells<C extends Pick<Cell, "id">>(
  cells: readonly C[],
  patterns: readonly string[],
): C[] {
  const tests = patterns.map(matcher);
  return cells.filter(({ id }) => tests.some((matches) => matches(id)));
}

function matcher(pattern: string): (id: string) => boolean {
  if (!pattern.includes("*")) return (id) => id.includes(pattern);
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const whole = new RegExp(`^${parts.join(".*")}$`);
  return (id) => whole.test(id);
}

/** The error for a pattern that matches none of `cells`. */
export function noSuchCell(pattern: string, cells: readonly Pick<Cell, "id">[]): UsageError {
  const some = cells.slice(0, 3).map(({ id }) => id).join(", ");
  return new UsageError("--cells", pattern, `no cell has such an id; ids are like ${some}`);
}
