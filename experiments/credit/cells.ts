import { criticDefinition } from "../../lib/critic/registry.ts";
import { actorTransformer } from "../../lib/actor/neural_actor.ts";
import { createTask } from "../../lib/env/registry.ts";
import type { TaskEnvironment } from "../../lib/env/task.ts";
import { trainingFlops } from "../../lib/nn/flops.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import { criticCost } from "../shared/critic_cost.ts";
import { separateSeeds } from "../shared/search.ts";
import { type CreditConfig, preparationOf, type TaskConfig } from "./config.ts";
import { type CriticKind, CRITICS, type MethodName, methodOf } from "./methods.ts";

/** One method at one learning rate. */
export interface MethodRun {
  /** The method, and for the search its rate: "grpo/lr0.001". */
  readonly id: string;
  readonly method: MethodName;
  readonly learningRate: number;
}

/** Everything a cell depends on besides its seed: one actor, its critics, and all methods from there. */
export interface CreditCell extends
  Pick<
    CreditConfig,
    "training" | "evaluateEvery" | "testSeed" | "testProblems" | "testStates" | "gradientBatches"
  > {
  readonly task: Omit<TaskConfig, "methods" | "search">;
  readonly runs: readonly MethodRun[];
  /** Critics that the runs need. */
  readonly needs: readonly CriticKind[];
}

/** A cell for each task and seed, and for each task and tuning seed. */
export function creditCells(config: CreditConfig): Cell<CreditCell>[] {
  const { seeds, tasks } = config;
  return tasks.flatMap((task) => {
    const { search } = task;
    const reported = task.methods.map(({ name, learningRate }) => ({
      id: name,
      method: name,
      learningRate,
    }));
    const cells = seeds.map((seed) =>
      cell(config, task, reported, `${task.name}/seed${seed}`, seed)
    );
    if (!search) return cells;
    separateSeeds("search.seeds", search.seeds, seeds);
    const training = { ...config.training, iterations: search.iterations };
    const shorter = { ...config, training, gradientBatches: 0 };
    return [
      ...cells,
      ...search.seeds.map((seed) =>
        cell(shorter, task, searchRuns(search), `${task.name}/search/seed${seed}`, seed)
      ),
    ];
  });
}

/** Every method at every rate. */
export function searchRuns(
  { methods, rates }: NonNullable<TaskConfig["search"]>,
): MethodRun[] {
  return methods.flatMap((method) =>
    rates.map((learningRate) => ({ id: `${method}/lr${learningRate}`, method, learningRate }))
  );
}

function cell(
  config: CreditConfig,
  { methods: _, search: __, ...task }: TaskConfig,
  runs: readonly MethodRun[],
  id: string,
  seed: number,
): Cell<CreditCell> {
  const { evaluateEvery, gradientBatches, testProblems, testSeed, testStates, training } = config;
  const names = runs.map(({ method }) => methodOf(method).critic);
  const needs = (Object.keys(CRITICS) as CriticKind[]).filter((kind) => names.includes(kind));
  return {
    id,
    seed,
    config: {
      task,
      runs,
      needs,
      training,
      evaluateEvery,
      testSeed,
      testProblems,
      testStates,
      gradientBatches,
    },
    cost: cost(task, runs, needs, config),
  };
}

/** A task's environment. */
export function taskEnvironment(
  { environment, environmentConfig }: Pick<TaskConfig, "environment" | "environmentConfig">,
): TaskEnvironment<unknown, unknown> {
  return createTask(environment, environmentConfig);
}

/** Estimated FLOPs. */
function cost(
  task: CreditCell["task"],
  runs: readonly MethodRun[],
  needs: readonly CriticKind[],
  { training }: CreditConfig,
): number {
  const environment = taskEnvironment(task);
  const actor = (batch: number) =>
    trainingFlops(actorTransformer(environment, task.actor), batch, environment.maxActorLength);
  const critic = (kind: CriticKind, batch: number) => {
    const definition = criticDefinition(CRITICS[kind].definition);
    return criticCost(definition, environment, preparationOf(task, kind).size).training(batch);
  };
  let total = task.sftSteps * actor(task.sftBatchSize);
  for (const kind of needs) {
    const { batchSize, steps, traces } = preparationOf(task, kind);
    total += ((traces?.steps ?? 0) + steps) * critic(kind, batchSize);
  }
  const batch = training.problems * training.responses;
  for (const { method } of runs) {
    const kind = methodOf(method).critic;
    // A generative critic answers some states of each response, a discriminative one all.
    total += training.iterations * (2 * actor(batch) + (kind ? critic(kind, 2 * batch) : 0));
  }
  return total;
}
