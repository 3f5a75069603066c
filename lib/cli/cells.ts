/**
 * `deno task cells`: the cells of experiments, for whoever schedules them: a batch system, or a person.
 */
import { z } from "zod";
import { formatNumber } from "../report/format.ts";
import { plainTable } from "../report/plain_table.ts";
import type { RunStatus } from "../run/run_status.ts";
import { type Command, printJson, runCommand } from "./command.ts";
import { chosenStatuses, RUN_PARTS, runFlags, type RunParts } from "./run_flags.ts";

const flags = z.object({
  ...runFlags,
  json: z.boolean().default(false).describe("print them as one line of JSON"),
});

/** The command, of these parts. */
export function makeCellsCommand(parts: RunParts = RUN_PARTS): Command<typeof flags.shape> {
  return {
    name: "cells",
    summary: "Lists the cells of experiments: cost, memory, where each result is, which are done.",
    flags,
    positional: "experiment",
    async run(chosen) {
      const runs = await chosenStatuses(chosen, parts);
      if (chosen.json) {
        printJson(runs.map(({ run, status }) => ({
          experiment: run.experiment.name,
          profile: chosen.profile,
          configHash: run.configHash,
          directory: status.directory,
          cells: rowsOf(status),
        })));
      } else {
        console.log(
          runs.map(({ run, status }) => formatCells(run.experiment.name, status)).join("\n\n"),
        );
      }
      return 0;
    },
  };
}

function rowsOf({ cells }: RunStatus) {
  return cells.map(({ cell: { id, seed, cost, memory }, path, state }) => ({
    id,
    seed,
    cost,
    memory: memory ?? null,
    path,
    done: state === "done",
  }));
}

function formatCells(name: string, status: RunStatus): string {
  const rows = rowsOf(status), done = rows.filter((row) => row.done).length;
  const table = plainTable(
    ["cell", "GFLOP", "memory", "done"],
    rows.map(({ id, cost, memory, done }) => [
      id,
      formatNumber(cost / 1e9),
      memory === null ? "?" : `${Math.ceil(memory / 2 ** 20)} MiB`,
      done ? "yes" : "",
    ]),
    [false, true, true, false],
  );
  return `${name}: ${done} of ${rows.length} cells are done, in ${status.directory}/cells\n\n${table}`;
}

if (import.meta.main) await runCommand(makeCellsCommand());
