import { criticDefinition } from "../../lib/critic/registry.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import { type Size, sizeName } from "../shared/config.ts";
import { criticCost } from "../shared/critic_cost.ts";
import { separateSeeds } from "../shared/search.ts";
import type { ScalingCell } from "./cell.ts";
import type { ScalingConfig } from "./config.ts";

/** The training runs of a configuration: critics x sizes x seeds, then the search's. */
export function scalingCells(config: ScalingConfig): Cell<ScalingCell>[] {
  const { runs, seeds, sweep, bootstrapSeed: _, bootstrapReplicates: __, ...shared } = config;
  separateSeeds("sweep.seeds", sweep?.seeds ?? [], seeds);
  const puzzle = createEnvironment("permutation", config.environment);
  const cell = (
    role: ScalingCell["role"],
    critic: string,
    { dModel, layers, learningRate: chosen }: Size,
    seed: number,
    factor: number,
  ): Cell<ScalingCell> => {
    const size = { dModel, layers }, learningRate = chosen * factor;
    const suffix = role === "sweep" ? `/lr${learningRate}` : "";
    return {
      id: `${critic}/${sizeName(size)}${suffix}/seed${seed}`,
      seed,
      config: { ...shared, critic, size, learningRate, factor, role },
      cost: config.steps *
        criticCost(criticDefinition(critic), puzzle, size).training(config.batchSize),
    };
  };
  const all = (
    role: ScalingCell["role"],
    list: ScalingConfig["runs"],
    factors: readonly number[],
    seeds: readonly number[],
  ) =>
    list.flatMap(({ critic, sizes }) =>
      sizes.flatMap((size) =>
        factors.flatMap((factor) => seeds.map((seed) => cell(role, critic, size, seed, factor)))
      )
    );
  return [
    ...all("report", runs, [1], seeds),
    ...(sweep ? all("sweep", sweep.runs, sweep.factors, sweep.seeds) : []),
  ];
}
