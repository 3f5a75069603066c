/**
 * `deno task notebooks`: executes notebooks in the Deno kernel, or takes their stored outputs, checks that no cell failed
 * and that what should be shown is shown, and writes reports as HTML.
 */
import { relative } from "node:path";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import { suggest } from "../suggest.ts";
import { withContents } from "../report/contents.ts";
import { makeInteractive } from "../report/interactive.ts";
import {
  executionProblems,
  formatProblem,
  type Notebook,
  parameterNames,
  type Parameters,
  parameterValue,
  parseNotebook,
  prepareNotebook,
  titleOf,
} from "../report/notebook.ts";
import { type ProfileName, PROFILES } from "../run/experiment.ts";
import { list, readBytes, writeAtomically } from "../run/files.ts";
import { ROOT } from "../root.ts";
import { withPlayground } from "../verify/playground/section.ts";
import { withRollout } from "../verify/rollout/section.ts";
import { makeVerifiable } from "../verify/verifiable.ts";
import { type Command, runCommand } from "./command.ts";
import { messages } from "./child_output.ts";
import { reasonIn, shielded } from "./python.ts";
import { writeReportsIndex } from "./reports_index.ts";
import { type TerminalProgress, terminalProgress } from "./terminal_progress.ts";
import { ensureVenv, VENV_PYTHON } from "./venv.ts";

/** Relative to the checkout. */
export const NOTEBOOKS = "notebooks";
const REPORTS = "reports";
const DRIVER = `${ROOT}lib/report/notebook_driver.py`;
const TEMPLATES = `${ROOT}lib/report/nbconvert`;
/** A cell may train for long. */
const DEFAULT_TIMEOUT = 3600;

/** What to execute and where the results go. */
export interface ExecuteOptions {
  /** A notebook's path, relative to the checkout. */
  readonly path: string;
  /** Values for the notebook's parameters. */
  readonly parameters: Parameters;
  /** Where the executed notebook goes. */
  readonly output: string;
  /** Where the HTML report goes. */
  readonly report: string;
  /** Seconds a cell may take. */
  readonly timeout?: number;
  readonly progress: TerminalProgress["line"];
}

/** A notebook that did not do what it should; the message has one line per problem. */
export class NotebookError extends Error {
  override readonly name = "NotebookError";
}

/** Executes all notebooks, or those named, with `profile` where they have that parameter. */
export async function runNotebooks(options: {
  readonly names?: readonly string[];
  readonly profile: ProfileName;
  readonly progress: TerminalProgress["line"];
}): Promise<{ executed: string[]; reports: string[]; leftOut?: string }> {
  const paths = notebookPaths(options.names ?? []);
  const result = { executed: [] as string[], reports: [] as string[] };
  if (paths.length === 0) return result;
  try {
    await ensureVenv(options.progress);
  } catch (error) {
    if (error instanceof UsageError) {
      return { ...result, leftOut: `left out: ${error.message}` };
    }
    throw error;
  }
  for (const path of paths) {
    const { output, report } = reportPaths(path);
    const parameters = profileParameter(path, options.profile);
    await executeNotebook({ path, parameters, output, report, progress: options.progress });
    result.executed.push(output);
    result.reports.push(report);
  }
  return result;
}

/**
 * Executes a notebook and writes it with its report, both only if all went well.
 *
 * Throws a NotebookError otherwise, a UsageError for a parameter that the notebook does not have.
 */
export async function executeNotebook(options: ExecuteOptions): Promise<void> {
  const { path, parameters, output, report, timeout = DEFAULT_TIMEOUT, progress } = options;
  const notebook = prepareNotebook(readNotebook(path), parameters, path);
  progress(`${path}: starting the kernel`);
  const execute = { folder: `${ROOT}${NOTEBOOKS}`, timeout };
  await makeReport({ path, notebook, execute, output, report, progress });
}

/** Writes a notebook's report from the outputs that are stored in it, and a copy of it beside; throws as `executeNotebook`. */
export async function convertNotebook(
  options: Pick<ExecuteOptions, "path" | "output" | "report" | "progress">,
): Promise<void> {
  await makeReport({ ...options, notebook: readNotebook(options.path) });
}

