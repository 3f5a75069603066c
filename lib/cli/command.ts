/**
 * A command of `deno task`: flags described once, by a zod schema, from which come the parser, the
 * checks, `--help` and the messages for what is wrong.
 *
 * Exit codes: 0 done, 1 a check failed, 2 bad usage or input.
 */
import { z } from "zod";
import { parseConfig } from "../parse_config.ts";
import { UsageError } from "../errors.ts";
import { alignedRows } from "../report/plain_table.ts";
import { suggest } from "../suggest.ts";
import { type KnownFlags, parseArgs } from "./args.ts";

/** One command: its name, its flags and what it does. */
export interface Command<Shape extends z.ZodRawShape = z.ZodRawShape> {
  /** The task's name in deno.json. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /**
   * One field per flag, in camelCase, with default and description: booleans, strings, numbers,
   * enums, and arrays of those (given as a,b or repeated).
   */
  readonly flags: z.ZodObject<Shape>;
  /** The list flag that arguments without a flag are added to. */
  readonly positional?: string;
  /** Returns the exit code. Throws a UsageError for what the user can mend. */
  run(flags: z.output<z.ZodObject<Shape>>): Promise<number>;
}

/** Runs `command` as a process: ends it with the exit code. */
export async function runCommand<Shape extends z.ZodRawShape>(
  command: Command<Shape>,
  argv: readonly string[] = Deno.args,
): Promise<never> {
  surviveFailedPrints();
  Deno.exit(await execute(command, argv));
}

/** From now on what cannot be printed (on a full disk, say) is lost, and no result with it. */
function surviveFailedPrints(): void {
  for (const method of ["log", "error"] as const) {
    const print = console[method].bind(console);
    console[method] = (...data) => {
      try {
        print(...data);
      } catch { /* See above. */ }
    };
  }
}

/** Runs `command` and returns its exit code; a UsageError becomes one line and code 2. */
export async function execute<Shape extends z.ZodRawShape>(
  command: Command<Shape>,
  argv: readonly string[],
): Promise<number> {
  try {
    if (argv.includes("--help") || argv.includes("-h")) {
      console.log(formatHelp(command));
      return 0;
    }
    return await command.run(await parseFlags(command, argv));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const message = error.message.replaceAll(/\s*\n\s*/g, " ");
    console.error(`error: ${message}`);
    if (argv.includes("--json")) printJson({ ok: false, exitCode: 2, error: message });
    return 2;
  }
}

/** One machine-readable line on stdout. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value));
}

/** The flags in `argv`, checked, with defaults. */
export async function parseFlags<Shape extends z.ZodRawShape>(
  command: Command<Shape>,
  argv: readonly string[],
): Promise<z.output<z.ZodObject<Shape>>> {
  const flags = describeFlags(command.flags);
  const known: KnownFlags = {
    boolean: flags.filter((flag) => flag.type === "boolean").map((flag) => flag.name),
    string: flags.filter((flag) => flag.type !== "boolean").map((flag) => flag.name),
  };
  const empty = argv.find((argument) => /^--[^=]+=$/.test(argument));
  if (empty !== undefined) throw missingValue(empty.slice(0, -1));
  const { values, unknown, positional } = await parseArgs(argv, known);
  const all = `see deno task ${command.name} --help`;
  if (unknown.length > 0) {
    const dashed = flags.map((flag) => `--${flag.name}`);
    const remedy = suggest(unknown[0]!, dashed) || all;
    throw new UsageError("flag", unknown[0], `unknown: ${remedy}`);
  }
  if (positional.length > 0 && command.positional === undefined) {
    throw new UsageError("argument", positional[0], `not a flag: ${all}`);
  }
  const parsed = flags.map((flag) => {
    const schema = command.flags.shape[flag.key] as z.ZodType;
    const given = [...values[flag.name]!, ...flag.key === command.positional ? positional : []];
    return [flag.key, parseConfig(schema, valueOf(flag, given), `--${flag.name}`)];
  });
  return Object.fromEntries(parsed);
}

function missingValue(flag: string): UsageError {
  return new UsageError(flag, "", "a value is missing");
}

interface Flag {
  readonly key: string;
  readonly name: string;
  /** JSON Schema's types, and whether several values make an array of them. */
  readonly type: "boolean" | "string" | "integer" | "number";
  readonly isList: boolean;
  readonly choices: readonly string[] | undefined;
  readonly description: string;
  readonly default: unknown;
}

interface FlagSchema {
  readonly type: Flag["type"] | "array";
  readonly items?: FlagSchema;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly default?: unknown;
}

function describeFlags(schema: z.ZodObject): Flag[] {
  const { properties } = z.toJSONSchema(schema, { io: "input" });
  return Object.entries(properties as Record<string, FlagSchema>).map(([key, property]) => {
    const isList = property.type === "array";
    const item = isList ? property.items! : property;
    return {
      key,
      name: key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      type: item.type as Flag["type"],
      isList,
      choices: item.enum,
      description: property.description ?? "",
      default: property.default,
    };
  });
}

function valueOf(flag: Flag, given: readonly (string | boolean)[]): unknown {
  if (given.includes("")) throw missingValue(`--${flag.name}`);
  if (given.length === 0) return undefined;
  const values = flag.isList ? given.flatMap((value) => String(value).split(",")) : given;
  const converted = values.map((value) => {
    const isNumber = flag.type === "integer" || flag.type === "number";
    return isNumber && String(value).trim() !== "" && !Number.isNaN(Number(value))
      ? Number(value)
      : value;
  });
  return flag.isList ? converted : converted.at(-1);
}

/** What `--help` prints. */
export function formatHelp(command: Command): string {
  const rows = describeFlags(command.flags).map((flag) => {
    const value = flag.choices?.join("|") ?? (flag.type === "string" ? "TEXT" : "N");
    const usage = flag.type !== "boolean"
      ? `--${flag.name} ${value}${flag.isList ? ",.." : ""}`
      : flag.default === true
      ? `--no-${flag.name}`
      : `--${flag.name}`;
    const isShown = flag.type !== "boolean" && flag.default !== undefined &&
      String(flag.default) !== "";
    return [usage, flag.description + (isShown ? ` (default: ${flag.default})` : "")] as const;
  });
  const all = [...rows, ["--help", "print this page"] as const];
  return [
    command.summary,
    "",
    `Usage: deno task ${command.name} [flags]${
      command.positional === undefined ? "" : ` [${command.positional.toUpperCase()} ..]`
    }`,
    "",
    ...alignedRows(all).map((line) => `  ${line}`),
    "",
    "Exit codes: 0 done; 1 a check failed; 2 bad usage or input.",
  ].join("\n");
}
