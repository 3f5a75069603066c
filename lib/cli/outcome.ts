/**
 * What `reproduce` prints: an experiment's table, verdicts and pins; at the end what failed and a line for each.
 */
import { relative } from "node:path";
import { formatDuration, formatNumber } from "../report/format.ts";
import { PIN_STATES } from "../report/pin_state.ts";
import { alignedRows, plainTable } from "../report/plain_table.ts";
import { byFamily, supportedOf, verdictCounts } from "../report/verdict.ts";
import type { FailedCheck } from "../run/compare.ts";
import type { AnyExperiment, Json, TableRow } from "../run/experiment.ts";
import type { ExperimentOutcome } from "../run/reproduce.ts";
import type { PartialRun, Run } from "../run/run.ts";
import { numbersNamed, SPREADS, START, type ToleranceCheck } from "../run/tolerance.ts";
import { maximum } from "../numeric/extrema.ts";

/** At most this many failures are listed; a change in the engine fails every digit at once. */
const MAX_LISTED = 20;
/** Of a value among them this many characters. */
const MAX_VALUE = 300;

/** An experiment's table, its verdicts with their numbers, and what its pins said; what failed is the summary's. */
export function formatOutcome(experiment: AnyExperiment, outcome: ExperimentOutcome): string {
  const { run, partial } = outcome;
  const lines = [`${experiment.name}: ${experiment.title}`, ""];
  if (run) {
    lines.push(formatTable(tableOf(experiment, run)), "");
    for (const { id, statement, verdict, reading } of run.claims) {
      lines.push(`${id} ${verdict.toUpperCase()}: ${statement}`, `   ${reading}`);
    }
    lines.push(`run: ${pathOf(outcome)}/run.json`, formatPins(run));
  }
  if (partial) lines.push(...formatPartial(experiment, partial, pathOf(outcome)));
  return `${lines.join("\n")}\n`;
}

/** The run's folder, relative to this one where it lies below it. */
function pathOf({ directory }: ExperimentOutcome): string {
  const path = relative(Deno.cwd(), directory);
  return path.startsWith("..") ? directory : path;
}

/** What ends the summary. */
export interface SummaryOptions {
  /** Path of the page that lists the reports; absent where none was written. */
  readonly index?: string | undefined;
  /** Of everything together. */
  readonly seconds: number;
}

/**
 * What a person wants to know at the end: what failed and what was expected instead, one line for each experiment with
 * its pins, verdicts and the time of its session, where the reports are, how long all took.
 */
export function formatSummary(
  outcomes: readonly ExperimentOutcome[],
  { index, seconds }: SummaryOptions,
): string {
  const notes = outcomes.flatMap((outcome) => [
    ...storeNotes(outcome),
    ...listed(outcome.damaged, "computed again: damaged:"),
    ...listed(outcome.failures, "FAILED"),
    ...listed(outcome.pinChanges, "pin"),
  ]);
  const last = [
    ...(index === undefined ? [] : [["Reports", relative(Deno.cwd(), index)]]),
    ["Total time", formatDuration(seconds)],
  ];
  return [
    ...notes,
    ...(notes.length > 0 ? [""] : []),
    ...alignedRows(outcomes.map(summaryLine)),
    "",
    ...alignedRows(last),
  ].join("\n");
}

/** The line of `formatSummary` for this experiment, by itself. */
export function formatSummaryLine(outcome: ExperimentOutcome): string {
  return alignedRows([summaryLine(outcome)])[0]!;
}

/** Experiment, pins, verdicts, time. */
function summaryLine({ experiment, run, partial }: ExperimentOutcome): string[] {
  const stored = run ?? partial;
  // What failed stands above.
  if (!stored) return [experiment, "FAILED", "no verdicts", ""];
  const said = partial ? `PARTIAL: ${cellsDone(partial)}, no verdicts` : verdictWords(run!);
  return [
    experiment,
    PIN_STATES[stored.pins.state].words,
    said,
    formatDuration(stored.provenance.wallSeconds),
  ];
}

/** "1 of 2 confirmatory, 5 of 12 exploratory supported"; "14 see standard" where the seeds carry no verdicts. */
function verdictWords({ claims }: Pick<Run, "claims">): string {
  if (claims.some(({ verdict }) => verdict === "see standard")) return verdictCounts(claims);
  const shares = Object.entries(byFamily(claims)).filter(([, own]) => own.length > 0)
    .map(([family, own]) => `${supportedOf(own)} ${family}`);
  return shares.length === 0 ? "" : `${shares.join(", ")} supported`;
}

