/**
 * Starts a task of deno.json: `deno run --allow-env --allow-run lib/cli/launch.ts NAME ARGUMENTS`.
 *
 * deno.json cannot say what only the machine knows, so it is decided here, in one place for all tasks:
 *
 * - V8's flags: those that make the kernels fast, where this V8 has them. They count only when given at the start.
 * - Permissions: those of the task (lib/cli/tasks.ts), and the folder that the user named.
 * - The environment without LD_* and DYLD_*: where one is set (as CUDA's users do), Deno starts no program on behalf of
 *   a process that may run some programs only.
 */
import { tmpdir } from "node:os";
import { UsageError } from "../errors.ts";
import { FAST_V8_FLAGS, REMOVED, type Step, TASKS } from "./tasks.ts";

/** The flags that this V8 knows, of those given. Deno ends at once where it is told another. */
export async function knownV8Flags(flags: readonly string[]): Promise<string[]> {
  if (flags.length === 0) return [];
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--v8-flags=--help", "-"],
    clearEnv: true,
    env: cleanEnvironment(Deno.env.toObject()).env,
    stdin: "null",
    stderr: "null",
  }).output();
  const help = new TextDecoder().decode(stdout);
  // A line of the help is "  --name (what it does)"; any flag may be negated.
  const known = new Set([...help.matchAll(/^ {2}--([\w-]+) /gm)].map(([, name]) => name));
  return flags.filter((flag) => known.has(flag.replace(/^--(no-)?/, "")));
}

/** The environment that a task's process gets, and the names of what was left out of it. */
export function cleanEnvironment(
  all: Readonly<Record<string, string>>,
): { readonly env: Record<string, string>; readonly removed: string[] } {
  const removed = Object.keys(all).filter((name) => /^(LD|DYLD)_/i.test(name)).sort();
  const env = Object.fromEntries(Object.entries(all).filter(([name]) => !removed.includes(name)));
  return { env, removed };
}

/** Runs one step to its end and returns its exit code. */
async function start({ args, v8Flags = FAST_V8_FLAGS, env }: Step): Promise<number> {
  const { env: clean, removed } = cleanEnvironment(Deno.env.toObject());
  const { DENO_V8_FLAGS: given = "", ...variables } = clean;
  // The user's own flags come last: of two that contradict each other the last counts.
  const own = given.split(",").filter((flag) => flag !== "");
  const flags = [...await knownV8Flags(v8Flags), ...own];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    clearEnv: true,
    env: {
      DENO_WEBGPU_BACKEND: "vulkan,metal,dx12",
      DENO_NO_UPDATE_CHECK: "1",
      // Where a server has none, graphics drivers complain on stderr.
      XDG_RUNTIME_DIR: tmpdir(),
      ...variables,
      ...env,
      // Deno takes an empty list for a flag without a name.
      ...(flags.length > 0 ? { DENO_V8_FLAGS: flags.join(",") } : {}),
      [REMOVED]: removed.join(","),
    },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const stopForwarding = forwardSignals(child);
  const { code } = await child.status;
  stopForwarding();
  return code;
}

/** Hands signals on, but Ctrl-C in a terminal, which sends it to the child as well. */
function forwardSignals(child: Deno.ChildProcess): () => void {
  const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  const isInTerminal = Deno.stdin.isTerminal();
  const listeners = signals.map((signal) => {
    const listener = () => {
      if (signal === "SIGINT" && isInTerminal || Deno.build.os === "windows") return;
      try {
        child.kill(signal);
      } catch { /* It has ended. */ }
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return () => listeners.forEach((stop) => stop());
}

async function main([name, ...argv]: readonly string[]): Promise<number> {
  const task = Object.hasOwn(TASKS, name ?? "") ? TASKS[name!] : undefined;
  if (!task) throw new UsageError("task", name, `choose from ${Object.keys(TASKS).join(", ")}`);
  const at = { deno: Deno.execPath(), temporary: tmpdir() };
  for (const step of task(argv, at)) {
    const code = await start(step);
    if (code !== 0) return code;
  }
  return 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(2);
  }
}
