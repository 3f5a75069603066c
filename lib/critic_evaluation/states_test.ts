import assert from "node:assert/strict";
import type { RolloutRecord } from "../rollouts/record.ts";
import { statesOf } from "./states.ts";

const record = (fields: Partial<RolloutRecord> = {}): RolloutRecord => ({
  group: "g",
  prompt: { text: "3+4?" },
  response: { text: "7" },
  outcome: 1,
  ...fields,
});
const probe = (at: number, mean = 0.5, unit: "token" | "char" = "token") => ({
  ...{ at, unit, mean, n: 8 },
});

Deno.test("every probe is a state, in order, with its place in the response", () => {
  const tokens = [5, 6, 7, 8];
  const { source, states, rollouts } = statesOf([
    record({ response: { tokens }, probes: [probe(3, 1), probe(0, 0.25)] }),
  ]);
  assert.equal(source, "monte-carlo");
  assert.equal(rollouts.length, 1);
  assert.deepEqual(
    states.map((
      { at, unit, value, n, fraction, isLast },
    ) => [at, unit, value, n, fraction, isLast]),
    [[0, "token", 0.25, 8, 0, false], [3, "token", 1, 8, 0.75, true]],
  );
});

Deno.test("a response whose length is not known has no fractions", () => {
  const { states } = statesOf([record({ probes: [probe(3)] })]);
  assert.deepEqual([states[0]!.fraction, states[0]!.isLast], [null, null]);
});

Deno.test("where some rollouts have probes the others are left out, and still counted as siblings", () => {
  const { rollouts, outcomes, leftOut } = statesOf([
    record({ probes: [probe(0)] }),
    record({ outcome: 0 }),
  ]);
  assert.equal(rollouts.length, 1);
  assert.deepEqual(outcomes.get("g"), [1, 0]);
  assert.deepEqual(leftOut, [{ reason: "no Monte Carlo values", rollouts: 1 }]);
});

Deno.test("without probes the outcome is the value at equal distances", () => {
  const tokens = Array.from({ length: 10 }, (_, i) => i);
  const set = statesOf([record({ response: { tokens, text: "ten" }, outcome: 0.5 })]);
  assert.equal(set.source, "outcome");
  assert.deepEqual(set.states.map(({ at, value, n }) => [at, value, n]), [
    [0, 0.5, 1],
    [2, 0.5, 1],
    [5, 0.5, 1],
    [7, 0.5, 1],
  ]);
  const steps = statesOf([record({ steps: ["a", "b"] })], { perRollout: 3 });
  assert.deepEqual(steps.states.map(({ at, unit }) => [at, unit]), [[0, "step"], [1, "step"]]);
  const empty = statesOf([record({ response: { text: "" } })]);
  assert.deepEqual(empty.states.map(({ at, fraction }) => [at, fraction]), [[0, 0]]);
});

Deno.test("no character is cut in two", () => {
  const { states } = statesOf([record({ response: { text: "a😀b" } })], { perRollout: 2 });
  assert.deepEqual(states.map(({ at }) => at), [0, 1]);
});

Deno.test("one prompt or one group is one problem, chained", () => {
  const prompts = ["p", "q", "p", "r", "s"], groups = ["1", "2", "3", "3", "4"];
  const { rollouts, problems } = statesOf(
    prompts.map((text, i) => record({ prompt: { text }, group: groups[i]! })),
  );
  // 0 and 2 share a prompt, 2 and 3 a group.
  assert.deepEqual(rollouts.map(({ problem }) => problem), [0, 1, 0, 0, 2]);
  assert.equal(problems, 3);
  // A record that joins two problems known before.
  const joined = statesOf([
    record({ prompt: { text: "p" }, group: "1" }),
    record({ prompt: { text: "q" }, group: "2" }),
    record({ prompt: { text: "p" }, group: "2" }),
  ]);
  assert.equal(joined.problems, 1);
});

Deno.test("of too many states whole problems are kept, at least one, the same for one seed", () => {
  const records = Array.from({ length: 20 }, (_, i) => {
    const problem = String(Math.floor(i / 2));
    return record({ group: problem, prompt: { text: problem }, steps: ["a", "b"] });
  });
  const chosen = (maxStates: number, seed = 1) => {
    const set = statesOf(records, { perRollout: 2, maxStates, seed });
    const groups = set.rollouts.map(({ record }) => record.group);
    assert.ok(Map.groupBy(groups, (g) => g).values().every(({ length }) => length === 2));
    assert.deepEqual(
      set.states.map(({ rollout }) => rollout),
      set.rollouts.flatMap((_, i) => [i, i]),
    );
    return groups.filter((_, i) => i % 2 === 0);
  };
  assert.equal(chosen(13).length, 3);
  assert.deepEqual(chosen(13), chosen(13));
  assert.notDeepEqual(chosen(13), chosen(13, 2));
  assert.equal(chosen(1).length, 1);
  assert.equal(chosen(40).length, 10);
});

Deno.test("no rollouts, and probes of another rollout, are refused", () => {
  assert.throws(() => statesOf([]), /^UsageError: rollouts: 0: there is none/);
  assert.throws(
    () => statesOf([record({ response: { tokens: [1] }, probes: [probe(2)] })]),
    /probe at token 2: "g": the response has 1/,
  );
});