async function makeReport(
  { path, notebook, execute, output, report, progress }:
    & Pick<ExecuteOptions, "path" | "output" | "report" | "progress">
    & { readonly notebook: Notebook; readonly execute?: object },
): Promise<void> {
  const title = titleOf(notebook) ?? nameOf(path);
  const result = await drive(
    { notebook, title, templates: TEMPLATES, ...(execute ? { execute } : {}) },
    ({ done, total }) => progress(`${path}: cell ${done} of ${total}`, true),
  );
  const problems = result.notebook === undefined
    ? []
    : executionProblems(JSON.parse(result.notebook)).map((one) => formatProblem(path, one));
  if (result.error !== undefined) problems.push(`${path}: ${result.error}`);
  if (problems.length > 0) throw new NotebookError(problems.join("\n"));
  const profile = parameterValue(notebook, "profile");
  const interactive = await makeInteractive(result.html!);
  const html = withContents(await withEngine(interactive, { path, profile, progress }));
  const encoder = new TextEncoder();
  writeAtomically(`${ROOT}${report}`, encoder.encode(html));
  writeAtomically(`${ROOT}${output}`, encoder.encode(result.notebook!));
}

/**
 * The report with what its page computes. Where that cannot be made, as an experiment imports what pages do not have, it is
 * said, and the report is as it was: what took hours to execute is not lost for it.
 */
async function withEngine(
  html: string,
  { path, profile, progress }: Pick<ExecuteOptions, "path" | "progress"> & {
    readonly profile: unknown;
  },
): Promise<string> {
  try {
    const played = await withPlayground(await withRollout(html, profile), progress);
    return await makeVerifiable(played, nameOf(path), profile);
  } catch (error) {
    const reason = (error as Error).message;
    console.error(`${path}: its report cannot be verified in a browser: ${reason}`);
    return html;
  }
}

/** All notebooks' paths, relative to the checkout; or those named, with or without ".ipynb". */
export function notebookPaths(names: readonly string[]): string[] {
  const known = list(`${ROOT}${NOTEBOOKS}`).filter((file) => /^[^.].*\.ipynb$/.test(file)).map(
    nameOf,
  );
  return (names.length > 0 ? names : known).map((given) => {
    const name = nameOf(given);
    if (known.includes(name)) return `${NOTEBOOKS}/${name}.ipynb`;
    const choices = `choose from ${known.join(", ") || "none: there is none yet"}`;
    throw new UsageError("notebook", given, suggest(name, known) || choices);
  });
}

/** The notebook at a path relative to the checkout. */
export function readNotebook(path: string): Notebook {
  const bytes = readBytes(`${ROOT}${path}`, "restore it from git");
  return parseNotebook(new TextDecoder().decode(bytes), path);
}

/** The profile as a parameter of the notebook at `path`, if there is one and the notebook has the parameter. */
function profileParameter(path: string, profile: unknown): Parameters {
  const isDeclared = parameterNames(readNotebook(path)).includes("profile");
  return profile !== undefined && isDeclared ? { profile } : {};
}

