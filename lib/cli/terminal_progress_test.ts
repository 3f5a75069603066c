import assert from "node:assert/strict";
import { formatProgress } from "./terminal_progress.ts";

Deno.test("a line has what is done, how fast, and when it will be over", () => {
  const progress = {
    title: "scaling quick",
    cells: 24,
    cellsDone: 7,
    fraction: 0.4299,
    secondsElapsed: 30,
    rate: 21.04e9,
    secondsLeft: 79.2,
    current: "cot/d32-L2/seed1 50/1000 loss 2.31",
    work: { total: 1, done: 0.4299, takenUp: 0 },
  };
  assert.equal(
    formatProgress(progress),
    "scaling quick: 7/24 cells, 42 %, 21.0 GFLOP/s, ETA 1:19  cot/d32-L2/seed1 50/1000 loss 2.31",
  );
  assert.equal(
    formatProgress({ ...progress, secondsLeft: undefined, current: "7 cells taken up" }),
    "scaling quick: 7/24 cells, 42 %  7 cells taken up",
  );
  const overall = { run: 2, runs: 6, fraction: 0.25, secondsLeft: 200 };
  assert.equal(
    formatProgress({ ...progress, overall, current: "cot" }),
    "scaling quick: 7/24 cells, 42 %, 21.0 GFLOP/s, ETA 1:19; run 2 of 6, all 25 %, ETA 3:20  cot",
  );
  assert.equal(
    formatProgress({ ...progress, overall: { ...overall, run: 1, runs: 1 }, current: "cot" }),
    "scaling quick: 7/24 cells, 42 %, 21.0 GFLOP/s, ETA 1:19  cot",
  );
});
