import type { Json } from "./experiment.ts";

/** A check that failed: what was compared, what it should have been, what it was. */
export interface FailedCheck {
  readonly where: string;
  readonly expected: string;
  readonly got: string;
}

/** Compares JSON values exactly: every place under `where` at which `got` is not `expected`. */
export function differences(
  where: string,
  expected: Json | undefined,
  got: Json | undefined,
): FailedCheck[] {
  if (isContainer(expected) && isContainer(got) && Array.isArray(expected) === Array.isArray(got)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(got)]);
    return [...keys].flatMap((key) =>
      differences(`${where}: ${key}`, child(expected, key), child(got, key))
    );
  }
  const [a, b] = [show(expected), show(got)];
  return a === b ? [] : [{ where, expected: a, got: b }];
}

type Container = readonly Json[] | { readonly [key: string]: Json };

function isContainer(value: Json | undefined): value is Container {
  return typeof value === "object" && value !== null;
}

function child(value: Container, key: string): Json | undefined {
  return Object.hasOwn(value, key) ? (value as Record<string, Json>)[key] : undefined;
}

function show(value: Json | undefined): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
