import assert from "node:assert/strict";
import type { Cell } from "./experiment.ts";
import { overallProgress, ProgressTracker, type RunProgress } from "./progress.ts";

const cell = (id: string, cost: number): Cell => ({ id, seed: 1, config: {}, cost });
const [small, large, old] = [cell("small", 10), cell("large", 70), cell("old", 20)];

Deno.test("progress is weighed by cost and starts with what was taken up", () => {
  const seen: RunProgress[] = [];
  const cells = [small, large, old];
  const listener = (progress: RunProgress) => void seen.push(progress);
  const tracker = new ProgressTracker("fake quick", cells, [old], listener, "1 cell taken up");
  tracker.progressed(large, 1, 2, "step 1");
  tracker.finished(small);
  tracker.progressed(large, 3, 2, "beyond its total");
  tracker.finished(large);
  assert.deepEqual(seen.map(({ fraction }) => fraction), [0.2, 0.55, 0.65, 1, 1]);
  assert.deepEqual(seen.map(({ cellsDone }) => cellsDone), [1, 1, 2, 2, 3]);
  assert.deepEqual(seen.map(({ finished }) => finished), [
    undefined,
    undefined,
    "small",
    undefined,
    "large",
  ]);
  assert.equal(seen[0]!.note, "1 cell taken up");
  assert.equal(seen[0]!.secondsLeft, undefined, "nothing computed yet to go by");
  assert.equal(seen[4]!.secondsLeft, 0);
  assert.equal(seen[1]!.current, "large 1/2 step 1");
});

Deno.test("several runs are weighed by cost, with what was taken up left out of the rate", () => {
  const seen: RunProgress[] = [];
  const [first, second] = overallProgress((p) => void seen.push(p), [30, 70]);
  const report = (listener: typeof first, cells: Cell[], takenUp: Cell[], last: Cell) =>
    new ProgressTracker("fake quick", cells, takenUp, listener!, "note").finished(last);
  report(first, [small, old], [old], small);
  report(second, [large], [], large);
  const overall = seen.map((p) => p.overall!);
  assert.deepEqual(overall.map(({ fraction }) => fraction), [0.2, 0.3, 0.3, 1]);
  assert.deepEqual(overall.map(({ run, runs }) => [run, runs]), [[1, 2], [1, 2], [2, 2], [2, 2]]);
  assert.equal(overall[0]!.secondsLeft, undefined, "nothing computed yet to go by");
  assert.ok(overall[1]!.secondsLeft! > 0);
  assert.equal(overall[3]!.secondsLeft, 0);
});

Deno.test("a listener that throws, or whose promise fails, shows nothing and stops nothing; it is told once", async () => {
  const told: unknown[][] = [];
  const { error } = console;
  console.error = (...line) => {
    told.push(line);
    throw new Error("nor can this be written");
  };
  try {
    const fail = () => {
      throw new Error("no window");
    };
    const failLater = () => Promise.reject(new Error("no kernel"));
    for (const listener of [fail, overallProgress(fail, [30])[0]!, failLater]) {
      const tracker = new ProgressTracker("fake quick", [small, old], [old], listener, "a note");
      tracker.progressed(small, 1, 2, "");
      tracker.finished(small);
      await new Promise((resolve) => setTimeout(resolve));
      assert.equal(told.length, 1);
      assert.match(told.pop()!.join(" "), /^fake quick: progress is not shown: Error: no/);
    }
  } finally {
    console.error = error;
  }
});
