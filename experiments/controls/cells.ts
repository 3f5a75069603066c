import type { CriticSize } from "../../lib/critic/neural_critic.ts";
import { criticDefinition } from "../../lib/critic/registry.ts";
import type { PermutationConfigInput, PermutationEnvironment } from "../../lib/env/permutation.ts";
import { createEnvironment } from "../../lib/env/registry.ts";
import type { Cell } from "../../lib/run/experiment.ts";
import { cellMemory } from "../shared/cell_memory.ts";
import { type Size, sizeName } from "../shared/config.ts";
import { criticCost } from "../shared/critic_cost.ts";
import { GENERATIVE } from "../shared/kinds.ts";
import { separateSeeds } from "../shared/search.ts";
import type { ControlsCell } from "./cell.ts";
import type { ControlsConfig } from "./config.ts";
import { type Control, type ControlName, controlOf } from "./controls.ts";
import { handFeatures } from "./hand_features.ts";

/** The training runs of a configuration: controls x sizes x seeds. */
export function controlsCells(config: ControlsConfig): Cell<ControlsCell>[] {
  const { runs, seeds, sweep } = config;
  separateSeeds("sweep.seeds", sweep.seeds, seeds);
  const environments = new Map<Control["puzzle"], PermutationEnvironment>();
  const cell = (
    control: ControlName,
    size: Size,
    seed: number,
    factor = 1,
    role: ControlsCell["role"] = "report",
  ): Cell<ControlsCell> => {
    const definition = controlOf(control);
    const puzzle = puzzleOf(config, definition.puzzle);
    const environment = environments.get(definition.puzzle) ??
      createEnvironment("permutation", puzzle);
    environments.set(definition.puzzle, environment);
    const learningRate = size.learningRate * factor;
    const { dModel, layers } = size, base = { dModel, layers };
    const { own, steps, cost, memory } = amount(config, definition, environment, base);
    const suffix = role === "tuning" || factor !== 1 ? `/lr${learningRate}` : "";
    return {
      id: `${control}/${sizeName(size)}${suffix}/seed${seed}`,
      seed,
      config: {
        control,
        critic: definition.critic,
        base,
        size: own,
        learningRate,
        factor,
        role,
        environment: puzzle,
        actor: config.actor,
        steps,
        batchSize: config.batchSize,
        traceLabels: definition.traceLabels ?? { kind: "true" },
        denseValues: definition.denseValues ?? false,
        rollouts: definition.rollouts ?? null,
        testSeed: config.testSeed,
        testStates: config.testStates,
      },
      cost,
      memory,
    };
  };
  return runs.flatMap(({ control, sizes, seeds: most = seeds.length }) => {
    const reported = seeds.slice(0, most);
    return sizes.flatMap((size) =>
      control !== "learning-rate"
        ? reported.map((seed) => cell(control, size, seed))
        : sweep.factors
          .flatMap((factor) => [
            ...sweep.seeds.map((seed) => cell(control, size, seed, factor, "tuning")),
            // Those of factor 1 are the runs of the discriminative critic.
            ...(factor === 1 ? [] : reported.map((seed) => cell(control, size, seed, factor))),
          ])
    );
  });
}

function puzzleOf(
  { environment, abelian, shortWords }: ControlsConfig,
  puzzle: Control["puzzle"],
): PermutationConfigInput {
  return puzzle === undefined
    ? environment
    : { ...environment, ...puzzle === "abelian" ? abelian : shortWords };
}

/** How large a control's critic is, how long it is trained, and what that costs in FLOPs and bytes. */
function amount(
  { batchSize, moreData, steps }: ControlsConfig,
  control: Control,
  environment: PermutationEnvironment,
  base: CriticSize,
): { own: CriticSize; steps: number; cost: number; memory: number } {
  if (control.critic === "ridge") {
    const { count } = handFeatures(environment);
    const cost = steps * batchSize * count * (count + 1);
    return { own: base, steps, cost, memory: cellMemory([]) };
  }
  const costOf = (critic: string, size: CriticSize) =>
    criticCost(criticDefinition(critic), environment, size);
  let own = base;
  if (control.layers === "double") own = { ...base, layers: 2 * base.layers };
  if (control.layers === "equal FLOPs") {
    const answer = costOf(GENERATIVE, base).forward(1);
    while (costOf(control.critic, own).forward(1) < answer) {
      own = { ...own, layers: own.layers + 1 };
    }
  }
  const step = costOf(control.critic, own).training(batchSize);
  const times = control.steps === "equal FLOPs"
    ? costOf(GENERATIVE, own).training(batchSize) / step
    : control.steps === "more data"
    ? moreData
    : 1;
  const all = Math.round(steps * times);
  const memory = cellMemory([costOf(control.critic, own).memory()]);
  return { own, steps: all, cost: all * step, memory };
}
