/**
 * `deno task reproduce`: every experiment, its pins and claims, then the notebooks' reports.
 */
import { z } from "zod";
import type { AnyExperiment } from "../run/experiment.ts";
import { planRuns } from "../run/plan.ts";
import { overallProgress } from "../run/progress.ts";
import { type ExperimentOutcome, reproduce } from "../run/reproduce.ts";
import { type Command, printJson, runCommand } from "./command.ts";
import { endOnSignals } from "./end_on_signals.ts";
import { NotebookError, runNotebooks } from "./notebooks.ts";
import { formatOutcome, formatSummary, formatSummaryLine } from "./outcome.ts";
import { loadExperiments, RUN_PARTS, runFlags, type RunParts, RUNS } from "./run_flags.ts";
import { writeReportsIndex } from "./reports_index.ts";
import { type TerminalProgress, terminalProgress } from "./terminal_progress.ts";

const flags = z.object({
  ...runFlags,
  threads: z.int().min(1).max(1024).default(navigator.hardwareConcurrency)
    .describe("threads for all cells together; changes no digit"),
  shard: z.string().regex(/^[1-9]\d*\/[1-9]\d*$/, "give a part, from 1, and their number: 2/8")
    .optional()
    .describe(
      "only part I of N parts of about equal cost of the chosen cells: I/N, from 1/N to N/N",
    ),
  cellsOnly: z.boolean().default(false).describe(
    "one of several processes that share the work: compute those of the chosen cells that are not stored yet, " +
      "and leave it to a later call to gather them",
  ),
  adopt: z.string().optional()
    .describe(
      "a folder with cells computed elsewhere: those of this run are checked and taken over",
    ),
  fromPins: z.boolean().default(false).describe(
    "take the pinned results of cells that are not stored in place of computing them: seconds for a profile of hours",
  ),
  fresh: z.boolean().default(false).describe("drop what an interrupted or finished run left first"),
  prune: z.boolean().default(false)
    .describe("in the end drop what the finished run does not have, such as cells of other code"),
  updatePins: z.boolean().default(false).describe("rewrite the pins and print what changed"),
  notebooks: z.boolean().default(true).describe("leave out the notebooks' reports"),
  verbose: z.boolean().default(false).describe(
    "print a line for each cell, and of every experiment the table and the verdicts with their numbers; " +
      "of a single experiment these are printed anyway",
  ),
  json: z.boolean().default(false)
    .describe("print a machine-readable summary as the last line of stdout, all else on stderr"),
});
type Flags = z.output<typeof flags>;

/** What a test replaces. */
export interface ReproduceParts extends RunParts {
  readonly notebooks: typeof runNotebooks;
  readonly writeIndex: typeof writeReportsIndex;
}

const PARTS: ReproduceParts = {
  ...RUN_PARTS,
  notebooks: runNotebooks,
  writeIndex: writeReportsIndex,
};

/** The command, of these parts. */
export function makeReproduceCommand(parts: ReproduceParts = PARTS): Command<typeof flags.shape> {
  return {
    name: "reproduce",
    summary: "Runs every experiment, compares each number with the pinned one, writes the reports.",
    flags,
    run: (chosen) => reproduceAll(chosen, parts),
  };
}

