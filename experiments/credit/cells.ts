import { criticDefinition } from "../../lib/critic/registry.ts";
import { actorTransformer } from "../../lib/actor/neural_actor.ts";
import { createTask } from "../../lib/env/registry.ts";
import type { TaskEnvironment } from "../../lib/env/task.ts";
import { trainingFlops } from "../../lib/nn/flops.ts";
import { maximum } from "../../lib/numeric/extrema.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import { cellMemory, modelMemory } from "../shared/cell_memory.ts";
import { criticCost } from "../shared/critic_cost.ts";
import { separateSeeds } from "../shared/search.ts";
import { type CreditConfig, criticSize, type TaskConfig } from "./config.ts";
import {
  criticEntry,
  type CriticKind,
  CRITICS,
  type MethodName,
  methodOf,
  REINFORCE,
  trainingOf,
} from "./methods.ts";

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
    | "training"
    | "evaluateEvery"
    | "judgeEvery"
    | "testSeed"
    | "testProblems"
    | "criticTest"
    | "gradientBatches"
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
    const cells = seeds.flatMap((seed, i) => {
      const runs = task.methods.filter((method) => i < (method.seeds ?? seeds.length))
        .map(({ name, learningRate }) => ({ id: name, method: name, learningRate }));
      return runs.length === 0 ? [] : [cell(config, task, runs, `${task.name}/seed${seed}`, seed)];
    });
    if (!search) return cells;
    separateSeeds("search.seeds", search.seeds, seeds);
    const alone = { ...config, gradientBatches: 0 };
    return [
      ...cells,
      ...search.seeds.map((seed) =>
        cell(alone, task, searchRuns(search), `${task.name}/search/seed${seed}`, seed)
      ),
    ];
  });
}

/** Every method at every rate of its own. */
export function searchRuns({ runs }: NonNullable<TaskConfig["search"]>): MethodRun[] {
  return runs.flatMap(({ method, rates }) =>
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
  const { seeds: _seeds, tasks: _tasks, ...shared } = config;
  const names = runs.map(({ method }) => methodOf(method).critic);
  const needs = (Object.keys(CRITICS) as CriticKind[]).filter((kind) =>
    names.includes(kind) ||
    // The one that it goes on from.
    kind === "generative" && names.some((name) => name && criticEntry(name).reinforced)
  );
  return {
    id,
    seed,
    config: { ...shared, task, runs, needs },
    cost: cost(task, runs, needs, config),
    memory: memory(task, runs, needs),
  };
}

/** A task's environment. */
export function taskEnvironment(
  { environment, environmentConfig }: Pick<TaskConfig, "environment" | "environmentConfig">,
): TaskEnvironment<unknown, unknown> {
  return createTask(environment, environmentConfig);
}

/** Estimated bytes: the prepared actor and critics, the pilot's actors, and each run's actor and critic. */
function memory(
  task: CreditCell["task"],
  runs: readonly MethodRun[],
  needs: readonly CriticKind[],
): number {
  const environment = taskEnvironment(task);
  const actor = modelMemory(actorTransformer(environment, task.actor), environment.maxActorLength);
  const critic = (kind: CriticKind) =>
    criticCost(criticDefinition(criticEntry(kind).definition), environment, criticSize(task, kind))
      .memory();
  const models = [
    ...[actor, actor, ...task.pilot.checkpoints.map(() => actor), ...needs.map(critic)],
    ...runs.flatMap(({ method }) => {
      const { critic: kind } = methodOf(method);
      return [actor, ...kind ? [critic(kind)] : []];
    }),
  ];
  // Preparation, rollouts and tests have batches of other sizes and lengths, each with programs of its own.
  return cellMemory([...models, ...models]);
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
  const critic = (kind: CriticKind) =>
    criticCost(criticDefinition(criticEntry(kind).definition), environment, criticSize(task, kind));
  const { checkpoints, problems, responses } = task.pilot;
  let total = task.sft.steps * actor(task.sft.batchSize) +
    2 * maximum(checkpoints) * actor(problems * responses);
  for (const kind of needs) {
    const { reinforced, preparation } = criticEntry(kind), { training: step } = critic(kind);
    const { reinforce, traces } = task.generative, { batchSize, steps } = task[preparation];
    if (reinforced) total += 2 * reinforce.steps * step(REINFORCE.batch);
    else {
      if (preparation === "generative") total += traces.steps * step(traces.batchSize);
      total += steps * step(batchSize);
    }
  }
  for (const { method, learningRate } of runs) {
    const { iterations, problems, responses, epochs } = trainingOf(method, {
      ...training,
      learningRate,
    });
    const { critic: kind } = methodOf(method), batch = problems * responses;
    // A generative critic answers some states of each response, a discriminative one all.
    total += iterations *
      ((1 + epochs) * actor(batch) + (kind ? critic(kind).training(2 * batch) : 0));
  }
  return total;
}
