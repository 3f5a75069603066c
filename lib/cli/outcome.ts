/**
 * An experiment's outcome as plain text: table, verdicts, what the pins said, what failed.
 */
import { relative } from "node:path";
import { formatNumber } from "../report/format.ts";
import { plainTable } from "../report/plain_table.ts";
import type { Failure } from "../run/compare.ts";
import type { AnyExperiment, TableRow } from "../run/experiment.ts";
import type { Outcome } from "../run/reproduce.ts";
import type { Run } from "../run/run.ts";
import { SPREADS } from "../run/tolerance.ts";

/** At most this many failures are listed; a change in the engine fails every digit at once. */
const MAX_LISTED = 20;

export function formatOutcome(experiment: AnyExperiment, outcome: Outcome): string {
  const { run, failures, pinChanges } = outcome;
  const lines = [`${experiment.name}: ${experiment.title}`, ""];
  if (run) {
    lines.push(formatTable(tableOf(experiment, run)), "");
    for (const { id, statement, verdict, reading } of run.claims) {
      lines.push(`${id} ${verdict.toUpperCase()}: ${statement}`, `   ${reading}`);
    }
    lines.push(`run: ${relative(Deno.cwd(), outcome.directory)}/run.json`, formatPins(run));
  }
  lines.push(...listed(failures, "FAILED"), ...listed(pinChanges, "pin"));
  return `${lines.join("\n")}\n`;
}

function formatPins({ pins, cells }: Run): string {
  const { state, notPinned } = pins;
  switch (state) {
    case "matched":
      return `pins: all ${cells.length} cells, the summary and the verdicts are equal to the pinned ones`;
    case "mismatched":
      return "pins: NOT EQUAL, see below";
    case "within tolerance":
    case "out of tolerance": {
      const { compared, largest } = pins.tolerance!;
      return `pins: ${state.toUpperCase()}: ${compared} metrics against WASM's, the largest difference ` +
        `${formatNumber(largest)} of its tolerance (${SPREADS} standard deviations over seeds); ` +
        `not compared: ${notPinned.join(", ")}`;
    }
    case "updated":
      return "pins: rewritten";
    case "not pinned":
    case "partly pinned":
      return `pins: ${state.toUpperCase()}: no pins to compare with for ${notPinned.join(", ")}`;
  }
}

function listed(failures: readonly Failure[], label: string): string[] {
  const lines = failures.slice(0, MAX_LISTED).map(({ where, expected, got }) =>
    `${label} ${where}: expected ${expected}, got ${got}`
  );
  const more = failures.length - MAX_LISTED;
  return more > 0 ? [...lines, `... and ${more} more`] : lines;
}

function tableOf(experiment: AnyExperiment, run: Run): readonly TableRow[] {
  if (experiment.table) return experiment.table(run.summary);
  return run.cells.map(({ id, metrics }) => {
    const scalars = Object.entries(metrics).filter(([, value]) => typeof value !== "object");
    return { cell: id, ...Object.fromEntries(scalars) } as TableRow;
  });
}

function formatTable(rows: readonly TableRow[]): string {
  const head = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const show = (value: TableRow[string] | undefined) =>
    typeof value === "string" ? value : formatNumber(value);
  const isNumeric = (column: string) => rows.every((row) => typeof row[column] !== "string");
  return plainTable(head, rows.map((row) => head.map((c) => show(row[c]))), head.map(isNumeric));
}
