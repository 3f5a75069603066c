import { criticDefinition } from "../../lib/critic/registry.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import { cellMemory } from "../shared/cell_memory.ts";
import { sizeName } from "../shared/config.ts";
import { criticCost } from "../shared/critic_cost.ts";
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
    sizes.flatMap(({ dModel, layers, learningRate }) => {
      const definition = criticDefinition(critic), size = { dModel, layers };
      const costs = criticCost(definition, puzzle, size);
      const tested = lengths.map(({ prompt, trace }) =>
        prompt + (definition.after === "trace" ? 1 + trace : 0)
      );
      const testing = tested.map((length) => costs.forward(testStates, length));
      const shared = { environment, actor, steps, batchSize, testSeed, testStates, tests };
      return seeds.map((seed) => ({
        id: `${critic}/${sizeName(size)}/seed${seed}`,
        seed,
        config: { critic, size, learningRate, ...shared },
        cost: testing.reduce((sum, flops) => sum + flops, steps * costs.training(batchSize)),
        // Each length has programs of its own.
        memory: cellMemory([costs.memory(), ...tested.map((length) => costs.memory(length))]),
      }));
    })
  );
}
