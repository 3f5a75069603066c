/**
 * The Pythons that the kit starts: the user's, which makes `.venv`, and that of `.venv`.
 *
 * All text between them and us is UTF-8, whatever the locale, and the user's own settings do not reach in.
 */
import { fileURLToPath } from "node:url";
import { UsageError } from "../errors.ts";
import { lastLine, lines } from "./child_output.ts";
import { REMOVED } from "./tasks.ts";

/** The names by which the user's Python is looked for on the PATH; the tasks' `--allow-run` lists have them. */
const NAMES = Deno.build.os === "windows" ? ["python", "py"] : ["python3", "python"];
const OLDEST = [3, 10] as const;

/** The end of a remedy for what keeps Jupyter from being installed. */
export const AGAIN = "then run deno task notebooks";

/** Flags that keep the user's variables, packages and locale out of a Python >= 3.7. */
export const ISOLATED = ["-I", "-X", "utf8"] as const;

/** The Python of a virtual environment. */
export function pythonOf(venv: string, os: typeof Deno.build.os = Deno.build.os): string {
  return os === "windows" ? `${venv}/Scripts/python.exe` : `${venv}/bin/python`;
}

/**
 * Arguments for `.venv`'s Python: runs a module, or a file that ends in ".py", shielded from the user's settings for
 * Python, pip and Jupyter; what it starts is shielded too.
 */
export function shielded(program: string, ...args: string[]): string[] {
  return [...ISOLATED, fileURLToPath(new URL("venv_run.py", import.meta.url)), program, ...args];
}

/** What became of the attempt to start a Python. */
export type Probe =
  | {
    readonly state: "fit";
    readonly isVenv: boolean;
    /** What compiled packages depend on: one text for each kind of Python and machine. */
    readonly abi: string;
  }
  | { readonly state: "old"; readonly version: string }
  | { readonly state: "broken" | "refused"; readonly reason: string }
  | { readonly state: "missing" };

// For Python 2 too, which has no -I. The line break ends what else may have been printed.
const PROBE = `
import sys
del sys.path[0]
import platform, sysconfig
sys.stdout.write("\\nPython %d.%d.%d %s %s %s\\n" % (
    sys.version_info[0], sys.version_info[1], sys.version_info[2],
    getattr(sys, "base_prefix", sys.prefix) != sys.prefix,
    sysconfig.get_config_var("EXT_SUFFIX"), platform.machine()))
`;

/** Starts `python` and asks it what it is. */
export async function probe(python: string): Promise<Probe> {
  let result;
  try {
    result = await run(python, ["-E", "-s", "-c", PROBE]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { state: "missing" };
    const reason = (error as Error).message;
    return { state: error instanceof Deno.errors.NotCapable ? "refused" : "broken", reason };
  }
  const { code, stdout, stderr } = result;
  const answer = stdout.match(/^Python (\d+)\.(\d+)\.(\d+) (True|False) (.*)\r?$/m);
  if (code !== 0 || !answer) {
    return { state: "broken", reason: reasonIn(stderr || stdout) || `exit code ${code}` };
  }
  const [, major, minor, patch, isVenv, abi] = answer as unknown as string[];
  const isOld = Number(major) < OLDEST[0] ||
    Number(major) === OLDEST[0] && Number(minor) < OLDEST[1];
  return isOld
    ? { state: "old", version: `${major}.${minor}.${patch}` }
    : { state: "fit", isVenv: isVenv === "True", abi: `${major}.${minor} ${abi}` };
}

/** The line of a program's last words that says what went wrong: where the loader or Python itself fails, not the last. */
export function reasonIn(text: string): string {
  const all = text.split("\n").map((line) => line.trim());
  return all.find((line) => /^Fatal Python error|shared librar|Library not loaded/.test(line)) ??
    lastLine(text);
}

/**
 * The name of the user's Python >= 3.10: the first of `names` that is one.
 *
 * Throws a UsageError that says what the first one found is instead, or that there is none.
 *
 * @param again The end of the remedy.
 */
export async function findPython(
  names: readonly string[] = NAMES,
  again: string = AGAIN,
): Promise<string> {
  let found: UsageError | undefined;
  for (const name of names) {
    const result = await probe(name);
    if (result.state === "fit") return name;
    if (result.state !== "missing") found ??= unfit(name, result, again);
  }
  const remedy = `not on the PATH: install Python >= ${OLDEST.join(".")}, ${again}`;
  throw found ?? new UsageError("Python", names.join(", "), remedy);
}

/**
 * Why `python` cannot be used, and the remedy.
 *
 * @param again The end of the remedy.
 */
export function unfit(
  python: string,
  result: Exclude<Probe, { state: "fit" | "missing" }>,
  again: string = AGAIN,
): UsageError {
  const another = `put a Python >= ${OLDEST.join(".")} first on the PATH`;
  if (result.state === "old") {
    const remedy = `is Python ${result.version}, which is too old: ${another}, ${again}`;
    return new UsageError("Python", python, remedy);
  }
  if (result.state === "refused") {
    const variable = result.reason.match(/with (.+?) environment variable/)?.[1];
    const remedy = variable === undefined
      ? `Deno does not start it (${result.reason}): allow it with --allow-run, or use deno task`
      : `Deno does not start it where ${variable} is set: unset it, or use deno task, which does so`;
    return new UsageError("Python", python, remedy);
  }
  const removed = removedVariables();
  const remedy = removed.length === 0
    ? `mend it or ${another}`
    : `if it needs ${removed.join(", ")}, which deno task removes, register its libraries with ` +
      `ldconfig, or ${another} that starts without it (as uv's and conda's do)`;
  return new UsageError("Python", python, `does not start (${result.reason}): ${remedy}, ${again}`);
}

/** The variables that deno task took out of the environment; none where that may not be asked. */
export function removedVariables(): string[] {
  const { state } = Deno.permissions.querySync({ name: "env", variable: REMOVED });
  const names = state === "granted" ? Deno.env.get(REMOVED) ?? "" : "";
  return names.split(",").filter((name) => name !== "");
}

/**
 * Runs a program to its end.
 *
 * @param onLine Gets every line of its standard output as it comes.
 */
export async function run(
  program: string,
  args: readonly string[],
  onLine: (line: string) => void = () => {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const readStdout = async () => {
    const all: string[] = [];
    for await (const line of lines(child.stdout)) {
      all.push(line);
      onLine(line);
    }
    return all.join("\n");
  };
  const [stdout, stderr, { code }] = await Promise.all([
    readStdout(),
    new Response(child.stderr).text(),
    child.status,
  ]);
  return { code, stdout, stderr };
}
