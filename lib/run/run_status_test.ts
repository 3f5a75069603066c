import assert from "node:assert/strict";
import { planRun } from "./plan.ts";
import { reproduce } from "./reproduce.ts";
import { runStatus } from "./run_status.ts";
import { claimCell } from "./heartbeats.ts";
import { openStore } from "./store.ts";
import { KERNELS, makeSandbox } from "./testdata/sandbox.ts";

Deno.test("a run's status tells done, running, failed and waiting cells, and the time left", async () => {
  using box = await makeSandbox();
  const options = { profile: "quick", threads: 1, out: `${box.folder}/runs` } as const;
  const plan = planRun(box.experiment, options), engine = { kernels: KERNELS };
  const before = runStatus(plan, engine);
  assert.deepEqual(before.cells.map(({ state }) => state), new Array(6).fill("waiting"));
  assert.deepEqual([before.fraction, before.secondsLeft], [0, null]);

  const some = planRun(box.experiment, { ...options, cells: ["n2"], cellsOnly: true });
  await reproduce(some, engine);
  const store = openStore(plan, engine);
  const [running, failed] = plan.cells.filter(({ id }) => id.includes("n5"));
  const heartbeat = claimCell(plan.directory, running!.id, store.nameOf(running!), 1)!;
  store.noteFailure(failed!, "Error: its own fault\n    at line 3");
  try {
    const status = runStatus(plan, engine);
    const states = Object.groupBy(status.cells, ({ state }) => state);
    assert.deepEqual(
      Object.entries(states).map(([state, cells]) => [state, cells.length]).sort(),
      [["done", 3], ["failed", 1], ["running", 1], ["waiting", 1]],
    );
    assert.match(states.failed![0]!.failure!.message, /its own fault/);
    // Three cells of cost 2 of 3 (2 + 5): what is left takes 5/2 of their time, on one thread.
    assert.equal(status.fraction, 6 / 21);
    const spent = states.done!.reduce((sum, { stored }) => sum + stored!.seconds, 0);
    assert(Math.abs(status.secondsLeft! - spent * 15 / 6) < 1e-9);
    for (const { path } of states.done!) Deno.truncateSync(`${path}/result.json`, 3);
    assert.equal(runStatus(plan, engine).fraction, 0, "what is damaged is not done");
  } finally {
    heartbeat.stop();
  }
});
