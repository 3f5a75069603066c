/**
 * Notebook files (.ipynb, nbformat 4.5) as the kit uses them: TypeScript cells for the Deno kernel,
 * with cell tags that say what is expected.
 *
 * - `parameters`: declares with `let` what a run may change, e.g. `let profile = "quick";`.
 * - `output`: must have an output after execution.
 * - `answer`: a report begins with it, wherever the cell stands.
 */
import { UsageError } from "../errors.ts";

/** Tag of the cell that declares parameters. */
export const PARAMETERS_TAG = "parameters";
/** Tag of papermill's cell with a run's own values, after the other; `prepareNotebook` writes them into that one. */
export const INJECTED_TAG = "injected-parameters";
/** Tag of a cell that must show something. */
export const OUTPUT_TAG = "output";

/** Media types of a figure: interactive, and for where no script runs. */
export const PLOTLY = "application/vnd.plotly.v1+json", SVG = "image/svg+xml";

/** An output of a cell; the fields depend on the type. */
export interface NotebookOutput {
  readonly output_type: "stream" | "display_data" | "execute_result" | "error";
  readonly data?: Readonly<Record<string, unknown>>;
  /** Of an error. */
  readonly ename?: string;
  readonly evalue?: string;
  readonly traceback?: readonly string[];
}

/** A cell. */
export interface NotebookCell {
  readonly id?: string;
  readonly cell_type: "markdown" | "code" | "raw";
  /** Text, or its lines. */
  readonly source: string | readonly string[];
  readonly metadata: Readonly<{ tags?: readonly string[]; [key: string]: unknown }>;
  readonly outputs?: readonly NotebookOutput[];
  readonly execution_count?: number | null;
}