function nameOf(path: string): string {
  return path.replace(/^.*\//, "").replace(/\.ipynb$/, "");
}

function reportPaths(path: string): { output: string; report: string } {
  const base = `${REPORTS}/${nameOf(path)}`;
  return { output: `${base}.ipynb`, report: `${base}.html` };
}

const driverProgress = z.object({ done: z.int(), total: z.int() });
const driverResult = z.strictObject({
  notebook: z.string().optional(),
  html: z.string().optional(),
  error: z.string().optional(),
}).refine(({ html, error }) => html !== undefined || error !== undefined);

/** Runs the Python driver: the task goes in, progress and the result come out. */
async function drive(
  task: object,
  progress: (state: z.output<typeof driverProgress>) => void,
): Promise<z.output<typeof driverResult>> {
  const child = new Deno.Command(VENV_PYTHON, {
    args: shielded(DRIVER),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const input = child.stdin.getWriter();
  try {
    await input.write(new TextEncoder().encode(JSON.stringify(task)));
    await input.close();
  } catch { /* It has ended: its last words are read below. */ }
  let result: z.output<typeof driverResult> | undefined;
  let text = "";
  for await (const message of messages(child.stdout, (line) => text += `${line}\n`)) {
    const state = driverProgress.safeParse(message);
    if (state.success) progress(state.data);
    else result = driverResult.safeParse(message).data ?? result;
  }
  const { success } = await child.status;
  if (result !== undefined && success) return result;
  const reason = reasonIn(await stderr) || reasonIn(text) || "no message";
  return { ...result, error: `Jupyter failed: ${reason}` };
}

const flags = z.object({
  name: z.array(z.string()).default([]).describe("only these notebooks, e.g. 01-scaling"),
  profile: z.enum(PROFILES).optional()
    .describe("sets the parameter profile; without it quick"),
  parameter: z.array(z.string()).default([])
    .describe("sets a parameter, as name=value; value is JSON or else text"),
  inPlace: z.boolean().default(false)
    .describe("update the notebooks themselves, for committing; without it, copies in reports/"),
  convertOnly: z.boolean().default(false)
    .describe("execute nothing: reports from the outputs that are stored in the notebooks"),
  timeout: z.int().min(1).default(DEFAULT_TIMEOUT).describe("seconds a cell may take"),
});

/** The command. */
export const notebooksCommand: Command<typeof flags.shape> = {
  name: "notebooks",
  summary: "Executes the notebooks in the Deno kernel, checks their outputs, writes HTML reports.",
  flags,
  positional: "name",
  async run({ name, profile, parameter, inPlace, convertOnly, timeout }) {
    const given = { ...(profile === undefined ? {} : { profile }), ...parseParameters(parameter) };
    if (inPlace && parameter.length > 0) {
      throw new UsageError(
        "--in-place",
        parameter.join(", "),
        "a committed notebook shows a profile or its own parameters: leave out --parameter",
      );
    }
    if (convertOnly && (inPlace || Object.keys(given).length > 0)) {
      throw new UsageError(
        "--convert-only",
        inPlace ? "--in-place" : Object.keys(given).join(", "),
        "nothing is executed: leave out --profile, --parameter and --in-place",
      );
    }
    const paths = notebookPaths(name);
    const terminal = terminalProgress();
    await ensureVenv(terminal.line);
    let failed = false;
    for (const path of paths) {
      const { output, report } = reportPaths(path);
      // --profile is for those that have one; a named parameter must exist.
      const { profile: wanted = "quick", ...others } = given as Record<string, unknown>;
      const parameters = { ...profileParameter(path, wanted), ...others };
      const target = inPlace ? path : output;
      const options = { path, output: target, report, progress: terminal.line };
      try {
        await (convertOnly
          ? convertNotebook(options)
          : executeNotebook({ ...options, parameters, timeout })).finally(terminal.clear);
        if (!convertOnly) console.log(`executed: ${target}`);
        console.log(`report:   ${report}`);
      } catch (error) {
        if (!(error instanceof NotebookError)) throw error;
        console.error(error.message);
        failed = true;
      }
    }
    console.log(`all reports: ${relative(Deno.cwd(), await writeReportsIndex())}`);
    return failed ? 1 : 0;
  },
};

/** "a=1", "b=[1", "2]" -> { a: 1, b: [1, 2] }: the command line's lists were cut at the commas. */
export function parseParameters(pieces: readonly string[]): Record<string, unknown> {
  const whole: string[] = [];
  for (const piece of pieces) {
    if (/^[A-Za-z_$][\w$]*=/.test(piece) || whole.length === 0) whole.push(piece);
    else whole.push(`${whole.pop()},${piece}`);
  }
  return Object.fromEntries(whole.map((text) => {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError("--parameter", text, "write name=value");
    const value = text.slice(at + 1);
    try {
      return [text.slice(0, at), JSON.parse(value)];
    } catch {
      return [text.slice(0, at), value];
    }
  }));
}

if (import.meta.main) await runCommand(notebooksCommand);