function formatPins(
  { pins, cells, provenance }: Pick<Run, "pins" | "cells" | "provenance">,
): string {
  const { state, notPinned } = pins;
  const taken = provenance.cellsFromPins ?? 0;
  switch (state) {
    case "matched":
      return `pins: all ${cells.length} cells, the summary and the verdicts are equal to the pinned ones`;
    case "from pins": {
      const others = taken < cells.length ? `the other ${cells.length - taken}, ` : "";
      return `pins: FROM THE PINS: ${taken} of ${cells.length} cells are the pinned results, not computed here; ` +
        `${others}the summary and the verdicts are equal to the pinned ones`;
    }
    case "mismatched":
      return "pins: NOT EQUAL, see below";
    case "within tolerance":
    case "out of tolerance": {
      const { compared, median, largest, cells } = pins.tolerance!;
      const starts = cells.flatMap(({ start }) => start ?? []);
      return `${
        formatDifferences(cells)
      }\n\npins: ${state.toUpperCase()}: ${compared} metrics are ` +
        `${formatNumber(largest)} standard deviations over seeds from WASM's at most (median ` +
        `${formatNumber(median)}, allowed ${SPREADS})` +
        (starts.length === 0
          ? ""
          : `, the losses of the first steps ${formatNumber(maximum(starts))} of theirs ` +
            `(allowed ${formatNumber(START)})`) +
        `; not compared: ${notPinned.join(", ")}`;
    }
    case "updated":
      return "pins: rewritten" +
        (taken > 0 ? `; ${taken} of ${cells.length} cells as they were` : "");
    case "partly pinned":
      return `pins: equal to the pinned ones; PARTLY PINNED: not compared: ${notPinned.join(", ")}`;
    case "not pinned":
      return `pins: ${state.toUpperCase()}: no pins to compare with for ${notPinned.join(", ")}`;
  }
}

/** Some cells: no table of the summary, no verdicts. */
function formatPartial(
  { compared = { names: [] } }: AnyExperiment,
  { cells, missing, pins, provenance }: PartialRun,
  directory: string,
): string[] {
  const rows = cells.flatMap(({ id, metrics }) => {
    const groups = new Map<string, TableRow>();
    for (const { path, value } of numbersNamed(metrics as Json, new Set(compared.names))) {
      const group = path.slice(0, -1).join(": ");
      groups.set(group, { ...groups.get(group), [path.at(-1)!]: value });
    }
    if (groups.size === 0) return [{ cell: id, ...scalars(metrics) }];
    return [...groups].map(([group, values]) => ({ cell: id, metrics: group, ...values }));
  });
  return [
    formatTable(rows),
    "",
    `PARTIAL: ${cellsDone({ cells, missing })}: no summary, no verdicts; ` +
    "the same command without --cells, --shard and --cells-only adds the others",
    `run: ${directory}`,
    formatPins({ pins, cells, provenance }),
  ];
}

/** "3 of 12 cells". */
function cellsDone({ cells, missing }: Pick<PartialRun, "cells" | "missing">): string {
  return `${cells.length} of ${cells.length + missing.length} cells`;
}

/** What was taken over into the run's folder, and what was removed from it. */
function storeNotes({ experiment, adopted: taken, pruned }: ExperimentOutcome): string[] {
  const cells = (n: number) => `${n} cell${n === 1 ? "" : "s"}`;
  const notes: string[] = [];
  if (taken) {
    const { adopted, present, others } = taken;
    notes.push([
      `adopted ${cells(adopted.length)}`,
      ...(present.length > 0 ? [`${present.length} were here already`] : []),
      ...(others.length > 0
        ? [
          `${others.length} left aside: other code or kernels computed them, or another configuration`,
        ]
        : []),
    ].join(", "));
  }
  if (pruned !== undefined) notes.push(`removed ${cells(pruned)} that the run does not have`);
  return notes.map((note) => `${experiment}: ${note}`);
}

/** How far each cell is from WASM's. */
function formatDifferences(cells: ToleranceCheck["cells"]): string {
  return formatTable(cells.map(({ id, start, largest, metric }) => ({
    "difference to WASM's": id,
    "first loss, relative": start,
    "largest of a metric, in standard deviations over seeds": largest,
    metric: metric ?? "",
  })));
}

function listed(failures: readonly FailedCheck[], label: string): string[] {
  const lines = failures.slice(0, MAX_LISTED).map(({ where, expected, got }) =>
    `${label} ${where}: expected ${clipped(expected)}, got ${clipped(got)}`
  );
  const more = failures.length - MAX_LISTED;
  return more > 0 ? [...lines, `... and ${more} more`] : lines;
}

/** A value as a line has room for it: a cell that is new is a page of JSON. */
function clipped(value: string): string {
  return value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}...` : value;
}

function tableOf(experiment: AnyExperiment, run: Run): readonly TableRow[] {
  if (experiment.table) return experiment.table(run.summary);
  return run.cells.map(({ id, metrics }) => ({ cell: id, ...scalars(metrics) }));
}

function scalars(metrics: Readonly<Record<string, Json>>): TableRow {
  const plain = Object.entries(metrics).filter(([, value]) => typeof value !== "object");
  return Object.fromEntries(plain) as TableRow;
}

function formatTable(rows: readonly TableRow[]): string {
  const head = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const show = (value: TableRow[string] | undefined) =>
    typeof value === "string" ? value : formatNumber(value);
  const isNumeric = (column: string) => rows.every((row) => typeof row[column] !== "string");
  return plainTable(head, rows.map((row) => head.map((c) => show(row[c]))), head.map(isNumeric));
}
