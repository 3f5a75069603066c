import type { LabelledState } from "../../lib/critic/critic.ts";
import type { CriticContext } from "../../lib/env/environment.ts";
import type { RunningSumEnvironment, RunningSumState } from "../../lib/env/running_sum.ts";
import { estimateSuccessRate } from "../../lib/env/sampling.ts";
import type { CellContext, CellResult } from "../../lib/run/experiment.ts";
import type { ConditioningCell, CriticMetrics } from "./cell_types.ts";
import { runCritic } from "./critic_run.ts";
import { labelledStates } from "./text_report.ts";

/** A critic of several programmatic actors' values, which is told their success rates or not. */
export function runConditioning(
  config: ConditioningCell,
  seed: number,
  context: CellContext,
): Promise<CellResult<CriticMetrics>> {
  const { answerWeight, critic, epsilons, states, testSeed, testStates, unseen } = config;
  const rates = new Map<number, CriticContext<RunningSumState>>();
  /** What a prompt says of an actor: its success rate, estimated once. */
  const told = (task: RunningSumEnvironment, epsilon: number) => {
    if (!config.told) return {};
    const known = rates.get(epsilon);
    if (known) return known;
    const successRate = estimateSuccessRate(
      task,
      { seed, purpose: `llm/rate/${epsilon}` },
      config.episodes,
      { actor: { epsilon }, split: "train" },
    );
    rates.set(epsilon, { successRate });
    return { successRate };
  };
  const example = (task: RunningSumEnvironment, row: number): LabelledState<RunningSumState> => {
    const epsilon = epsilons[row % epsilons.length]!;
    const key = { seed, purpose: "llm/conditioning", firstRow: row };
    const options = { actor: { epsilon }, split: "train" } as const;
    return labelledStates(task, key, 1, options, told(task, epsilon))[0]!;
  };
  return runCritic({
    config,
    seed,
    part: "conditioning",
    critic,
    options: { answerWeight },
    amount: () => ({ steps: Math.ceil(states / config.batchSize), states }),
    example,
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
            told(task, epsilon),
          ),
        ]),
      ),
  }, context);
}

/** The name of the test set of an actor's states. */
export function actorSet(epsilon: number): string {
  return `epsilon ${epsilon}`;
}
