import assert from "node:assert/strict";
import type { RolloutRecord } from "./record.ts";
import { type RolloutSelection, selectRollouts } from "./select_rollouts.ts";

/** A rollout of a problem, named by its outcome. */
function rollout(group: string, outcome: number, more: Partial<RolloutRecord> = {}): RolloutRecord {
  return { group, outcome, prompt: { text: group }, response: { text: `${outcome}` }, ...more };
}

async function* stream(records: readonly RolloutRecord[]) {
  yield* records;
}

const FILE = [
  ...[rollout("a", 0), rollout("b", 1), rollout("a", 0), rollout("c", 0.5), rollout("b", 0.9)],
  ...[rollout("a", 1), rollout("c", 1), rollout("d", 0)],
];

async function taken(selection: RolloutSelection, problems?: number) {
  const { records } = await selectRollouts(stream(FILE), selection, problems);
  return records.map(({ group, outcome }) => `${group}${outcome}`).join(" ");
}

Deno.test("all, the first, or the first right and the first wrong of each problem", async () => {
  assert.equal(await taken("all"), "a0 a0 a1 b1 b0.9 c0.5 c1 d0");
  assert.equal(await taken("first"), "a0 b1 c0.5 d0");
  assert.equal(await taken("pairs"), "a0 a1 b1 b0.9 c0.5 c1");
  assert.equal(await taken("all", 2), "a0 a0 a1 b1 b0.9");
  assert.equal(await taken("first", 3), "a0 b1 c0.5");
  assert.equal(await taken("pairs", 1), "a0 a1");
});

Deno.test("success is counted over all that was read, by problem for those taken", async () => {
  const { total, groups } = await selectRollouts(stream(FILE), "first", 2);
  assert.deepEqual(total, { rollouts: 8, successes: 4.4 });
  assert.deepEqual(
    [...groups].map(([name, { rollouts, successes }]) => [name, rollouts, successes]),
    [["a", 3, 1], ["b", 2, 1.9]],
  );
});

Deno.test("a success rate that is missing is that of the actor at its training step", async () => {
  const file = [
    ...[rollout("a", 1, { trainingStep: 1 }), rollout("a", 0, { trainingStep: 1 })],
    ...[rollout("b", 1, { trainingStep: 2 }), rollout("b", 1, { trainingStep: 2, actor: "x" })],
    rollout("c", 0, { trainingStep: 2, successRate: 0.3 }),
  ];
  const { records } = await selectRollouts(stream(file), "all");
  assert.deepEqual(records.map(({ successRate }) => successRate), [0.5, 0.5, 0.5, 1, 0.3]);
});

Deno.test("a file without pairs is refused", async () => {
  await assert.rejects(
    selectRollouts(stream([rollout("a", 1), rollout("b", 0)]), "pairs"),
    /^UsageError: --selection: "pairs": none of 2 problems has a right and a wrong rollout/,
  );
});
