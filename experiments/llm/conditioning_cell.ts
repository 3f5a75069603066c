import type { RunningSumEnvironment } from "../../lib/env/running_sum.ts";
import type { Cell, CellContext, CellResult } from "../../lib/run/experiment.ts";
import type { ConditioningCell, CriticMetrics } from "./cell_types.ts";
import { runCritic } from "./critic_run.ts";
import { type ActorsLessons, lessonsOf } from "./several_actors.ts";
import { labelledStates } from "./text_report.ts";

/** A critic of several programmatic actors' values, which is told their success rates or not. */
export function runCell(
  { config, seed }: Cell<ConditioningCell>,
  context: CellContext,
): Promise<CellResult<CriticMetrics>> {
  const { answerWeight, critic, epsilons, states, testSeed, testStates, unseen } = config;
  let known: ActorsLessons | undefined;
  const lessons = (task: RunningSumEnvironment) => known ??= lessonsOf(config, task, seed);
  return runCritic({
    config,
    seed,
    part: "conditioning",
    critic,
    options: { answerWeight },
    amount: () => ({ steps: Math.ceil(states / config.batchSize), states }),
    example: (task, row) => lessons(task).example(row),
    row: (index) => index,
    tests: (task) =>
      Object.fromEntries(
        [...epsilons, unseen].map((epsilon) => [
          actorSet(epsilon),
          labelledStates(
            task,
            { seed: testSeed, purpose: "llm/conditioning/test" },
            testStates,
            { actor: { epsilon }, split: "test" },
            lessons(task).context(epsilon),
          ),
        ]),
      ),
  }, context);
}

/** The name of the test set of an actor's states. */
export function actorSet(epsilon: number): string {
  return `epsilon ${epsilon}`;
}
