/** Rollouts of the kit's own tasks, whose exact values are known: what an evaluation says of them can be checked. */
import assert from "node:assert/strict";
import type { Critic } from "../critic/critic.ts";
import { OracleCritic } from "../critic/oracle.ts";
import { SatEnvironment, type SatState } from "../env/sat.ts";
import { near } from "../eval/testdata.ts";
import { mse } from "../eval/value_errors.ts";
import { valueReport } from "../eval/value_report.ts";
import { askCritic } from "./ask_critic.ts";
import { evaluateCritics } from "./evaluate.ts";
import { environmentCritic, kitRollouts } from "./kit_rollouts.ts";
import { statesOf } from "./states.ts";

const task = new SatEnvironment({ minVariables: 5, maxVariables: 5 });
const actor = { epsilon: 0.4 };
const options = { actor, seed: 3, problems: 30, responses: 4 };

/** Off by a known function of the state. */
const biased: Critic<SatState> = {
  name: "biased",
  values: (questions) =>
    Promise.resolve(questions.map(({ state }) => ({
      value: 0.6 * task.exactValue(state, actor) + 0.1 * (task.stepsLeft(state) % 2),
      expectation: null,
    }))),
};

async function evaluation(continuations: number | "exact") {
  const { records, stateOf } = kitRollouts(task, { ...options, continuations });
  const oracle = new OracleCritic(task, actor);
  const set = statesOf(records);
  const named = { kind: "discriminative" } as const;
  const made = await evaluateCritics(set, [
    askCritic(environmentCritic(oracle, stateOf), { ...named, name: "oracle", title: "Oracle" }),
    askCritic(environmentCritic(biased, stateOf), { ...named, name: "biased", title: "Biased" }),
  ], { file: "kit", replicates: 200 });
  const critic = (name: string) => made.critics.find((one) => one.name === name)!;
  return { set, made, oracle: critic("oracle"), biased: critic("biased") };
}

Deno.test("beside exact values the numbers are those of valueReport", async () => {
  const { set, oracle, biased: { scores, values } } = await evaluation("exact");
  const exact = set.states.map(({ value }) => value);
  const report = valueReport(values, exact);
  assert.equal(oracle.scores.penalizedMse.estimate, 0);
  assert.equal(oracle.scores.withinRanking.estimate, 1);
  assert.equal(oracle.scores.advantageSign.estimate, 1);
  assert.equal(oracle.scores.selectionRegret.estimate, 0);
  assert.ok(oracle.scores.selection.every(({ accuracy }) => accuracy === 1));
  near(scores.penalizedMse.estimate, report.mse!);
  near(scores.debiasedMse.estimate, report.mse!, 1e-9);
  near(scores.bias.estimate, report.bias!);
  near(scores.r2, report.r2!);
  for (const name of ["pearson", "spearman", "kendall", "mae"] as const) {
    near(scores[name], report[name]!, 1e-9);
  }
});

Deno.test("beside Monte Carlo values the debiased error is that beside the exact ones", async () => {
  const exact = await evaluation("exact");
  const sampled = await evaluation(8);
  assert.deepEqual(
    sampled.set.rollouts.map(({ record }) => record.response),
    exact.set.rollouts.map(({ record }) => record.response),
    "the same responses",
  );
  const truth = exact.set.states.map(({ value }) => value);
  near(sampled.biased.scores.debiasedMse.estimate, mse(sampled.biased.values, truth)!, 0.003);
  near(sampled.oracle.scores.debiasedMse.estimate, 0, 0.003);
  near(sampled.oracle.scores.penalizedMse.estimate, sampled.made.set.noise!, 0.003);
  // What the explained variance of the true values is, beside its ceiling by Monte Carlo values alone.
  near(sampled.oracle.scores.explainedVariance, sampled.made.set.explainedVarianceCeiling!, 0.05);
});

Deno.test("states of other rollouts are refused", () => {
  const { records } = kitRollouts(task, options);
  const { stateOf } = kitRollouts(task, { ...options, seed: 4 });
  assert.throws(
    () => stateOf({ record: records[0]!, at: 0, unit: "token" }),
    /rollout: "sat 0": no state of sat/,
  );
});
