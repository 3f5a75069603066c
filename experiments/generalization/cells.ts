import { criticSequenceLength, criticTransformer } from "../../lib/critic/neural_critic.ts";
import { critics } from "../../lib/critic/registry.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import { forwardFlops, trainingFlops } from "../../lib/nn/flops.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import { sizeName } from "../shared/config.ts";
import type { GeneralizationCell } from "./cell.ts";
import type { GeneralizationConfig } from "./config.ts";
import { testEnvironment } from "./states.ts";

/** The training runs of a configuration: critics x sizes x seeds. */
export function generalizationCells(config: GeneralizationConfig): Cell<GeneralizationCell>[] {
  const { actor, batchSize, environment, runs, seeds, steps, testSeed, testStates, tests } = config;
  const puzzle = createEnvironment("permutation", environment);
  // Says now, and not after training, that a test set cannot be drawn.
  const lengths = tests.map((set) => testEnvironment(set, environment).maxLengths(set));
  return runs.flatMap(({ critic, sizes }) =>
    sizes.flatMap((size) => {
      const definition = critics[critic]!;
      const transformer = criticTransformer(definition, puzzle, size);
      const training = trainingFlops(
        transformer,
        batchSize,
        criticSequenceLength(definition, puzzle),
      );
      const testing = lengths.map(({ prompt, trace }) => {
        const length = prompt + (definition.after === "trace" ? 1 + trace : 0);
        return forwardFlops(transformer, testStates * length, length);
      });
      return seeds.map((seed) => ({
        id: `${critic}/${sizeName(size)}/seed${seed}`,
        seed,
        config: {
          critic,
          size: { dModel: size.dModel, layers: size.layers },
          learningRate: size.learningRate,
          environment,
          actor,
          steps,
          batchSize,
          testSeed,
          testStates,
          tests,
        },
        cost: testing.reduce((sum, flops) => sum + flops, steps * training),
      }));
    })
  );
}
