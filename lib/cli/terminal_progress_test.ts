import assert from "node:assert/strict";
import { formatProgress, terminalProgress } from "./terminal_progress.ts";

const PROGRESS = {
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

Deno.test("a line has what is done, how fast, and when it will be over", () => {
  const progress = PROGRESS;
  assert.equal(
    formatProgress(progress),
    "scaling quick: 7/24 cells, 42 %, 21.0 GFLOP/s, ETA 1 min 19 s  cot/d32-L2/seed1 50/1000 loss 2.31",
  );
  assert.equal(
    formatProgress({ ...progress, secondsLeft: undefined, current: "7 cells taken up" }),
    "scaling quick: 7/24 cells, 42 %  7 cells taken up",
  );
  const overall = { run: 2, runs: 6, fraction: 0.25, secondsLeft: 200 };
  assert.equal(
    formatProgress({ ...progress, overall, current: "cot" }),
    "scaling quick: 7/24 cells, 42 %, 21.0 GFLOP/s, ETA 1 min 19 s; run 2 of 6, all 25 %, ETA 3 min 20 s  cot",
  );
  assert.equal(
    formatProgress({ ...progress, overall: { ...overall, run: 1, runs: 1 }, current: "cot" }),
    "scaling quick: 7/24 cells, 42 %, 21.0 GFLOP/s, ETA 1 min 19 s  cot",
  );
});

Deno.test("without a terminal cells are told with verbose only, notes and lines always", () => {
  const { writeSync } = Deno.stderr;
  const seen: string[] = [];
  const write = (bytes: Uint8Array) => seen.push(new TextDecoder().decode(bytes));
  Object.assign(Deno.stderr, { writeSync: write });
  try {
    for (const verbose of [false, true]) {
      const listener = terminalProgress({ live: false, verbose });
      listener({ ...PROGRESS, note: "7 cells taken up" });
      listener(PROGRESS);
      listener({ ...PROGRESS, finished: "cot", current: "cot" });
      listener.line("Jupyter: ready");
      listener.line("cell 1 of 2", true);
      listener.clear();
    }
  } finally {
    Object.assign(Deno.stderr, { writeSync });
  }
  const [note, cell, line] = [
    "scaling quick: 7 cells taken up\n",
    `${formatProgress({ ...PROGRESS, current: "cot" })}\n`,
    "Jupyter: ready\n",
  ];
  assert.deepEqual(seen, [note, line, note, cell, line, "cell 1 of 2\n"]);
});

Deno.test("a stream that cannot be written, or a terminal without a size, is no error", () => {
  const { writeSync } = Deno.stderr, { consoleSize } = Deno;
  const seen: string[] = [];
  const write = (bytes: Uint8Array) => {
    seen.push(new TextDecoder().decode(bytes));
    throw Object.assign(new Error("Input/output error"), { code: "EIO" });
  };
  const noSize = () => {
    throw new Deno.errors.BadResource("no terminal");
  };
  Object.assign(Deno.stderr, { writeSync: write });
  Object.assign(Deno, { consoleSize: noSize });
  try {
    for (const live of [true, false]) {
      const listener = terminalProgress({ live, verbose: !live });
      listener({ ...PROGRESS, note: "7 cells taken up" });
      listener({ ...PROGRESS, finished: "cot", current: "x".repeat(200) });
      listener.clear();
    }
  } finally {
    Object.assign(Deno.stderr, { writeSync });
    Object.assign(Deno, { consoleSize });
  }
  assert.equal(seen.length, 5);
  assert.equal(seen[1]!.replace(/^\r.*?K/, "").length, 79, "as on a terminal of 80 columns");
});
