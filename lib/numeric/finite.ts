import { UsageError } from "../errors.ts";

/** Throws UsageError for a number that is not finite. */
export function checkFinite(field: string, x: number): void {
  if (!Number.isFinite(x)) throw new UsageError(field, x, "give a finite number");
}
