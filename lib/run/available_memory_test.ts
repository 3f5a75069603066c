import assert from "node:assert/strict";
import { availableMemory } from "./available_memory.ts";

Deno.test("a batch job's memory counts where it is less than the machine's", () => {
  const machine = { available: 64 * 2 ** 30, total: 64 * 2 ** 30 };
  assert.equal(availableMemory(machine, 0), 64 * 2 ** 30);
  // What cgroup v1 says where there is no limit.
  assert.equal(availableMemory(machine, 2 ** 63), 64 * 2 ** 30);
  const left = availableMemory(machine, 4 * 2 ** 30);
  assert(left < 4 * 2 ** 30 && left > 2 * 2 ** 30, "less what this process uses");
  assert.equal(availableMemory(machine, 1), 0);
});
