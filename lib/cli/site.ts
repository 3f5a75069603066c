/**
 * `deno task site`: writes all that the kit has to say as one folder of pages, and the library to be imported from there,
 * ready to be published. Where a link leads nowhere, or a page would load anything from elsewhere, it says so and leaves the
 * folder as it was.
 */
import { basename } from "node:path";
import { z } from "zod";
import { ROOT } from "../root.ts";
import { readBytes, remove } from "../run/files.ts";
import { type Command, runCommand } from "./command.ts";
import { convertNotebook, NotebookError, notebookPaths } from "./notebooks.ts";
import { packLibrary } from "./pack_library.ts";
import { apiReference } from "./site/api.ts";
import { siteProblems } from "./site/check.ts";
import { siteFiles } from "./site/files.ts";
import { replaceFolder } from "./site/replace_folder.ts";
import { type TerminalProgress, terminalProgress } from "./terminal_progress.ts";
import { ensureVenv } from "./venv.ts";

/** Relative to the checkout. */
export const SITE = "reports/site";

const flags = z.strictObject({});

/** The command. */
export const siteCommand: Command<typeof flags.shape> = {
  name: "site",
  summary:
    "Writes reports/site/: front page, reports, experiments and API reference, ready to be published.",
  flags,
  async run() {
    const terminal = terminalProgress();
    let reports: ReadonlyMap<string, string>;
    try {
      reports = await storedReports(terminal.line).finally(terminal.clear);
    } catch (error) {
      if (!(error instanceof NotebookError)) throw error;
      console.error(error.message);
      return 1;
    }
    const library = [...packLibrary()].map(([path, text]) =>
      [`library/${path}`, new TextEncoder().encode(text)] as const
    );
    const files = new Map([...await siteFiles(reports), ...await apiReference(), ...library]);
    const problems = siteProblems(files);
    if (problems.length > 0) {
      problems.forEach((problem) => console.error(problem));
      return 1;
    }
    replaceFolder(`${ROOT}${SITE}`, files);
    console.log(
      `wrote ${files.size} files, ${reports.size} reports among them: ${SITE}/index.html`,
    );
    return 0;
  },
};

/** The reports of all notebooks with their stored outputs, by their names. Throws a NotebookError where one has none. */
async function storedReports(progress: TerminalProgress["line"]): Promise<Map<string, string>> {
  await ensureVenv(progress);
  const folder = `.cache/site-reports-${crypto.randomUUID().slice(0, 8)}`;
  try {
    const reports = new Map<string, string>();
    for (const path of notebookPaths([])) {
      const name = basename(path, ".ipynb");
      const report = `${folder}/${name}.html`;
      progress(`converting ${path}`);
      await convertNotebook({ path, output: `${folder}/${name}.ipynb`, report, progress });
      reports.set(name, new TextDecoder().decode(readBytes(`${ROOT}${report}`, "")));
    }
    return reports;
  } finally {
    remove(`${ROOT}${folder}`);
  }
}

if (import.meta.main) await runCommand(siteCommand);
