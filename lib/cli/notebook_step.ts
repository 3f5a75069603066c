/**
 * The notebooks' part in `reproduce`: optional, so that its absence or failure to install never
 * keeps an experiment from being reproduced.
 */
import type { ProfileName } from "../run/experiment.ts";

export interface NotebookOptions {
  /** File names without ".ipynb"; all notebooks by default. */
  readonly names?: string[];
  readonly profile: ProfileName;
  readonly progress: (line: string) => void;
}

export interface NotebookResult {
  readonly executed: readonly string[];
  /** Paths of the HTML reports. */
  readonly reports: readonly string[];
  /** One line: what was left out and how to get it. */
  readonly leftOut?: string;
  /** What went wrong in a notebook, a line each. */
  readonly failures: readonly string[];
}

/** What lib/cli/notebooks.ts exports. */
interface NotebookModule {
  runNotebooks(options: NotebookOptions): Promise<Omit<NotebookResult, "failures">>;
}

/** Executes the notebooks, where this checkout can. */
export async function notebookStep(options: NotebookOptions): Promise<NotebookResult> {
  const none = { executed: [], reports: [], failures: [] };
  const url = new URL("./notebooks.ts", import.meta.url);
  try {
    await Deno.stat(url);
  } catch {
    return { ...none, leftOut: `left out: ${url.pathname} is missing; restore it from git` };
  }
  try {
    const { runNotebooks } = await import(url.href) as NotebookModule;
    return { failures: [], ...await runNotebooks(options) };
  } catch (error) {
    return { ...none, failures: [error instanceof Error ? error.message : String(error)] };
  }
}
