/** The estimators without a critic, and the references. */
import assert from "node:assert/strict";
import { UsageError } from "../../errors.ts";
import { nearAll, randomRollouts, rolloutOf } from "../testing.ts";
import { estimateAdvantages } from "./registry.ts";
import { totalReward } from "./returns.ts";

const many = randomRollouts(12);
const advantages = (name: string, rollouts: typeof many, options?: unknown) =>
  estimateAdvantages(name, rollouts, options).map((e) => e.advantages);

/** Two prompts, interleaved: rewards 1, 0, 0, 1 and 1, 1. The third response is empty. */
const groups = [
  rolloutOf([0, 0], { group: 7, reward: 1 }),
  rolloutOf([0], { group: 3, reward: 1 }),
  rolloutOf([], { group: 7, reward: 0 }),
  rolloutOf([0, 0], { group: 7, reward: 0 }),
  rolloutOf([0, 0, 0], { group: 3, reward: 1 }),
  rolloutOf([0], { group: 7, reward: 1 }),
];

Deno.test("Monte Carlo by hand", () => {
  const rollout = rolloutOf([0, 0, 0], { tokenRewards: [0.5, 0, -0.5] });
  nearAll(advantages("monte-carlo", [rollout], { baseline: "none" })[0]!, [1, 0.5, 0.5]);
  const discounted = { baseline: "none", gamma: 0.5 };
  nearAll(advantages("monte-carlo", [rollout], discounted)[0]!, [0.625, 0.25, 0.5]);
  // Batch mean 4/6; the group's 1/2 and 1.
  nearAll(advantages("monte-carlo", groups)[0]!, [1 / 3, 1 / 3]);
  const group = advantages("monte-carlo", groups, { baseline: "group-mean" });
  assert.deepEqual(group, [[0.5, 0.5], [0], [], [-0.5, -0.5], [0, 0, 0], [0.5]]);
  assert.deepEqual(estimateAdvantages("monte-carlo", groups)[0]!.valueTargets, [1, 1]);
});

Deno.test("RLOO by hand: the mean of the others, an empty response among them", () => {
  const A = advantages("rloo", groups);
  assert.equal(A.length, 6);
  nearAll(A[0]!, [1 - 1 / 3, 1 - 1 / 3]);
  nearAll(A[3]!, [-2 / 3, -2 / 3]);
  nearAll(A[5]!, [1 - 1 / 3]);
  assert.deepEqual([A[1], A[2], A[4]], [[0], [], [0, 0, 0]]);
});

Deno.test("GRPO by hand; a prompt whose rewards are all equal teaches nothing", () => {
  // Rewards 1, 0, 0, 1: sample variance 1/3.
  const a = 0.5 / (Math.sqrt(1 / 3) + 1e-6);
  const A = advantages("grpo", groups);
  nearAll(A[0]!, [a, a]);
  nearAll(A[3]!, [-a, -a]);
  assert.deepEqual([A[1], A[4]], [[0], [0, 0, 0]]);
  // The mean of three 0.1 is not 0.1 in floating point: the std must be exactly 0 all the same.
  const tenth = [0, 1, 2].map(() => rolloutOf([0], { reward: 0.1 }));
  assert.deepEqual(advantages("grpo", tenth), [[0], [0], [0]]);
});

Deno.test("RLOO is K / (K-1) times the group-mean baseline; GRPO is Dr. GRPO over the std", () => {
  const rloo = advantages("rloo", many), dr = advantages("dr-grpo", many);
  const grpo = advantages("grpo", many, { epsilon: 1e-300 });
  const one = many.map((m) => ({ ...m, tokenRewards: m.tokenRewards!.map(() => 0) }));
  many.forEach((_, i) => {
    nearAll(rloo[i]!, dr[i]!.map((a) => a * 4 / 3), `rollout ${i}`);
    const members = many.map((_, j) => j).filter((j) => many[j]!.group === many[i]!.group);
    const squares = members.map((j) => dr[j]![0]! * dr[j]![0]!);
    const std = Math.sqrt(squares.reduce((a, b) => a + b) / 3);
    nearAll(grpo[i]!, dr[i]!.map((a) => a / std), `rollout ${i}`);
  });
  assert.deepEqual(
    advantages("dr-grpo", one),
    advantages("monte-carlo", one, { baseline: "group-mean" }),
  );
});

Deno.test("whole-response estimators count the tokens' own rewards", () => {
  const penalized = [
    rolloutOf([0, 0], { tokenRewards: [-0.25, -0.25] }),
    rolloutOf([0], { reward: 0, tokenRewards: [0.25] }),
  ];
  assert.equal(totalReward(penalized[0]!), 0.5);
  assert.deepEqual(advantages("rloo", penalized), [[0.25, 0.25], [-0.25]]);
  assert.deepEqual(advantages("dr-grpo", penalized), [[0.125, 0.125], [-0.125]]);
});

Deno.test("a prompt with one rollout cannot be compared", () => {
  const lonely = [...groups, rolloutOf([0], { group: 4 })];
  for (const name of ["rloo", "grpo", "dr-grpo"]) {
    assert.throws(
      () => estimateAdvantages(name, lonely),
      (e: Error) =>
        e instanceof UsageError &&
        /rollouts\[6\].group: 4: one rollout of this prompt/.test(e.message),
    );
  }
  const group = { baseline: "group-mean" };
  assert.throws(() => estimateAdvantages("monte-carlo", lonely, group), UsageError);
  assert.throws(() => estimateAdvantages("monte-carlo", lonely.slice(6)), UsageError);
});

Deno.test("process reward by hand: the verifier's reward is replaced, not added", () => {
  const rollout = rolloutOf([0, 0, 0], { processRewards: [1, 0, 1], tokenRewards: [0, 0.5, 0] });
  const raw = { baseline: "none" };
  nearAll(advantages("process-reward", [rollout], raw)[0]!, [1, 0.5, 1]);
  nearAll(advantages("process-reward", [rollout], { ...raw, gamma: 1 })[0]!, [2.5, 1.5, 1]);
  nearAll(advantages("process-reward", [rollout])[0]!, [1 / 6, -1 / 3, 1 / 6]);
});

Deno.test("the oracle's advantage is Q - V", () => {
  const rollout = rolloutOf([null, null], { exactValues: [0.25, 0.75] });
  assert.deepEqual(estimateAdvantages("oracle", [rollout]), [
    { advantages: [0.5, 0.25], valueTargets: [0.25, 0.75] },
  ]);
});
