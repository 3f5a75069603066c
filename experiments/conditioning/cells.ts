import { criticDefinition } from "../../lib/critic/registry.ts";
import { UsageError } from "../../lib/errors.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import { cellMemory } from "../shared/cell_memory.ts";
import { type Size, sizeName } from "../shared/config.ts";
import { criticCost } from "../shared/critic_cost.ts";
import { separateSeeds } from "../shared/search.ts";
import type { ConditioningCell } from "./cell.ts";
import type { ConditioningConfig } from "./config.ts";
import { conditionedEnvironment, type ContextName } from "./contexts.ts";

/** The training runs of a configuration: critics x contexts x sizes x seeds, then the search's. */
export function conditioningCells(config: ConditioningConfig): Cell<ConditioningCell>[] {
  const { seeds, runs, sweep, ...shared } = config;
  separateSeeds("sweep.seeds", sweep?.seeds ?? [], seeds);
  for (const epsilon of config.transfer.epsilons) {
    if (config.actors.seen.includes(epsilon)) continue;
    throw new UsageError("transfer.epsilons", epsilon, "choose from actors.seen");
  }
  const cell = (
    role: ConditioningCell["role"],
    critic: string,
    context: ContextName,
    { dModel, layers, learningRate: chosen }: Size,
    seed: number,
    factor: number,
  ): Cell<ConditioningCell> => {
    const environment = conditionedEnvironment(config.environment, context, config);
    const size = { dModel, layers }, learningRate = chosen * factor;
    const costs = criticCost(criticDefinition(critic), environment, size);
    const suffix = role === "sweep" ? `/lr${learningRate}` : "";
    return {
      id: `${critic}/${sizeName(size)}/${context}${suffix}/seed${seed}`,
      seed,
      config: { ...shared, critic, context, size, learningRate, factor, role },
      cost: config.steps * costs.training(config.batchSize),
      memory: cellMemory([costs.memory()]),
    };
  };
  const all = (
    role: ConditioningCell["role"],
    list: ConditioningConfig["runs"],
    factors: readonly number[],
    seeds: readonly number[],
  ) =>
    list.flatMap(({ critic, contexts, sizes }) =>
      sizes.flatMap((size) =>
        contexts.flatMap((context) =>
          factors.flatMap((factor) =>
            seeds.map((seed) => cell(role, critic, context, size, seed, factor))
          )
        )
      )
    );
  return [
    ...all("report", runs, [1], seeds),
    ...(sweep ? all("sweep", sweep.runs, sweep.factors, sweep.seeds) : []),
  ];
}
