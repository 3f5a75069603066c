/**
 * `deno task progress`: how far runs are, whoever computes them, on whatever machines.
 */
import { z } from "zod";
import { formatDuration } from "../report/format.ts";
import { alignedRows } from "../report/plain_table.ts";
import type { CellState, CellStatus, RunStatus } from "../run/run_status.ts";
import { type Command, printJson, runCommand } from "./command.ts";
import { chosenStatuses, RUN_PARTS, runFlags, type RunParts } from "./run_flags.ts";

/** Lines shown of what a failed cell said last. */
const LAST_LINES = 3;

const flags = z.object({
  ...runFlags,
  json: z.boolean().default(false).describe("print it as one line of JSON"),
});

/** The command, of these parts. */
export function makeProgressCommand(parts: RunParts = RUN_PARTS): Command<typeof flags.shape> {
  return {
    name: "progress",
    summary: "Says how far runs are, whoever computes them: done, running, failed, time left.",
    flags,
    positional: "experiment",
    async run(chosen) {
      const runs = (await chosenStatuses(chosen, parts)).map(({ run, status }) => ({
        title: `${run.experiment.name} ${chosen.profile}`,
        status,
      }));
      if (chosen.json) {
        printJson(runs.map(({ title, status }) => ({ title, ...summaryOf(status) })));
      } else console.log(runs.map(({ title, status }) => formatStatus(title, status)).join("\n\n"));
      return 0;
    },
  };
}

function count({ cells }: RunStatus, state: CellState): number {
  return cells.filter((cell) => cell.state === state).length;
}

function summaryOf(status: RunStatus) {
  const { directory, fraction, secondsLeft, cells } = status;
  const states = ["done", "running", "silent", "failed", "waiting"] as const;
  return {
    directory,
    fraction,
    secondsLeft,
    ...Object.fromEntries(states.map((state) => [state, count(status, state)])),
    cells: cells.map(({ cell: { id }, state, heartbeat, failure }) => ({
      id,
      state,
      ...(heartbeat ? { heartbeat } : {}),
      ...(failure ? { failure } : {}),
    })),
  };
}

/** A line of numbers, then one for each cell that is running, silent or failed. */
export function formatStatus(title: string, status: RunStatus): string {
  const { cells, fraction, secondsLeft, directory } = status;
  const counts = (["running", "silent", "failed", "waiting"] as const)
    .map((state) => [state, count(status, state)] as const).filter(([, n]) => n > 0)
    .map(([state, n]) => `, ${n} ${state}`);
  const left = secondsLeft === null ? "" : `, ${formatDuration(secondsLeft)} left`;
  const percent = Math.floor(100 * fraction);
  return [
    `${title}: ${count(status, "done")} of ${cells.length} cells done (${percent}% of the work)` +
    `${counts.join("")}${left}`,
    ...alignedRows(cells.filter(({ heartbeat }) => heartbeat).map(runningRow)),
    ...cells.flatMap(failedLines),
    directory,
  ].join("\n");
}

function runningRow({ cell, state, heartbeat }: CellStatus): string[] {
  const { host, pid, threads, seconds, fraction, silence, info } = heartbeat!;
  const word = state === "silent" ? `silent for ${formatDuration(silence)}` : "running";
  return [
    `  ${cell.id}`,
    word,
    `${Math.floor(100 * fraction)}% in ${formatDuration(seconds)}`,
    `process ${pid} on ${host ?? "an unknown machine"}, ${threads} thread${
      threads === 1 ? "" : "s"
    }`,
    info,
  ];
}

function failedLines({ cell, failure }: CellStatus): string[] {
  if (!failure) return [];
  const lines = failure.message.trim().split("\n").slice(0, LAST_LINES);
  const where = `process ${failure.pid} on ${failure.host ?? "an unknown machine"}`;
  return [
    `  ${cell.id}  failed at ${failure.at}, ${where}:`,
    ...lines.map((line) => `    ${line}`),
  ];
}

if (import.meta.main) await runCommand(makeProgressCommand());
