import type { LabelledState } from "../../lib/critic/critic.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { RunningSumEnvironment, RunningSumState } from "../../lib/env/running_sum.ts";
import { sampleStates } from "../../lib/env/sampling.ts";
import { clip01 } from "../../lib/numeric/clip01.ts";
import { sha256 } from "../../lib/numeric/digest.ts";
import { RandomStream } from "../../lib/numeric/random.ts";
import { Moments, predict, ridge } from "../../lib/numeric/ridge.ts";
import { sum } from "../../lib/numeric/sums.ts";
import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import type { CriticMetrics, ValueCell } from "./cell_types.ts";
import { runCritic } from "./critic_run.ts";
import type { BaseModel } from "./base_models.ts";
import { valueRun } from "./runs.ts";
import { rowOfPass } from "./training.ts";
import { labelledStates, textReport } from "./text_report.ts";

/** Keeps the regression's equations solvable. */
const PENALTY = 1e-6;

/** A critic of one programmatic actor's values, or the regression beside it. */
export function runCell(
  { config, seed }: Cell<ValueCell>,
  context: CellContext,
): Promise<CellResult<CriticMetrics>> {
  const { budget, critic, labels } = valueRun(config.run);
  if (critic === null) return Promise.resolve(runRegression(config, seed));
  const example = (task: RunningSumEnvironment, row: number) =>
    trainingState(config, seed, task, row);
  return runCritic({
    config,
    seed,
    part: "values",
    critic,
    // Where it cannot know the value the likeliest answer is not the mean.
    options: { expectation: critic !== "head" && (labels === "outcomes" || critic === "one-shot") },
    amount: (base, task) => {
      const steps = Math.ceil(config.states / config.batchSize);
      if (budget === "states") return { steps, states: config.states };
      const states = Array.from({ length: config.states }, (_, row) => example(task, row));
      const more = Math.round(steps * chainTokens(base, task, states));
      return {
        steps: more,
        states: budget === "passes" ? config.states : more * config.batchSize,
      };
    },
    example,
    row: (index) => budget === "passes" ? rowOfPass(config.states, seed, index) : index,
    tests: (task) => testSets(config, task),
  }, context);
}

/** State `row` of the training data, the same for all runs of a seed, with its label. */
function trainingState(
  { actor, run }: ValueCell,
  seed: number,
  task: RunningSumEnvironment,
  row: number,
): LabelledState<RunningSumState> {
  const key = { seed, purpose: "llm/train", firstRow: row };
  const state = sampleStates(task, key, 1, { actor, split: "train" })[0]!;
  const outcome = () =>
    task.rollout(new RandomStream({ seed, purpose: "llm/outcomes", row }), state, actor).reward;
  const value = valueRun(run).labels === "values" ? task.exactValue(state, actor) : outcome();
  return { state, context: {}, value };
}

/** Tokens of the chain of thought critic's training sequences on these states, over those of a value head's. */
function chainTokens(
  { tokenizer }: BaseModel,
  task: RunningSumEnvironment,
  states: readonly LabelledState<RunningSumState>[],
): number {
  const prompts = states.map(({ state }) => tokenizer.encode(task.criticPromptText(state)).length);
  const chains = states.map(({ state }) =>
    tokenizer.encode(`${task.traceText(state)} <answer>5</answer>`).length
  );
  return 1 + sum(chains) / sum(prompts);
}

/** Held-out states, the same for all runs: of the lengths of training, and of longer problems. */
function testSets(
  { actor, longer, testSeed, testStates }: ValueCell,
  task: RunningSumEnvironment,
): Record<string, LabelledState<RunningSumState>[]> {
  const key = { seed: testSeed, purpose: "llm/test" };
  const states = (n?: number) =>
    labelledStates(task, key, testStates, {
      actor,
      split: "test",
      ...n !== undefined && { difficulty: { min: n, max: n } },
    });
  return Object.fromEntries([
    [IN_DISTRIBUTION, states()],
    ...longer.map((n) => [longerSet(n), states(n)] as const),
  ]);
}

/** The name of the test set with the lengths of training. */
export const IN_DISTRIBUTION = "in distribution";

/** The name of the test set with longer problems. */
export function longerSet(addends: number): string {
  return `${addends} addends`;
}

/** The linear model of the task's features: as many examples as a critic gets where data are equal. */
function runRegression(config: ValueCell, seed: number): CellResult<CriticMetrics> {
  const task = createEnvironment("running-sum", config.task);
  const featuresOf = (state: RunningSumState) => Float64Array.from(task.features(state));
  let moments: Moments | undefined;
  for (let row = 0; row < config.states; row++) {
    const { state, value } = trainingState(config, seed, task, row), x = featuresOf(state);
    moments ??= new Moments(x.length);
    moments.add(x, value);
  }
  const model = ridge(moments!, PENALTY);
  const tests = Object.entries(testSets(config, task)).map(([set, labelled]) => {
    const predictions = labelled.map(({ state }) => ({
      value: clip01(predict(model, featuresOf(state))),
      expectation: null,
    }));
    return [set, textReport(task, labelled, predictions, false)] as const;
  });
  const weights = Float64Array.from([model.intercept, ...model.weights]);
  return {
    metrics: {
      part: "values",
      parameters: weights.length,
      trainingTokens: 0,
      trainingStates: config.states,
      answerTokens: 0,
      tests: Object.fromEntries(tests),
      curve: [],
    },
    digests: { parameters: sha256(new Uint8Array(weights.buffer)) },
  };
}
