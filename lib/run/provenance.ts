import type { BackendName } from "../backend/create.ts";
import { ROOT } from "../root.ts";
import { sha256 } from "../numeric/digest.ts";
import { exists, readBytes } from "./files.ts";
import { cpuModel, PLATFORM } from "./machine.ts";

/** Where a run's numbers come from: code, tools, machine, and the command that gives them again. */
export interface Provenance {
  /** Null where the checkout is not the top of a git repository, or git cannot say. */
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
  /** Cells that nothing here computed: their results are the pinned ones. Left out where there are none. */
  readonly cellsFromPins?: number;
  readonly command: string;
}

/** Everything that can be found out here, joined with what only the run knows. Never throws: a run is not lost for it. */
export async function gatherProvenance(
  run: Pick<
    Provenance,
    | "backend"
    | "adapter"
    | "kernels"
    | "threads"
    | "wallSeconds"
    | "cellsTakenUp"
    | "cellsFromPins"
    | "command"
  >,
): Promise<Provenance> {
  const lock = `${ROOT}deno.lock`;
  return {
    ...await gitState(ROOT),
    lock: attempt(() => exists(lock) ? sha256(readBytes(lock, "")) : null, null),
    ...Deno.version,
    v8Flags: attempt(() => Deno.env.get("DENO_V8_FLAGS"), undefined) ?? "",
    platform: PLATFORM,
    cpu: cpuModel() ?? "unknown",
    cores: navigator.hardwareConcurrency,
    finishedAt: new Date().toISOString(),
    ...run,
  };
}

/** Commit and state of the repository whose top folder is `root`; null where it is none, or git cannot say. */
export async function gitState(root: string): Promise<Pick<Provenance, "commit" | "dirty">> {
  // The way down from the repository's top, here none, then the commit: a folder of another repository is not its commit.
  const head = await git(root, "rev-parse", "--show-prefix", "HEAD");
  const commit = /^\n([0-9a-f]+)\n$/.exec(head ?? "")?.[1];
  if (commit === undefined) return { commit: null, dirty: null };
  const status = await git(root, "status", "--porcelain");
  return { commit, dirty: status === null ? null : status !== "" };
}

/**
 * What git sees of the environment, as far as this process may: where its user's configuration is, and what no program
 * on Windows starts without. Never GIT_*, which lead to other repositories.
 */
export const GIT_ENVIRONMENT = ["HOME", "XDG_CONFIG_HOME", "USERPROFILE", "SYSTEMROOT"];

async function git(root: string, ...args: string[]): Promise<string | null> {
  const env = GIT_ENVIRONMENT.flatMap((variable) => {
    const { state } = Deno.permissions.querySync({ name: "env", variable });
    const value = state === "granted" ? Deno.env.get(variable) : undefined;
    return value === undefined ? [] : [[variable, value]];
  });
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["--no-optional-locks", "-C", root, ...args],
      clearEnv: true,
      env: Object.fromEntries(env),
      stdin: "null",
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout) : null;
  } catch {
    return null; // not there, or not to be run by this process
  }
}

function attempt<T>(find: () => T, otherwise: T): T {
  try {
    return find();
  } catch {
    return otherwise;
  }
}