/** A notebook. */
export interface Notebook {
  readonly cells: readonly NotebookCell[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly nbformat: number;
  readonly nbformat_minor: number;
}

/** Something wrong in a notebook. */
export interface NotebookProblem {
  /** Counted from 1, Markdown cells included. */
  readonly cell: number;
  /** Within the cell, from 1. */
  readonly line?: number;
  readonly message: string;
}

/** A parameter's value: anything in JSON. */
export type Parameters = Readonly<Record<string, unknown>>;

/** Reads the file's text. Throws a UsageError if it is no notebook for the Deno kernel. */
export function parseNotebook(text: string, path: string): Notebook {
  let notebook: Notebook;
  try {
    notebook = JSON.parse(text);
  } catch (error) {
    throw new UsageError(path, (error as Error).message, "not a notebook: restore it from git");
  }
  if (notebook.nbformat !== 4 || !Array.isArray(notebook.cells)) {
    throw new UsageError(path, `nbformat ${notebook.nbformat}`, "convert it to notebook format 4");
  }
  const kernel = (notebook.metadata.kernelspec as { name?: string } | undefined)?.name;
  if (kernel !== "deno") {
    throw new UsageError(path, `kernel ${kernel}`, "choose the kernel Deno and save it");
  }
  return notebook;
}

/** A cell's text. */
export function sourceOf(cell: NotebookCell): string {
  return typeof cell.source === "string" ? cell.source : cell.source.join("");
}

/** True if the cell has the tag. */
export function hasTag(cell: NotebookCell, tag: string): boolean {
  return cell.metadata.tags?.includes(tag) ?? false;
}

/** The first heading, or null. */
export function titleOf(notebook: Notebook): string | null {
  for (const cell of notebook.cells) {
    if (cell.cell_type !== "markdown") continue;
    const heading = sourceOf(cell).match(/^#\s+(.+)$/m);
    if (heading) return heading[1]!.trim();
  }
  return null;
}

/** The names that the notebook's `parameters` cell declares. */
export function parameterNames(notebook: Notebook): string[] {
  const cell = notebook.cells.find((cell) => hasTag(cell, PARAMETERS_TAG));
  if (cell === undefined) return [];
  return [...sourceOf(cell).matchAll(/^\s*let\s+([A-Za-z_$][\w$]*)/gm)].map((match) => match[1]!);
}

/**
 * The value that a parameter had in an executed notebook. Undefined where the notebook has no such parameter, or where
 * its value is not written as JSON.
 */
export function parameterValue(notebook: Notebook, name: string): unknown {
  const lines = [PARAMETERS_TAG, INJECTED_TAG].flatMap((tag) =>
    notebook.cells.filter((cell) => hasTag(cell, tag)).flatMap((cell) => [
      ...sourceOf(cell).matchAll(/^\s*let\s+([A-Za-z_$][\w$]*)[^=\n]*=\s*(.+?);?\s*$/gm),
    ])
  );
  const value = lines.findLast(([, declared]) => declared === name)?.[2];
  try {
    return value === undefined ? undefined : JSON.parse(value);
  } catch {
    return undefined;
  }
}

/**
 * The notebook as it goes into the kernel: without outputs and counts, every cell with an id, and the values in the place
 * of those that the `parameters` cell declares.
 *
 * Throws a UsageError for a value whose name the notebook does not declare, or not on a line of its own.
 */
export function prepareNotebook(notebook: Notebook, values: Parameters, path: string): Notebook {
  const declared = parameterNames(notebook);
  for (const name of Object.keys(values)) {
    if (declared.includes(name)) continue;
    throw new UsageError(
      `${path}: parameter`,
      name,
      declared.length === 0
        ? `no cell is tagged ${PARAMETERS_TAG}`
        : `not declared with let in the cell tagged ${PARAMETERS_TAG}; choose from ${
          declared.join(", ")
        }`,
    );
  }
  const cells = notebook.cells.filter((cell) => !hasTag(cell, INJECTED_TAG)).map((cell, i) => {
    // JupyterLab notes in `execution` when a cell ran: noise in a committed notebook.
    const { execution: _, ...metadata } = cell.metadata;
    const emptied = cell.cell_type === "code" ? { outputs: [], execution_count: null } : {};
    const source = hasTag(cell, PARAMETERS_TAG)
      ? withValues(sourceOf(cell), values, path)
      : cell.source;
    return { ...cell, id: cell.id ?? `cell-${i + 1}`, metadata, source, ...emptied };
  });
  return { ...notebook, cells, nbformat: 4, nbformat_minor: 5 };
}

/** The source with the values in its declarations, their types and comments kept. */
function withValues(source: string, values: Parameters, path: string): string {
  return Object.entries(values).reduce((text, [name, value]) => {
    const declaration = new RegExp(
      `^(\\s*let\\s+${RegExp.escape(name)}\\b[^=\\n]*=).*?;(?=\\s*(?://.*)?$)`,
      "m",
    );
    if (!declaration.test(text)) {
      throw new UsageError(
        `${path}: parameter`,
        name,
        "declare it on one line, with a value and a semicolon",
      );
    }
    return text.replace(declaration, (_, start: string) => `${start} ${JSON.stringify(value)};`);
  }, source);
}

/**
 * What is wrong with an executed notebook: errors, outputs that do not go through `show`, figures without their static
 * twin, and `output` cells that show nothing.
 */
export function executionProblems(notebook: Notebook): NotebookProblem[] {
  return notebook.cells.flatMap((cell, i): NotebookProblem[] => {
    const outputs = cell.outputs ?? [];
    const error = outputs.find(({ output_type }) => output_type === "error");
    if (error !== undefined) {
      const line = error.traceback?.join("\n").match(/<anonymous>:(\d+):/)?.[1];
      return [{
        cell: i + 1,
        ...(line === undefined ? {} : { line: Number(line) }),
        message: `${error.ename}: ${error.evalue}`,
      }];
    }
    if (outputs.some(({ output_type }) => output_type === "execute_result")) {
      return [{
        cell: i + 1,
        message: "ends with a value, which is lost now and then: give it to `await show(...)`",
      }];
    }
    const isLively = outputs.some(({ data = {} }) => PLOTLY in data && !(SVG in data));
    if (isLively) {
      const message = "shows a Plotly figure without the static one that paper needs: use `figure`";
      return [{ cell: i + 1, message }];
    }
    const shown = outputs.some(({ data }) => data !== undefined && Object.keys(data).length > 0);
    if (hasTag(cell, OUTPUT_TAG) && !shown) {
      return [{ cell: i + 1, message: `is tagged ${OUTPUT_TAG} but shows nothing` }];
    }
    return [];
  });
}

/** "notebooks/a.ipynb, cell 3, line 2: message". */
export function formatProblem(path: string, { cell, line, message }: NotebookProblem): string {
  return `${path}, cell ${cell}${line === undefined ? "" : `, line ${line}`}: ${message}`;
}
