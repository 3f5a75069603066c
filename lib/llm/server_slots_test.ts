import assert from "node:assert/strict";
import { Slots } from "./server_slots.ts";

Deno.test("never more tasks than slots, the first come first, and a failure frees its slot", async () => {
  const slots = new Slots(2), begun: number[] = [];
  let running = 0, most = 0;
  const gates = [0, 1, 2, 3, 4].map(() => Promise.withResolvers<void>());
  const tasks = gates.map(({ promise }, i) =>
    slots.run(async () => {
      begun.push(i);
      most = Math.max(most, ++running);
      try {
        await promise;
        return i;
      } finally {
        running--;
      }
    })
  );
  const settled = Promise.allSettled(tasks);
  gates[1]!.reject(new Error("no"));
  gates[4]!.resolve();
  gates[0]!.resolve();
  gates[2]!.resolve();
  gates[3]!.resolve();
  const results = (await settled).map((one) =>
    one.status === "fulfilled" ? one.value : String(one.reason)
  );
  assert.deepEqual(results, [0, "Error: no", 2, 3, 4]);
  assert.deepEqual([most, begun], [2, [0, 1, 2, 3, 4]]);
});
