/**
 * Whether an estimator gives the policy gradient: over all responses of a tiny MDP, the expectation of
 * sum_t A_t grad log pi(y_t | s_t) against finite differences of the expected reward.
 */
import assert from "node:assert/strict";
import { RandomStream } from "../../numeric/random.ts";
import { withKlPenalty } from "../objective/kl.ts";
import type { Rollout } from "../rollout.ts";
import { centralDifferences, nearAll, TinyMdp } from "../testing.ts";
import { estimateAdvantages } from "./registry.ts";

const mdp = new TinyMdp();
const logits = mdp.logits(1), reference = mdp.logits(2);
const exact = centralDifferences(logits, (z) => mdp.expectation(z, mdp.reward));

/** A value for each state that has nothing to do with the true one. */
const wrong = (state: string) =>
  new RandomStream({ seed: 5, purpose: "test/wrong", step: 0, row: mdp.states.indexOf(state) })
    .uniform();
const right = (state: string) => mdp.value(logits, state);

function rolloutOf(response: string, value: (state: string) => number): Rollout {
  const states = [...response].map((_, t) => response.slice(0, t));
  return {
    group: 0,
    reward: mdp.reward(response),
    logProbabilities: mdp.logProbabilities(logits, response),
    referenceLogProbabilities: mdp.logProbabilities(reference, response),
    values: states.map(value),
    exactValues: states.map(right),
    continuations: states.map((s) => [value(s)]),
  };
}

/** The expected gradient from single responses. */
function expected(
  name: string,
  options: unknown,
  value: (state: string) => number,
  prepare = (rollout: Rollout) => rollout,
): number[] {
  const total = logits.map(() => 0);
  for (const y of mdp.responses) {
    const [estimate] = estimateAdvantages(name, [prepare(rolloutOf(y, value))], options);
    const p = mdp.probability(logits, y);
    mdp.score(logits, y, estimate!.advantages).forEach((g, k) => total[k]! += p * g);
  }
  return total;
}

const distance = (a: readonly number[], b: readonly number[]) =>
  Math.sqrt(a.reduce((sum, x, k) => sum + (x - b[k]!) * (x - b[k]!), 0));

Deno.test("the tiny MDP is what it says", () => {
  nearAll([mdp.expectation(logits, () => 1)], [1]);
  assert.equal(mdp.responses.length, 15);
  assert.ok(distance(exact, logits.map(() => 0)) > 0.1);
});

Deno.test("lambda 1 is unbiased whatever the values", () => {
  for (
    const [name, options] of [
      ["monte-carlo", { baseline: "none" }],
      ["gae", { lambda: 1 }],
      ["vc-ppo", { actorLambda: 1 }],
      ["sae", { lambda: 1 }],
      ["sae", { lambda: 1, boundary: "after" }],
      ["genac-segments", { lambda: 1, boundary: "after" }],
    ] as const
  ) {
    nearAll(expected(name, options, wrong), exact, name, 1e-9);
  }
});

Deno.test("exact values are unbiased for every lambda", () => {
  for (const lambda of [0, 0.5, 1]) {
    const after = { lambda, boundary: "after", threshold: 0.3 };
    nearAll(expected("gae", { lambda }, right), exact, `gae ${lambda}`, 1e-9);
    nearAll(expected("sae", after, right), exact, `sae ${lambda}`, 1e-9);
    nearAll(expected("genac-segments", after, right), exact, `genac ${lambda}`, 1e-9);
  }
  nearAll(expected("oracle", {}, wrong), exact, "oracle", 1e-9);
  nearAll(expected("vineppo", {}, right), exact, "vineppo", 1e-9);
});

Deno.test("wrong values bias lambda 0; a value AFTER the token is no baseline", () => {
  assert.ok(distance(expected("gae", { lambda: 0 }, wrong), exact) > 0.05);
  // Off by one: V_(t+1) in the place of V_t.
  const late = (rollout: Rollout): Rollout => ({
    ...rollout,
    values: [...rollout.values!.slice(1), 0],
  });
  assert.ok(distance(expected("gae", { lambda: 1 }, right, late), exact) > 0.05);
});

Deno.test("boundaries before the low-probability token bias even exact values", () => {
  const before = { boundary: "before", threshold: 0.3 };
  const norm = distance(exact, logits.map(() => 0));
  // Here by 28%, 31% and 10% of the gradient.
  for (
    const [name, lambda] of [["sae", 0], ["genac-segments", 0], ["genac-segments", 1]] as const
  ) {
    const error = distance(expected(name, { ...before, lambda }, right), exact);
    assert.ok(error > 0.05 * norm, `${name}, lambda ${lambda}: ${error} of ${norm}`);
  }
});

Deno.test("RLOO is unbiased; the group's own mean shrinks the gradient by 1 - 1/K", () => {
  for (
    const [name, options, factor] of [
      ["rloo", {}, 1],
      ["dr-grpo", {}, 1 / 2],
      ["monte-carlo", { baseline: "group-mean" }, 1 / 2],
      ["monte-carlo", { baseline: "batch-mean" }, 1 / 2],
    ] as const
  ) {
    const total = logits.map(() => 0);
    for (const y of mdp.responses) {
      for (const z of mdp.responses) {
        const [a, b] = estimateAdvantages(
          name,
          [rolloutOf(y, wrong), rolloutOf(z, wrong)],
          options,
        );
        const p = mdp.probability(logits, y) * mdp.probability(logits, z) / 2;
        mdp.score(logits, y, a!.advantages).forEach((g, k) => total[k]! += p * g);
        mdp.score(logits, z, b!.advantages).forEach((g, k) => total[k]! += p * g);
      }
    }
    nearAll(total, exact.map((g) => g * factor), name, 1e-9);
  }
});

Deno.test("VinePPO is unbiased with fresh continuations of the first state; the group's own shrink its gradient", () => {
  const over = (first: (own: number, other: number) => number[]) => {
    const total = logits.map(() => 0);
    for (const y of mdp.responses) {
      for (const z of mdp.responses) {
        const rollout = rolloutOf(y, right);
        const continuations = rollout.continuations!.map((returns, t) =>
          t === 0 ? first(mdp.reward(y), mdp.reward(z)) : returns
        );
        const [estimate] = estimateAdvantages("vineppo", [{ ...rollout, continuations }]);
        const p = mdp.probability(logits, y) * mdp.probability(logits, z);
        mdp.score(logits, y, estimate!.advantages).forEach((g, k) => total[k]! += p * g);
      }
    }
    return total;
  };
  nearAll(over((_, other) => [other]), exact, "fresh", 1e-9);
  // The first three logits are the first state's.
  const shrunk = exact.map((g, k) => k < 3 ? g / 2 : g);
  nearAll(over((own, other) => [own, other]), shrunk, "the group's own", 1e-9);
});

Deno.test("k1 in the reward gives the gradient of reward less KL divergence of whole responses", () => {
  const beta = 0.3;
  const objective = centralDifferences(logits, (z) =>
    mdp.expectation(z, (y) => {
      const pi = mdp.logProbabilities(z, y), ref = mdp.logProbabilities(reference, y);
      return mdp.reward(y) - beta * pi.reduce((sum, p, t) => sum + p - ref[t]!, 0);
    }));
  const penalize = (rollout: Rollout) => withKlPenalty(rollout, beta);
  nearAll(expected("gae", { lambda: 1 }, wrong, penalize), objective, "k1", 1e-9);
});
