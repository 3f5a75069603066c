import os from "node:os";

/** What computed a cell, and when. */
export interface ComputedBy {
  /** The machine's name; null where this process may not know it. */
  readonly host: string | null;
  readonly pid: number;
  readonly cpu: string | null;
  readonly platform: string;
  readonly deno: string;
  readonly v8: string;
  /** ISO 8601, UTC, by that machine's clock. */
  readonly finishedAt: string;
}

/** System and processor's kind, e.g. "linux x86_64". */
export const PLATFORM = `${Deno.build.os} ${Deno.build.arch}`;

/** This machine and process, now. */
export function thisMachine(): ComputedBy {
  return {
    host: hostName(),
    pid: Deno.pid,
    cpu: cpuModel(),
    platform: PLATFORM,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    finishedAt: new Date().toISOString(),
  };
}

/** The machine's name; null where this process may not know it. */
export function hostName(): string | null {
  return attempt(() => os.hostname());
}

/** The first processor's model; null where this process may not know it. */
export function cpuModel(): string | null {
  return attempt(() => os.cpus()[0]?.model || null);
}

function attempt<T>(find: () => T): T | null {
  try {
    return find();
  } catch {
    return null;
  }
}
