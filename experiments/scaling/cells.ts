import { UsageError } from "../../lib/errors.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import { cellMemory } from "../shared/cell_memory.ts";
import { type Size, sizeName } from "../shared/config.ts";
import { criticCost } from "../shared/critic_cost.ts";
import { GENERATIVE } from "../shared/kinds.ts";
import { separateSeeds } from "../shared/search.ts";
import type { Labels, ScalingCell } from "./cell.ts";
import type { ScalingConfig } from "./config.ts";

/**
 * The training runs of a configuration: critics x sizes x seeds on exact values, the same on outcomes, then the search's.
 *
 * @throws UsageError for a tuning seed among the reported ones, and for sampled sizes that no generative critic has.
 */
export function scalingCells(config: ScalingConfig): Cell<ScalingCell>[] {
  const { outcomes = [], runs, samples, seeds, sweep, ...shared } = config;
  separateSeeds("sweep.seeds", sweep?.seeds ?? [], seeds);
  checkSizes(samples?.sizes ?? [], [...runs, ...outcomes]);
  const puzzle = createEnvironment("permutation", config.environment);
  const cell = (
    role: ScalingCell["role"],
    labels: Labels,
    critic: string,
    { dModel, layers, learningRate: chosen }: Size,
    seed: number,
    factor: number,
  ): Cell<ScalingCell> => {
    const size = { dModel, layers }, learningRate = chosen * factor;
    const suffix = role === "sweep"
      ? `/lr${learningRate}`
      : labels === "outcomes"
      ? "/outcomes"
      : "";
    const isSampled = samples !== undefined && role === "report" && critic === GENERATIVE &&
      samples.sizes.includes(sizeName(size));
    const costs = criticCost(criticDefinition(critic), puzzle, size);
    return {
      id: `${critic}/${sizeName(size)}${suffix}/seed${seed}`,
      seed,
      config: {
        ...shared,
        critic,
        size,
        labels,
        samples: isSampled ? { states: samples.states, counts: samples.counts } : null,
        learningRate,
        factor,
        role,
      },
      cost: config.steps * costs.training(config.batchSize),
      memory: cellMemory([costs.memory()]),
    };
  };
  const all = (
    role: ScalingCell["role"],
    labels: Labels,
    list: ScalingConfig["runs"],
    factors: readonly number[],
    seeds: readonly number[],
  ) =>
    list.flatMap(({ critic, sizes }) =>
      sizes.flatMap((size) =>
        factors.flatMap((factor) =>
          seeds.map((seed) => cell(role, labels, critic, size, seed, factor))
        )
      )
    );
  return [
    ...all("report", "exact", runs, [1], seeds),
    ...all("report", "outcomes", outcomes, [1], seeds),
    ...(sweep ? all("sweep", "exact", sweep.runs, sweep.factors, sweep.seeds) : []),
  ];
}

function checkSizes(sampled: readonly string[], runs: ScalingConfig["runs"]): void {
  const sizes = runs.filter(({ critic }) => critic === GENERATIVE)
    .flatMap(({ sizes }) => sizes.map(sizeName));
  for (const size of sampled) {
    if (sizes.includes(size)) continue;
    throw new UsageError("samples.sizes", size, `give sizes at which ${GENERATIVE} is trained`);
  }
}
