import { critics } from "../../lib/critic/registry.ts";
import { criticSequenceLength, criticTransformer } from "../../lib/critic/neural_critic.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { trainingFlops } from "../../lib/nn/flops.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import type { ScalingCell } from "./cell.ts";
import { separateSeeds, type Size, sizeName } from "../shared/config.ts";
import type { ScalingConfig } from "./config.ts";

/** The training runs of a configuration: critics x sizes x seeds, then the sweep's. */
export function scalingCells(config: ScalingConfig): Cell<ScalingCell>[] {
  const { actor, batchSize, difficulties, environment, steps, sweep, testSeed, testStates } =
    config;
  separateSeeds("sweep.seeds", sweep?.seeds ?? [], config.seeds);
  const puzzle = createEnvironment("permutation", environment);
  const cell = (
    role: ScalingCell["role"],
    critic: string,
    size: Size,
    seed: number,
    factor: number,
  ): Cell<ScalingCell> => {
    const name = sizeName(size);
    const learningRate = size.learningRate * factor;
    const definition = critics[critic]!;
    const length = criticSequenceLength(definition, puzzle);
    const transformer = criticTransformer(definition, puzzle, size);
    const suffix = role === "sweep" ? `/lr${learningRate}` : "";
    return {
      id: `${critic}/${name}${suffix}/seed${seed}`,
      seed,
      config: {
        critic,
        size: { dModel: size.dModel, layers: size.layers },
        learningRate,
        factor,
        role,
        environment,
        actor,
        steps,
        batchSize,
        testSeed,
        testStates,
        difficulties,
      },
      cost: steps * trainingFlops(transformer, batchSize, length),
    };
  };
  return [
    ...config.runs.flatMap(({ critic, sizes }) =>
      sizes.flatMap((size) => config.seeds.map((seed) => cell("report", critic, size, seed, 1)))
    ),
    ...(sweep?.runs ?? []).flatMap(({ critic, sizes }) =>
      sizes.flatMap((size) =>
        sweep!.factors.flatMap((factor) =>
          sweep!.seeds.map((seed) => cell("sweep", critic, size, seed, factor))
        )
      )
    ),
  ];
}
