import assert from "node:assert/strict";
import type { RolloutRecord } from "../rollouts/record.ts";
import type { AskedCritic } from "./asked_critic.ts";
import { groupMean, leaveOneOut, meanValue, ownOutcome } from "./constants.ts";
import { statesOf } from "./states.ts";

const record = (group: string, outcome: number, value?: number): RolloutRecord => ({
  group,
  prompt: { text: group },
  response: { tokens: [1, 2] },
  outcome,
  ...(value === undefined ? {} : { probes: [{ at: 0, unit: "token", mean: value, n: 4 }] }),
});

async function valuesOf(critic: AskedCritic, records: readonly RolloutRecord[]) {
  let told = 0;
  const set = statesOf(records, { perRollout: 1 });
  const answers = await critic.answer(set, (answered) => told = answered);
  assert.equal(told, set.states.length);
  return answers.map(({ value }) => value);
}

const records = [record("a", 1, 0.5), record("a", 0, 0.75), record("a", 0), record("b", 1, 0.25)];

Deno.test("baselines from what the rollouts themselves say", async () => {
  // The mean of the states that are asked about; groups count responses that have no states, too.
  assert.deepEqual(await valuesOf(meanValue, records), [0.5, 0.5, 0.5]);
  assert.deepEqual(await valuesOf(groupMean, records), [1 / 3, 1 / 3, 1]);
  assert.deepEqual(await valuesOf(ownOutcome, records), [1, 0, 1]);
});

Deno.test("leave-one-out knows the others only; one without others falls back on other problems", async () => {
  // The last has no sibling: the mean outcome of problem a's rollouts in the set.
  assert.deepEqual(await valuesOf(leaveOneOut, records), [0, 0.5, 0.5]);
  const one = [record("a", 1), record("a", 1)];
  assert.deepEqual(await valuesOf(leaveOneOut, one), [1, 1]);
});

Deno.test("without groups they are refused", async () => {
  const single = [record("a", 1), record("b", 0)];
  for (const critic of [groupMean, leaveOneOut]) {
    await assert.rejects(
      () => valuesOf(critic, single),
      new RegExp(`--critic: "${critic.name}": no group has more than one response`),
    );
  }
});
