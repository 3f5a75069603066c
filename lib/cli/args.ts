/**
 * Splits a command line into flags: by `jsr:@std/cli` where that registry can be reached, by
 * `node:util` where not, with the same result (but for `--x false` with a space, which only the
 * first takes for `--x=false`). What the values mean is the caller's to check.
 */
import { dirname } from "node:path";
import { parseArgs as nodeParseArgs } from "node:util";

/** The flags a command knows, without the leading dashes. */
export interface KnownFlags {
  /** Given bare, as `--x=false`, or as `--no-x`. */
  readonly boolean: readonly string[];
  /** Given with a value, any number of times. */
  readonly string: readonly string[];
}

/** What stood on a command line. */
export interface ParsedArgs {
  /** A string flag's values in order, "" where one is missing; a boolean flag's last value. */
  readonly values: Readonly<Record<string, readonly (string | boolean)[]>>;
  /** Flags that are not known, as written but without a value. */
  readonly unknown: readonly string[];
  /** Arguments that are no flags. */
  readonly positional: readonly string[];
}

/** The part of @std/cli/parse-args that is used here. */
interface StdParseArgs {
  parseArgs(argv: string[], options: {
    boolean: readonly string[];
    string: readonly string[];
    collect: readonly string[];
    negatable: readonly string[];
    unknown(argument: string, key?: string): boolean;
  }): Record<string, unknown>;
}

/** Where it is noted that the registry could not be reached, so that not every start waits for it. */
const UNREACHABLE_NOTE = ".cache/jsr-unreachable";
const RETRY_AFTER_MS = 24 * 60 * 60 * 1000;
const TIMEOUT_MS = 3000;

/** The command line, split by whichever of the two parsers there is. */
export async function parseArgs(argv: readonly string[], flags: KnownFlags): Promise<ParsedArgs> {
  const std = await loadStd();
  return std ? parseWithStd(std, argv, flags) : parseWithNode(argv, flags);
}

/** The module of @std/cli, unless the registry lately could not be reached. */
async function loadStd(): Promise<StdParseArgs | undefined> {
  if (isUnreachable()) return undefined;
  const std = await importStd();
  if (!std) noteUnreachable();
  return std;
}

/** The module of @std/cli, or undefined where it is neither cached nor to be had now. */
export async function importStd(): Promise<StdParseArgs | undefined> {
  // Only a specifier that the compiler cannot see keeps deno check and deno install off the registry.
  const specifier = "@std/cli/parse-args";
  const { promise: timeout, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), TIMEOUT_MS);
  try {
    return await Promise.race([import(specifier), timeout]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** `parseArgs` by @std/cli. */
export function parseWithStd(
  std: StdParseArgs,
  argv: readonly string[],
  { boolean, string }: KnownFlags,
): ParsedArgs {
  const unknown: string[] = [];
  const { _: positional, ...values } = std.parseArgs([...argv], {
    boolean,
    string,
    collect: [...boolean, ...string],
    negatable: boolean,
    unknown(argument, key) {
      if (key === undefined) return true;
      unknown.push(argument.replace(/=.*/s, ""));
      return false;
    },
  });
  const given = (name: string) => [values[name] ?? []].flat() as (string | boolean)[];
  return {
    values: Object.fromEntries([
      ...boolean.map((name) => [name, given(name).slice(-1)]),
      ...string.map((name) => [name, given(name)]),
    ]),
    unknown,
    positional: (positional as unknown[]).map(String),
  };
}

/** `parseArgs` by `node:util`. */
export function parseWithNode(
  argv: readonly string[],
  { boolean, string }: KnownFlags,
): ParsedArgs {
  const values: Record<string, (string | boolean)[]> = {};
  for (const name of [...boolean, ...string]) values[name] = [];
  const unknown: string[] = [];
  const positional: string[] = [];
  const options = Object.fromEntries([
    ...boolean.flatMap((name) => [name, `no-${name}`]).map((name) =>
      [name, { type: "boolean" }] as const
    ),
    ...string.map((name) => [name, { type: "string" }] as const),
  ]);
  const { tokens } = nodeParseArgs({ args: [...argv], options, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === "positional") positional.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    const negated = name.replace(/^no-/, "");
    if (boolean.includes(name)) {
      values[name] = [value !== "false"];
    } else if (string.includes(name)) {
      const isMissing = value === undefined || (!inlineValue && value.startsWith("-"));
      values[name]!.push(isMissing ? "" : value);
    } else if (boolean.includes(negated)) {
      values[negated] = [false];
    } else {
      unknown.push(rawName);
    }
  }
  return { values, unknown, positional };
}

function isUnreachable(): boolean {
  try {
    const { mtime } = Deno.statSync(UNREACHABLE_NOTE);
    return mtime !== null && Date.now() - mtime.getTime() < RETRY_AFTER_MS;
  } catch {
    return false;
  }
}

// The note only saves time: where it cannot be written, the next start tries again.
function noteUnreachable(): void {
  const text =
    "the JSR registry could not be reached; it is tried again a day later, or without this file\n";
  try {
    Deno.mkdirSync(dirname(UNREACHABLE_NOTE), { recursive: true });
    Deno.writeTextFileSync(UNREACHABLE_NOTE, text);
  } catch { /* see above */ }
}