async function reproduceAll(chosen: Flags, parts: ReproduceParts): Promise<number> {
  const began = performance.now();
  const say = chosen.json ? console.error : console.log;
  const shard = chosen.shard?.split("/").map(Number);
  const plans = planRuns(await loadExperiments(chosen.experiment, parts.registry), {
    ...chosen,
    shard: shard && { index: shard[0]!, of: shard[1]! },
  });
  if (plans.length === 0) {
    say(`--shard ${chosen.shard}: nothing to do: there are fewer cells than parts`);
    if (chosen.json) {
      printJson(reportOf(chosen, 0, [], { executed: [], reports: [], failures: [] }));
    }
    return 0;
  }
  for (const { standIn } of plans) if (standIn !== undefined) console.error(standIn);
  const experiments = plans.map(({ experiment }) => experiment);
  const engine = await parts.identify(chosen.backend);
  const terminal = terminalProgress(chosen);
  const listeners = overallProgress(terminal, plans.map(({ cost }) => cost));
  const stopListening = endOnSignals(
    "finished cells are kept; the same command takes the run up",
  );

  const outcomes: ExperimentOutcome[] = [];
  for (const [i, plan] of plans.entries()) {
    const outcome = await reproduce(plan, { ...engine, progress: listeners[i]! })
      .finally(() => terminal.clear());
    outcomes.push(outcome);
    if (chosen.verbose || plans.length === 1) say(formatOutcome(plan.experiment, outcome));
    else terminal.line(formatSummaryLine(outcome));
  }

  const notebooks = await makeReports(chosen, experiments, outcomes, parts, terminal);
  stopListening();
  notebooks.failures.forEach((failure) => say(`FAILED ${failure}`));
  if (notebooks.leftOut) say(`notebooks: ${notebooks.leftOut}`);
  let index: string | undefined;
  try {
    // The page shows the runs in the checkout.
    if (chosen.out === RUNS && !chosen.cellsOnly) index = await parts.writeIndex();
  } finally {
    const seconds = (performance.now() - began) / 1000;
    say(formatSummary(outcomes, { seconds, index }));
  }

  const isReproduced = outcomes.every((outcome) => outcome.failures.length === 0) &&
    notebooks.failures.length === 0;
  const exitCode = isReproduced ? 0 : 1;
  if (chosen.json) printJson(reportOf(chosen, exitCode, outcomes, { ...notebooks, index }));
  return exitCode;
}

/** What `--json` prints. */
function reportOf(
  { profile }: Flags,
  exitCode: 0 | 1,
  outcomes: readonly ExperimentOutcome[],
  notebooks: Reports & { readonly index?: string | undefined },
) {
  const experiments = outcomes.map(summaryOf);
  return { ok: exitCode === 0, exitCode, profile, experiments, notebooks };
}

interface Reports {
  readonly executed: readonly string[];
  /** Paths of the HTML reports. */
  readonly reports: readonly string[];
  /** One line: what was left out and how to get it. */
  readonly leftOut?: string;
  readonly failures: readonly string[];
}

/** The notebooks show the profile's own run in `runs`: any other run has no report. */
async function makeReports(
  { profile, seeds, out, notebooks, backend, experiment: chosen }: Flags,
  experiments: readonly AnyExperiment[],
  outcomes: readonly ExperimentOutcome[],
  parts: ReproduceParts,
  terminal: TerminalProgress,
): Promise<Reports> {
  const none = { executed: [], reports: [], failures: [] };
  const names = experiments.flatMap((experiment) => experiment.notebook ?? []);
  if (!notebooks || (chosen.length > 0 && names.length === 0)) return none;
  const why = outcomes.some(({ partial }) => partial)
    ? "they show whole runs; omit --cells, --shard and --cells-only"
    : outcomes.some(({ run }) => !run)
    ? "an experiment did not finish"
    : backend !== "wasm"
    ? "they show WASM's runs"
    : seeds || out !== RUNS
    ? "they show the default seeds in runs/; omit --seeds, --out"
    : undefined;
  if (why !== undefined) return { ...none, leftOut: `left out: ${why}` };
  try {
    const made = await parts.notebooks({
      profile,
      progress: terminal.line,
      ...(chosen.length > 0 ? { names } : {}),
    });
    return { failures: [], ...made };
  } catch (error) {
    if (!(error instanceof NotebookError)) throw error;
    return { ...none, failures: error.message.split("\n") };
  } finally {
    terminal.clear();
  }
}

function summaryOf(
  { experiment, directory, run, partial, failures, pinChanges, damaged, adopted, pruned }:
    ExperimentOutcome,
) {
  const stored = run ?? partial;
  return {
    experiment,
    run: `${directory}/${partial ? "partial" : "run"}.json`,
    finished: run !== undefined,
    configHash: stored?.configHash,
    seeds: stored?.seeds,
    cells: stored?.cells.length,
    ...(partial ? { missing: partial.missing } : {}),
    pins: stored && {
      state: stored.pins.state,
      notPinned: stored.pins.notPinned,
      ...(stored.pins.tolerance ? { tolerance: stored.pins.tolerance } : {}),
    },
    failures: failures.map(({ where, expected, got }) => ({ where, expected, got })),
    pinChanges,
    damaged,
    adopted,
    pruned,
    claims: run?.claims.map(({ id, verdict, reading }) => ({ id, verdict, reading })),
    summary: run?.summary,
    provenance: stored?.provenance,
  };
}

if (import.meta.main) await runCommand(makeReproduceCommand());
