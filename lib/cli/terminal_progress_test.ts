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
  };
  assert.equal(
    formatProgress(progress),
    "scaling quick: 7/24 cells, 42 %, 21.0 GFLOP/s, ETA 1:19  cot/d32-L2/seed1 50/1000 loss 2.31",
  );
  assert.equal(
    formatProgress({ ...progress, secondsLeft: undefined, current: "7 cells taken up" }),
    "scaling quick: 7/24 cells, 42 %  7 cells taken up",
  );
});
