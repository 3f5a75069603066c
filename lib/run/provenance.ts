/**
 * Where a run's numbers come from: code, tools, machine, and the command that gives them again.
 */
import os from "node:os";
import { fileURLToPath } from "node:url";
import type { BackendName } from "../backend/create.ts";
import { sha256 } from "../tensor/digest.ts";
import { exists, readBytes } from "./files.ts";

/** The checkout's root folder, with a trailing slash. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Provenance {
  /** Null outside a git checkout. */
  readonly commit: string | null;
  /** Whether tracked files differed from the commit or untracked ones lay about. */
  readonly dirty: boolean | null;
  /** SHA-256 of deno.lock. */
  readonly lock: string | null;
  readonly deno: string;
  readonly v8: string;
  readonly typescript: string;
  /** V8 flags from DENO_V8_FLAGS: they change the speed, never a digit. */
  readonly v8Flags: string;
  readonly backend: BackendName;
  /** The graphics adapter; absent on WASM. */
  readonly adapter?: string;
  /** SHA-256 of the kernel bundle. */
  readonly kernels: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  /** Threads the run was allowed. */
  readonly threads: number;
  /** ISO 8601, UTC. */
  readonly finishedAt: string;
  /** Of the last session, if the run was taken up. */
  readonly wallSeconds: number;
  /** Cells that an interrupted session had finished. */
  readonly cellsTakenUp: number;
  readonly command: string;
}

/** Everything that can be found out here, joined with what only the run knows. */
export async function gatherProvenance(
  run: Pick<
    Provenance,
    "backend" | "adapter" | "kernels" | "threads" | "wallSeconds" | "cellsTakenUp" | "command"
  >,
): Promise<Provenance> {
  const lock = `${ROOT}deno.lock`;
  const status = await git("status", "--porcelain");
  return {
    commit: (await git("rev-parse", "HEAD"))?.trim() ?? null,
    dirty: status === null ? null : status !== "",
    lock: exists(lock) ? sha256(readBytes(lock, "")) : null,
    ...Deno.version,
    v8Flags: Deno.env.get("DENO_V8_FLAGS") ?? "",
    platform: `${Deno.build.os} ${Deno.build.arch}`,
    cpu: os.cpus()[0]?.model ?? "unknown",
    cores: navigator.hardwareConcurrency,
    finishedAt: new Date().toISOString(),
    ...run,
  };
}

async function git(...args: string[]): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["-C", ROOT, ...args],
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout) : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
