import assert from "node:assert/strict";
import type { Cell } from "../run/experiment.ts";
import type { CellStatus } from "../run/run_status.ts";
import { formatStatus } from "./progress.ts";

const cell = (id: string): Cell => ({ id, seed: 1, config: {}, cost: 1 });
const beat = {
  cell: "cot/seed2",
  name: "cot-seed2-0",
  host: "node7",
  pid: 12,
  session: "x",
  threads: 2,
  seconds: 70,
  fraction: 0.5,
  info: "loss 0.3",
  silence: 1,
  isOwn: false,
  isAlive: true,
};
const cells: CellStatus[] = [
  { cell: cell("cot/seed1"), state: "waiting", path: "" },
  { cell: cell("cot/seed2"), state: "running", path: "", heartbeat: beat },
  {
    cell: cell("cot/seed3"),
    state: "silent",
    path: "",
    heartbeat: { ...beat, host: null, silence: 95 },
  },
  {
    cell: cell("cot/seed4"),
    state: "failed",
    path: "",
    failure: { cell: "cot/seed4", message: "a\nb\nc\nd", host: "node7", pid: 13, at: "2026-01-01" },
  },
];

Deno.test("progress is a line of numbers and one for each cell that is running, silent or failed", () => {
  const status = { directory: "runs/x", cells, fraction: 0.125, secondsLeft: 90 };
  assert.equal(
    formatStatus("scaling quick", status),
    `scaling quick: 0 of 4 cells done (12% of the work), 1 running, 1 silent, 1 failed, 1 waiting, 1 min 30 s left
  cot/seed2  running                  50% in 1 min 10 s  process 12 on node7, 2 threads               loss 0.3
  cot/seed3  silent for 1 min 35 s  50% in 1 min 10 s  process 12 on an unknown machine, 2 threads  loss 0.3
  cot/seed4  failed at 2026-01-01, process 13 on node7:
    a
    b
    c
runs/x`.replace("running                  50%", "running                50%"),
  );
});
