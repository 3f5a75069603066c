import assert from "node:assert/strict";
import { schedule } from "./schedule.ts";

Deno.test("one worker is never idle, as many as tasks wait for the longest", () => {
  const tasks = [3, 1, 4, 1, 5];
  assert.deepEqual(schedule(tasks, 1), { makespan: 14, idle: 0 });
  assert.deepEqual(schedule(tasks, 5), { makespan: 5, idle: 1 - 14 / 25 });
  assert.deepEqual(schedule(tasks, 100), { makespan: 5, idle: 1 - 14 / 500 });
});

Deno.test("Graham's example takes 4/3 less 1/(3 m) of the best", () => {
  // m = 3 workers, twice each of 5 and 4, three times 3: the best is 9.
  assert.equal(schedule([5, 5, 4, 4, 3, 3, 3], 3).makespan, 11);
});

Deno.test("the makespan is never below the mean load and the longest task, nor above their sum", () => {
  for (let workers = 1; workers <= 20; workers++) {
    const tasks = Array.from({ length: 30 }, (_, i) => 1 + (i * 7919) % 97);
    const mean = tasks.reduce((a, b) => a + b) / workers, longest = Math.max(...tasks);
    const { makespan, idle } = schedule(tasks, workers);
    assert(makespan >= Math.max(mean, longest) && makespan <= mean + longest);
    assert(idle >= 0 && idle < 1);
  }
});
