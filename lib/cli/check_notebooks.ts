/**
 * `deno task check:notebooks`: type-checks the notebooks' cells, which the kernel does not, and
 * holds them to the rules of the Deno kernel.
 */
import { pathToFileURL } from "node:url";
import { z } from "zod";
import {
  formatProblem,
  hasTag,
  INJECTED_TAG,
  type Notebook,
  type NotebookProblem,
  OUTPUT_TAG,
  PARAMETERS_TAG,
  sourceOf,
} from "../report/notebook.ts";
import { guarded, remove } from "../run/files.ts";
import { ROOT } from "../root.ts";
import { type Command, runCommand } from "./command.ts";
import { notebookPaths, readNotebook } from "./notebooks.ts";

/** A notebook's cells as one module. */
export interface NotebookModule {
  readonly source: string;
  /** Where line n (from 0) of the module comes from; null for lines put between cells. */
  readonly lines: readonly ({ readonly cell: number; readonly line: number } | null)[];
}

/**
 * The code cells one after the other: they share their scope, as in the kernel, but a name may be
 * declared only once.
 */
export function moduleOf(notebook: Notebook): NotebookModule {
  const source: string[] = [];
  const lines: NotebookModule["lines"][number][] = [];
  notebook.cells.forEach((cell, i) => {
    // It declares parameters anew, which only the kernel allows.
    if (cell.cell_type !== "code" || hasTag(cell, INJECTED_TAG)) return;
    sourceOf(cell).split("\n").forEach((text, k) => {
      source.push(text);
      lines.push({ cell: i + 1, line: k + 1 });
    });
    // Ends what the cell left open, which the next one could otherwise go on with.
    source.push(";");
    lines.push(null);
  });
  // Makes a module of a notebook without imports, so that it may await.
  return { source: [...source, "export {};", ""].join("\n"), lines: [...lines, null] };
}

/** What the compiler does not know of the kernel. */
export function kernelProblems(notebook: Notebook): NotebookProblem[] {
  return notebook.cells.flatMap((cell, i): NotebookProblem[] => {
    if (cell.cell_type !== "code") return [];
    const source = sourceOf(cell);
    const problems: NotebookProblem[] = source.split("\n").flatMap((text, k) =>
      /\bimport\.meta\b/.test(text.replace(/\/\/.*/, ""))
        ? [{ cell: i + 1, line: k + 1, message: "import.meta does not exist in a notebook" }]
        : []
    );
    if (hasTag(cell, PARAMETERS_TAG) && /^\s*(const|var)\s/m.test(source)) {
      const message = `is tagged ${PARAMETERS_TAG}: declare with let, so that a run can set it`;
      problems.push({ cell: i + 1, message });
    }
    if (hasTag(cell, OUTPUT_TAG) && !/\bawait\s+show\w*\(/.test(source)) {
      const message = `is tagged ${OUTPUT_TAG} but has no \`await show(...)\`, and a cell's last ` +
        "value is lost now and then";
      problems.push({ cell: i + 1, message });
    }
    return problems;
  });
}

/** The problems of the notebooks at these paths, as lines of text. */
export async function checkNotebooks(paths: readonly string[]): Promise<string[]> {
  const notebooks = paths.map((path) => ({ path, notebook: readNotebook(path) }));
  // Beside the notebook, so that relative imports and deno.json are found as the kernel finds them.
  const modules = notebooks.map(({ path, notebook }) => ({
    path,
    file: `${ROOT}${path.replace(/([^/]+)\.ipynb$/, ".$1.check.ts")}`,
    ...moduleOf(notebook),
  }));
  const problems = notebooks.flatMap(({ path, notebook }) =>
    kernelProblems(notebook).map((problem) => formatProblem(path, problem))
  );
  try {
    for (const { file, source } of modules) {
      guarded(file, () => Deno.writeTextFileSync(file, source));
    }
    return [...problems, ...await typeErrors(modules)];
  } finally {
    modules.forEach(({ file }) => remove(file));
  }
}

interface CheckedModule extends NotebookModule {
  readonly path: string;
  readonly file: string;
}

async function typeErrors(modules: readonly CheckedModule[]): Promise<string[]> {
  if (modules.length === 0) return [];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", ...modules.map(({ file }) => file)],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "null",
  }).output();
  return success ? [] : mapErrors(new TextDecoder().decode(stderr), modules);
}

/** The compiler's messages with the places in the modules replaced by those in the notebooks. */
export function mapErrors(output: string, modules: readonly CheckedModule[]): string[] {
  const errors: string[] = [];
  for (const block of output.split(/\n\s*\n/)) {
    const place = block.match(/at (file:\/\/\S+):(\d+):(\d+)\s*$/);
    const module = modules.find(({ file }) => place?.[1] === pathToFileURL(file).href);
    const line = module?.lines[Number(place?.[2]) - 1];
    if (module && line) {
      const message = block.slice(0, place!.index).trimEnd();
      errors.push(formatProblem(module.path, { ...line, message }));
    } else if (/^(TS\d+ |error: )/.test(block.trim()) && !block.includes("Type checking failed")) {
      errors.push(block.trim());
    }
  }
  return errors.length > 0 ? errors : [output.trim()];
}

const flags = z.object({
  name: z.array(z.string()).default([]).describe("only these notebooks, e.g. 01-scaling"),
});

/** The command. */
export const checkNotebooksCommand: Command<typeof flags.shape> = {
  name: "check:notebooks",
  summary: "Type-checks the cells of the notebooks.",
  flags,
  positional: "name",
  async run({ name }) {
    const paths = notebookPaths(name);
    const problems = await checkNotebooks(paths);
    problems.forEach((problem) => console.error(problem));
    if (problems.length === 0) console.log(`checked ${paths.length} notebooks`);
    return problems.length === 0 ? 0 : 1;
  },
};

if (import.meta.main) await runCommand(checkNotebooksCommand);
