/**
 * `reports/index.html`: gathers the finished runs and the reports that there are, and writes the page that lists them.
 */
import { resolve } from "node:path";
import { registry as experiments } from "../../experiments/registry.ts";
import { type BackendName, BACKENDS } from "../backend/create.ts";
import { type IndexedRun, type IndexEntry, indexPage } from "../report/index_page.ts";
import { type Notebook, parameterValue, parseNotebook, titleOf } from "../report/notebook.ts";
import {
  type AnyExperiment,
  type ProfileName,
  PROFILES,
  type Registry,
} from "../run/experiment.ts";
import { exists, list, readBytes, writeAtomically } from "../run/files.ts";
import { ROOT } from "../root.ts";
import { hasRun, loadRun, reproduceCommand } from "../run/run.ts";

/** Where the page's content is found; folders are relative to the checkout. */
export interface ReportsIndexOptions {
  readonly registry?: Registry;
  /** The folder of all runs. */
  readonly runs?: string;
  /** The folder of reports and executed notebooks, in which the page goes. */
  readonly reports?: string;
  /** The folder of the notebooks themselves: some are executed in place. */
  readonly notebooks?: string;
}

/**
 * Writes the page and returns its path. A run or a notebook that is damaged is listed as such; throws a UsageError only
 * if the page cannot be written.
 */
export async function writeReportsIndex(
  { registry = experiments, runs = "runs", reports = "reports", notebooks = "notebooks" }:
    ReportsIndexOptions = {},
): Promise<string> {
  const folders = {
    runs,
    reports: resolve(ROOT, reports),
    notebooks: resolve(ROOT, notebooks),
  };
  const known = await Promise.all(
    Object.values(registry).map(async (load) => (await load()).default),
  );
  const withoutExperiment = reportNames(folders.reports).filter((name) =>
    known.every(({ notebook }) => notebook !== name)
  );
  const path = `${folders.reports}/index.html`;
  const page = indexPage(
    [
      ...known.map((experiment) => ({
        notebook: experiment.notebook,
        entry: experimentEntry(experiment, folders),
      })),
      ...withoutExperiment.map((notebook) => ({
        notebook,
        entry: notebookEntry(notebook, folders),
      })),
    ]
      // As the notebooks are numbered; what has none comes last.
      .sort((a, b) => compare(a.notebook ?? "~", b.notebook ?? "~"))
      .map(({ entry }) => entry),
  );
  writeAtomically(path, new TextEncoder().encode(page));
  return path;
}

/** The order of code points, which is the same in every locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Absolute paths, but for the runs'. */
interface Folders {
  readonly runs: string;
  readonly reports: string;
  readonly notebooks: string;
}

function experimentEntry(experiment: AnyExperiment, folders: Folders): IndexEntry {
  const { name, title, notebook } = experiment;
  const files = notebook === undefined ? {} : reportFiles(notebook, folders.reports);
  const finished = PROFILES.toReversed().flatMap((profile) =>
    BACKENDS.flatMap((backend) => finishedRun(experiment, profile, backend, folders.runs) ?? [])
  );
  const shown = files.html === undefined
    ? undefined
    : shownRun(experiment, finished, `${folders.reports}/${files.html}`, folders);
  const others = finished.filter(({ profile, backend }) =>
    profile !== shown?.profile || backend !== shown.backend
  );
  return { name, title, ...files, runs: [...(shown ? [shown] : []), ...others] };
}

function notebookEntry(name: string, folders: Folders): IndexEntry {
  const title = findInNotebook(name, folders, titleOf);
  return { name, title: title ?? name, ...reportFiles(name, folders.reports) };
}

/** The run of a profile, readable or not; undefined where there is none. */
function finishedRun(
  experiment: AnyExperiment,
  profile: ProfileName,
  backend: BackendName,
  out: string,
): IndexedRun | undefined {
  try {
    if (!hasRun(experiment, profile, { out, backend })) return undefined;
    const run = loadRun(experiment, profile, { out, backend });
    // The profile's own seeds: some cells have others, e.g. for a search.
    const { seeds = run.seeds } = run.config as { seeds?: readonly number[] };
    return { profile, backend, run: { ...run, seeds } };
  } catch (error) {
    return { profile, backend, run: problemOf(error) };
  }
}

/**
 * The run that a report shows: the one whose time of finishing stands in it, else that of the profile which the
 * notebook was executed with.
 */
function shownRun(
  experiment: AnyExperiment,
  finished: readonly IndexedRun[],
  html: string,
  folders: Folders,
): IndexedRun | undefined {
  const text = readText(html);
  const itself = finished.find(({ run }) =>
    "provenance" in run && text.includes(run.provenance.finishedAt)
  );
  if (itself) return { ...itself, inReport: "this" };
  const profile = findInNotebook(
    experiment.notebook!,
    folders,
    (notebook) => PROFILES.find((name) => name === parameterValue(notebook, "profile")),
  );
  if (profile === undefined) return undefined;
  const same = finished.find((one) => one.profile === profile && one.backend === "wasm");
  const run = { absent: reproduceCommand(experiment.name, profile) };
  return { ...(same ?? { profile, backend: "wasm", run }), inReport: "another" };
}

/**
 * What `find` gives for the executed notebook; where that has no copy beside the report, it was executed in place.
 * Undefined where the notebook is damaged or gone.
 */
function findInNotebook<T>(
  name: string,
  { reports, notebooks }: Folders,
  find: (notebook: Notebook) => T,
): T | undefined {
  const executed = `${reports}/${name}.ipynb`;
  const path = exists(executed) ? executed : `${notebooks}/${name}.ipynb`;
  try {
    return find(parseNotebook(readText(path), path));
  } catch {
    return undefined;
  }
}

/** The file's text; "" where it cannot be read. */
function readText(path: string): string {
  try {
    return new TextDecoder().decode(readBytes(path, ""));
  } catch {
    return "";
  }
}

/** What there is of a notebook's report. */
function reportFiles(name: string, reports: string): Pick<IndexEntry, "html" | "notebook"> {
  const html = `${name}.html`, notebook = `${name}.ipynb`;
  return {
    ...(exists(`${reports}/${html}`) ? { html } : {}),
    ...(exists(`${reports}/${notebook}`) ? { notebook } : {}),
  };
}

/** Names of the notebooks of which there are reports. */
function reportNames(reports: string): string[] {
  const names = list(reports).flatMap((file) => /^([^.].*)\.(html|ipynb)$/.exec(file)?.[1] ?? []);
  return [...new Set(names)].filter((name) => name !== "index");
}

function problemOf(error: unknown): { problem: string } {
  const message = error instanceof Error ? error.message : String(error);
  return { problem: message.replaceAll(ROOT, "") };
}
